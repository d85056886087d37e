package index

import "encoding/binary"

// object is what is kept of a resource by its row: who it is, its dates, which a search compares, and what it is found by, so that the next
// version can take that away without opening the old content.
//
//	uvarint length ‖ id, packed ‖ uvarint dates ‖ dates ‖ marks[8]…
//	date = uvarint (2·length + seconds) ‖ param ‖ varint lo ‖ uvarint (hi − lo)
//
// A date whose bounds are whole seconds, the last millisecond included, is stored in seconds.
type object struct {
	id    string
	dates []Term
	marks []byte
}

// objectOf gathers what is kept of a version's terms. A mark that is there already is not kept twice.
func (x *Index) objectOf(u *Update) *object {
	o := &object{id: u.ID}
	seen := make(map[mark]struct{}, 3*len(u.Terms))
	for i := range u.Terms {
		t := &u.Terms[i]
		if t.Kind == Date {
			o.dates = append(o.dates, *t)
			continue
		}
		x.marks(u.Type, t, func(m mark) {
			if _, ok := seen[m]; !ok {
				seen[m] = struct{}{}
				o.marks = append(o.marks, m[:]...)
			}
		})
	}
	return o
}

func (o *object) encode() []byte {
	id := pack(o.id)
	b := binary.AppendUvarint(make([]byte, 0, 32+len(id)+24*len(o.dates)+len(o.marks)), uint64(len(id)))
	b = binary.AppendUvarint(append(b, id...), uint64(len(o.dates)))
	for i := range o.dates {
		b = o.dates[i].appendDate(b)
	}
	return append(b, o.marks...)
}

const second = 1000 // milliseconds

func (t *Term) appendDate(b []byte) []byte {
	lo, span, seconds := t.Lo, uint64(t.Hi-t.Lo), uint64(0)
	if lo%second == 0 && t.Lo <= t.Hi && span%second == second-1 {
		lo, span, seconds = lo/second, span/second, 1
	}
	b = append(binary.AppendUvarint(b, 2*uint64(len(t.Param))+seconds), t.Param...)
	return binary.AppendUvarint(binary.AppendVarint(b, lo), span)
}

func decodeObject(b []byte) (o object, ok bool) {
	id, b, ok := takeBytes(b)
	if !ok {
		return o, false
	}
	if o.id, ok = unpack(id); !ok {
		return o, false
	}
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)) {
		return o, false
	}
	for b = b[w:]; n > 0; n-- {
		var t Term
		if t, b, ok = takeDate(b); !ok {
			return o, false
		}
		o.dates = append(o.dates, t)
	}
	o.marks = b
	return o, len(b)%len(mark{}) == 0
}

func takeDate(b []byte) (t Term, rest []byte, ok bool) {
	head, w := binary.Uvarint(b)
	if w <= 0 || head/2 > uint64(len(b)-w) {
		return t, nil, false
	}
	n := w + int(head/2)
	t.Kind, t.Param, b = Date, string(b[w:n]), b[n:]
	if t.Lo, w = binary.Varint(b); w <= 0 {
		return t, nil, false
	}
	b = b[w:]
	span, w := binary.Uvarint(b)
	if w <= 0 {
		return t, nil, false
	}
	if head%2 == 1 {
		t.Lo, span = t.Lo*second, span*second+second-1
	}
	t.Hi = t.Lo + int64(span)
	return t, b[w:], true
}

func takeBytes(b []byte) (s, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n)], b[w+int(n):], true
}
