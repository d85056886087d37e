package vault

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// A change of the key store is first appended to a log, as one group of pages with one sync, and only later written to
// the pages' own places. A group counts when it is whole:
//
//	magic[4] ‖ u32be pages ‖ u64be generation ‖ u64be sequence ‖ u64be epoch ‖ pages × 4096 ‖ SHA-256 of all before
//
// The generation is that of the log file, the sequence counts its groups from 0. A group of an epoch beyond the top
// secret's belongs to an erasure that did not complete, and counts for nothing.
const (
	groupMagic  = "SjGr"
	groupHeader = 4 + 4 + 3*8
	maxGroup    = 1 << 13 // pages
	logTurn     = 2 << 20 // bytes; see Vault.turn
)

// sealedFrame is a page as it is stored, with what it shows.
type sealedFrame struct {
	pageHead
	bytes []byte
}

// group is one change of the key store.
type group struct {
	generation, sequence, epoch uint64
	frames                      []sealedFrame
}

func (g *group) encode() ([]byte, error) {
	if len(g.frames) > maxGroup {
		return nil, fmt.Errorf("%w: %d pages in one change, at most %d", ErrLimit, len(g.frames), maxGroup)
	}
	b := make([]byte, 0, groupHeader+len(g.frames)*pageSize+sha256.Size)
	b = append(b, groupMagic...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(g.frames)))
	b = binary.BigEndian.AppendUint64(b, g.generation)
	b = binary.BigEndian.AppendUint64(b, g.sequence)
	b = binary.BigEndian.AppendUint64(b, g.epoch)
	for _, f := range g.frames {
		b = append(b, f.bytes...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

// parseGroup reads the group at the beginning of b and gives its size.
func parseGroup(b []byte) (g *group, size int, ok bool) {
	if len(b) < groupHeader+sha256.Size || !bytes.HasPrefix(b, []byte(groupMagic)) {
		return nil, 0, false
	}
	n := binary.BigEndian.Uint32(b[4:])
	if n > maxGroup || len(b) < groupHeader+int(n)*pageSize+sha256.Size {
		return nil, 0, false
	}
	end := groupHeader + int(n)*pageSize
	sum := sha256.Sum256(b[:end])
	if !bytes.Equal(sum[:], b[end:end+sha256.Size]) {
		return nil, 0, false
	}
	g = &group{
		generation: binary.BigEndian.Uint64(b[8:]),
		sequence:   binary.BigEndian.Uint64(b[16:]),
		epoch:      binary.BigEndian.Uint64(b[24:]),
		frames:     make([]sealedFrame, n),
	}
	for i := range g.frames {
		f := &g.frames[i]
		f.bytes = b[groupHeader+i*pageSize : groupHeader+(i+1)*pageSize]
		var err error
		if f.pageHead, err = parsePage(f.bytes); err != nil {
			return nil, 0, false
		}
	}
	return g, end + sha256.Size, true
}

// parseLog reads all groups of a log. What follows the last whole group is the torn tail of a change that was never
// acknowledged, unless a whole group follows later: then the log is damaged at that offset. Whether the tail was acknowledged tells the mark.
func parseLog(b []byte, generation uint64) (groups []*group, torn int, damage error) {
	offset := 0
	for offset < len(b) {
		g, size, ok := parseGroup(b[offset:])
		if !ok || g.generation != generation || g.sequence != uint64(len(groups)) {
			break
		}
		groups = append(groups, g)
		offset += size
	}
	for rest := offset; rest < len(b); rest++ {
		i := bytes.Index(b[rest:], []byte(groupMagic))
		if i < 0 {
			break
		}
		rest += i
		if _, _, ok := parseGroup(b[rest:]); ok {
			return groups, 0, ErrDamagedPage{Offset: int64(offset), Why: "a change in the middle of the log is not whole"}
		}
	}
	return groups, len(b) - offset, nil
}
