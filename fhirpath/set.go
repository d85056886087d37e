package fhirpath

import (
	"hash/maphash"

	"github.com/sijil-health/sijil/fhir/tape"
)

// set finds the items of a collection that equal another. Of a small one it looks at each; a larger one it has in buckets, such that items
// that equal one another are in the same.
type set struct {
	r       *Run
	s       span
	buckets map[uint64]int32 // bucket → its last item's number, from 1
	earlier []int32          // for each item, the one before it in its bucket
}

const smallSet = 24

var seed = maphash.MakeSeed()

// setOf gives the set of items in s, to which more can be added.
func (r *Run) setOf(s span) set { return set{r: r, s: s} }

// has tells whether an item equals one in the set.
func (t *set) has(it *Item) (bool, error) {
	if t.s.len() <= smallSet {
		return t.r.has(t.s, it)
	}
	if t.buckets == nil {
		t.buckets = make(map[uint64]int32, t.s.len())
	}
	for i := len(t.earlier); i < t.s.len(); i++ {
		b := bucket(&t.r.stack[t.s.from+i])
		t.earlier = append(t.earlier, t.buckets[b])
		t.buckets[b] = int32(i + 1)
	}
	for i := t.buckets[bucket(it)]; i > 0; i = t.earlier[i-1] {
		same, err := t.r.equal(&t.r.stack[t.s.from+int(i)-1], it)
		if err != nil || same == yes {
			return same == yes, err
		}
	}
	return false, nil
}

// bucket is the same for items that are equal.
func bucket(it *Item) uint64 {
	switch k := it.scalarKind(); k {
	case NodeKind:
		if it.kind == NodeKind {
			return bucketOfValue(it.node)
		}
	case StringKind:
		if it.kind == StringKind {
			return maphash.String(seed, it.text)
		}
		return maphash.Bytes(seed, it.node.Bytes())
	case BooleanKind:
		b, _ := it.boolean()
		return uint64(Boolean(b).number)
	case IntegerKind, DecimalKind:
		if d, ok := it.decimal(); ok {
			return bucketOfNumber(d)
		}
	}
	return uint64(NodeKind) // dates and quantities may be written in many ways
}

func bucketOfNumber(d Decimal) uint64 {
	d = d.trim()
	if d.large != nil {
		return maphash.Bytes(seed, d.large.Bytes())
	}
	return maphash.Comparable(seed, d.small) ^ uint64(d.scale)
}

// bucketOfValue does not look deeper than the members of an object.
func bucketOfValue(v tape.Value) uint64 {
	if v.Kind() != tape.Object {
		return uint64(v.Kind())
	}
	sum := uint64(v.Len())
	for c := v.First(); c.Exists(); c = c.Next() {
		h := maphash.Bytes(seed, c.NameBytes())
		if c.Kind() == tape.String {
			h = h*31 + maphash.Bytes(seed, c.Bytes())
		}
		sum += h // members in another order are the same
	}
	return sum
}
