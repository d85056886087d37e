package journal

import (
	"fmt"
	"slices"
)

// run is a checked run of whole frames.
type run struct {
	bytes  []byte
	places []Cursor // where header and frames begin, and the end
}

func (r run) start() Cursor { return r.places[0] }
func (r run) end() Cursor   { return r.places[len(r.places)-1] }

// at is the boundary at an offset, if there is one.
func (r run) at(offset int64) (Cursor, bool) {
	i, ok := slices.BinarySearchFunc(r.places, offset, func(c Cursor, o int64) int { return int(c.Offset - o) })
	if !ok {
		return Cursor{}, false
	}
	return r.places[i], true
}

// slice is the bytes between two offsets of the segment.
func (r run) slice(from, to int64) []byte {
	return r.bytes[from-r.start().Offset : to-r.start().Offset]
}

// checkRun checks that b is whole valid frames that lie at start; at Offset 0 the segment's header comes first.
func checkRun(start Cursor, b []byte) (run, error) {
	r := run{bytes: b, places: []Cursor{start}}
	bad := func(reason string) (run, error) {
		return run{}, fmt.Errorf("%w: at %s: %s", ErrFrames, r.end(), reason)
	}
	if len(b) == 0 || len(b) > MaxFrames {
		return bad(fmt.Sprintf("%d bytes, want 1 to %d", len(b), MaxFrames))
	}
	pos := start
	switch {
	case start.Offset == 0:
		h, err := parseHeader(b)
		if err != nil {
			return bad(err.Error())
		}
		if h.number != start.Segment || h.first != start.Entry {
			return bad(fmt.Sprintf("the header is that of segment %d from entry %d on", h.number, h.first))
		}
		pos.Offset, b = int64(headerSize), b[headerSize:]
		r.places = append(r.places, pos)
	case start.Offset < int64(headerSize) || start.Offset > maxSegment:
		return bad("no frame can be here")
	}
	found, err := decodeFrames(nil, pos, b)
	for _, l := range found {
		r.places = append(r.places, l.Next)
	}
	if err != nil {
		return bad(err.Error())
	}
	return r, nil
}
