package node

import (
	"fmt"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/lang"
)

const (
	// startRoom is how many bytes must be free for a start: its parts write lists of files and logs anew before they serve anything.
	startRoom = 16 << 20
	// lowRoom is below how many free bytes the status warns: what is large no longer fits.
	lowRoom = 64 << 20
)

// roomToStart refuses a start on a full disk, which would get stuck half way.
func roomToStart(l Layout) error {
	left, err := durable.Free(l.Dir)
	if err != nil {
		return fmt.Errorf("free space of %s: %w", l.Dir, err)
	}
	if left < startRoom {
		return lang.NewProblem("disk_full", mebibytes(left), mebibytes(startRoom)).In(l.Dir)
	}
	return nil
}

// roomStatus warns of a disk that gets full, before and while the journal still takes what is small.
func (n *Node) roomStatus(s *Status) {
	left, err := durable.Free(n.Dir)
	if err == nil && left < lowRoom {
		s.warn("disk-low", mebibytes(left), n.Dir)
	}
}

// examineRoom names a disk that is too full for a start.
func examineRoom(l Layout) []Finding {
	left, err := durable.Free(l.Dir)
	if err != nil || left >= startRoom {
		return nil
	}
	return []Finding{{
		Part: "disk", What: fmt.Sprintf("the disk of %s is full: %s MiB are free, a start needs %s", l.Dir, mebibytes(left), mebibytes(startRoom)),
		Why: "The record has grown, or something else took the room.",
		Do:  "Make room and start the node. Nothing needs to be put back or restored for this; delete nothing below " + l.Dir + ".",
	}}
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/(1<<20)) }
