package custody

import (
	"slices"

	"github.com/sijil-health/sijil/journal"
)

// runs is what a custodian is known to hold of the owner's journal: by segment, ascending, neither overlapping nor adjoining.
// The owner's own journal says what belongs where, so places are compared by their offsets.
type runs map[uint32][]journal.Range

// newRuns takes the list that a custodian gave.
func newRuns(list []journal.Range) runs {
	h := make(runs)
	for _, r := range list {
		h.add(r)
	}
	return h
}

// add notes a further run, of one segment.
func (h runs) add(r journal.Range) {
	if r.Start.Segment != r.End.Segment || r.Start.Offset >= r.End.Offset {
		return
	}
	all := h[r.Start.Segment]
	i := 0
	for i < len(all) && all[i].End.Offset < r.Start.Offset {
		i++
	}
	j := i
	for ; j < len(all) && all[j].Start.Offset <= r.End.Offset; j++ {
		if all[j].Start.Offset < r.Start.Offset {
			r.Start = all[j].Start
		}
		if all[j].End.Offset > r.End.Offset {
			r.End = all[j].End
		}
	}
	h[r.Start.Segment] = slices.Replace(all, i, j, r)
}

// gap is the first place of a segment, before byte `size`, that is not held, and the length of what is missing there; 0 if nothing is.
func (h runs) gap(segment uint32, first uint64, size int64) (from journal.Cursor, length int64) {
	from = journal.Cursor{Segment: segment, Entry: first}
	for _, r := range h[segment] {
		if r.Start.Offset > from.Offset {
			return from, max(0, min(r.Start.Offset, size)-from.Offset)
		}
		from = r.End
	}
	return from, max(0, size-from.Offset)
}

// holds tells whether everything between two places of the journal is held, given the sizes of its segments.
func (h runs) holds(begin, end journal.Cursor, sizes func(segment uint32) int64) bool {
	for segment := begin.Segment; segment <= end.Segment; segment++ {
		from, to := int64(0), sizes(segment)
		if segment == begin.Segment {
			from = begin.Offset
		}
		if segment == end.Segment {
			to = end.Offset
		}
		if from >= to {
			continue
		}
		if !slices.ContainsFunc(h[segment], func(r journal.Range) bool { return r.Start.Offset <= from && to <= r.End.Offset }) {
			return false
		}
	}
	return true
}

// end is the furthest place held.
func (h runs) end() (end journal.Cursor) {
	for _, all := range h {
		if last := all[len(all)-1].End; end.Compare(last) < 0 {
			end = last
		}
	}
	return end
}
