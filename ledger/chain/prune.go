package chain

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// pruneEvery is after how many blocks old ones are dropped; CometBFT does it within the commit.
const pruneEvery = 64

// retain gives the lowest height whose block is to be kept: all within Config.Keep, within the reach of evidence, and
// those that a light block is still to be made of. 0 drops nothing.
func (e *books) retain(s *state) int64 {
	keep := e.cfg.keep()
	if keep < 0 || s.Height%pruneEvery != 0 || s.Height <= keep {
		return 0
	}
	base, lowest := e.blocks.Base(), s.Height-keep
	// Evidence lives until it is too old in blocks and in time; Keep is never below its number of blocks.
	lowest = base + int64(sort.Search(int(max(0, lowest-base)), func(i int) bool {
		rec, err := e.app.store.record(base + int64(i))
		return err != nil || s.time-rec.Time < evidenceAge.Milliseconds()
	}))
	if ep, ok, err := e.app.store.missing(s.epochs); err != nil {
		return 0
	} else if ok {
		lowest = min(lowest, ep.Since-1)
	}
	if lowest <= base {
		return 0
	}
	return lowest
}

const (
	logEvery = time.Minute
	// keptLogs is how many full files of the consensus log are kept besides the one being written. A start reads back to
	// the last block only.
	keptLogs = 2
)

// keepLogSmall drops old files of CometBFT's consensus log, which would grow to 1 GB.
func (e *engine) keepLogSmall(ctx context.Context) {
	tick := time.NewTicker(logEvery)
	defer tick.Stop()
	for {
		if err := trimLog(e.cfg.Dir); err != nil {
			e.log.Warn("drop old files of the consensus log", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func logDir(dir string) string { return filepath.Join(dir, "data", "cs.wal") }

// trimLog removes all but the latest full files of the consensus log: wal.000, wal.001, …; wal is being written.
func trimLog(dir string) error {
	files, err := logFiles(dir)
	if err != nil {
		return err
	}
	for len(files) > keptLogs {
		if err := os.Remove(filepath.Join(logDir(dir), files[0])); err != nil {
			return fmt.Errorf("chain: consensus log: %w", err)
		}
		files = files[1:]
	}
	return nil
}

// logFiles lists the full files of the consensus log, the oldest first.
func logFiles(dir string) ([]string, error) {
	list, err := os.ReadDir(logDir(dir))
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("chain: consensus log: %w", err)
	}
	var files []string
	for _, f := range list {
		if number, ok := strings.CutPrefix(f.Name(), "wal."); ok && number != "" && strings.Trim(number, "0123456789") == "" {
			files = append(files, f.Name())
		}
	}
	// Numbers have at least three digits, and grow longer.
	slices.SortFunc(files, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return files, nil
}
