package journal

import (
	"fmt"
	"slices"
)

const (
	sector = 512 // least unit that a disk writes whole or not at all, in bytes
	// searchBudget bounds the bytes summed in looking for frames behind a bad one, against crafted files.
	searchBudget = 1 << 30
)

// tail is what lies behind the last good frame of a file whose writer may have died.
type tail struct {
	name    string
	base    int64  // offset in the segment of the file's first byte
	pos     Cursor // where the good frames end
	durable int64  // offset in the segment up to which the file is known to have been fsynced
	groups  bool   // the file was written in groups by this journal, so that group bits tell what was durable
}

// judge tells a torn tail, of which it gives the length in bytes, from damage. b is all that lies at t.pos.
//
// A torn tail is the end of a write that never finished: whole sectors of it are missing, which then read as zeros, or
// all of it is missing from some byte on. It is never acknowledged. Anything else was once durable and has changed.
func (t tail) judge(b []byte) (torn int64, err error) {
	if t.pos.Offset < t.durable {
		return 0, t.damage(fmt.Sprintf("bytes that were durable up to %d cannot be read", t.durable-t.base))
	}
	if _, err := parseFrame(b); err == nil {
		return 0, t.damage("a whole frame that does not continue the journal")
	}
	end := lastByte(b)
	if end == 0 {
		return 0, nil
	}
	search := frameSearch{expect: t.pos.Entry, budget: searchBudget}
	first := -1
	for p := 1; p < end; {
		f, ok := search.at(b[p:])
		switch {
		case !ok:
			p++
			continue
		case f.opensGroup && t.groups:
			return 0, t.damage("no frame, yet valid ones that were written later follow it")
		case first < 0:
			first = p
		}
		p += f.size()
	}
	if search.budget < 0 {
		return 0, t.damage("no frame, and what follows it makes no sense")
	}
	if first >= 0 && !lostSector(b[:first], t.pos.Offset-t.base) {
		return 0, t.damage("no frame, yet valid ones follow it")
	}
	return int64(end), nil
}

func (t tail) damage(reason string) error {
	return &DamageError{File: t.name, Segment: t.pos.Segment, Offset: t.pos.Offset - t.base, Reason: reason}
}

// lostSector tells whether b, which lies at offset of its file, shows a sector that was never written.
func lostSector(b []byte, offset int64) bool {
	for len(b) > 0 {
		n := min(int64(len(b)), sector-offset%sector)
		if allZero(b[:n]) {
			return true
		}
		b, offset = b[n:], offset+n
	}
	return false
}

// frameSearch looks for valid frames at places where none need be. Besides the checksum a frame must begin with the record's version
// and an entry number that is possible there, so that hardly a byte is summed in vain.
type frameSearch struct {
	expect uint64 // least entry number
	budget int    // bytes that may yet be summed; below zero nothing more is found
}

func (s *frameSearch) at(b []byte) (frame, bool) {
	n, err := frameLen(b)
	if err != nil || n > len(b) || b[frameHead] != recordVersion && b[frameHead] != sealedVersion {
		return frame{}, false
	}
	if first := u48(b[frameHead+1:]); first < s.expect || first-s.expect > 1<<32 {
		return frame{}, false
	}
	if s.budget -= n; s.budget < 0 {
		return frame{}, false
	}
	f, err := parseFrame(b)
	return f, err == nil
}

func allZero(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}

// lastByte is the length of b without the zeros at its end.
func lastByte(b []byte) int {
	n := len(b)
	for n > 0 && b[n-1] == 0 {
		n--
	}
	return n
}
