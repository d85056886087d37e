package journal

import "slices"

// What is kept in memory for followers that keep up.
const (
	recentSize   = 4 << 20 // bytes
	recentGroups = 4096
)

// recent holds the latest durable groups, oldest first. Their bytes are never modified.
type recent struct {
	groups []Group
	size   int
}

func (r *recent) add(g Group) {
	r.groups = append(r.groups, g)
	r.size += len(g.Frames)
	for r.size > recentSize || len(r.groups) > recentGroups {
		r.size -= len(r.groups[0].Frames)
		r.groups[0] = Group{}
		r.groups = r.groups[1:] // append moves the rest to the front of a new array once in a while
	}
}

// from gives the bytes of the groups from a place on, as far as they are held without a break within one segment, up to about
// limit bytes; nil if the place is not held.
func (r *recent) from(at Cursor, limit int) [][]byte {
	i, ok := slices.BinarySearchFunc(r.groups, at, func(g Group, at Cursor) int {
		switch {
		case g.End.Compare(at) <= 0:
			return -1
		case g.Start.Compare(at) > 0:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	first := r.groups[i]
	out := [][]byte{first.Frames[at.Offset-first.Start.Offset:]}
	for size := len(out[0]); size < limit && i+1 < len(r.groups) && r.groups[i+1].Start == r.groups[i].End; {
		i++
		out = append(out, r.groups[i].Frames)
		size += len(r.groups[i].Frames)
	}
	return out
}
