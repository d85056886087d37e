package vault

import (
	"hash/maphash"
	"strings"
)

// table holds every compartment key in memory, found by slot or by chart. It takes about 45 bytes for a key and 100 for
// a chart; it knows nothing of pages on disk but their edition. The vault's mu guards it.
type table struct {
	leaves []*leaf // by number of the page; nil for the page of secrets
	next   uint64  // the first slot never used

	// A chart is found by a short hash of its name, at a third of the memory of a map by name. The organisation itself
	// is chart 0.
	charts []chart
	ids    map[uint32]uint32 // hash → chart; 0 for none
	seed   maphash.Seed
	unused []uint32 // numbers of erased charts
	erased bool     // a slot is
}

type leaf struct {
	slots   [slotsPerLeaf]slotRecord
	edition uint64
}

// slotRecord is a key in 44 bytes.
type slotRecord struct {
	cek         [32]byte
	chart       uint32
	older       uint32 // the chart's slot before this one, 0 for none
	compartment Compartment
}

type chart struct {
	name   string
	newest uint32 // its slot with the highest number, 0 for none
	alike  uint32 // next chart whose name has the same hash, 0 for none
}

func newTable() *table {
	return &table{
		leaves: make([]*leaf, 1),
		next:   slotsPerLeaf, // after the page of secrets
		charts: make([]chart, 1),
		ids:    make(map[uint32]uint32),
		seed:   maphash.MakeSeed(),
	}
}

// at gives the record of a slot in use.
func (t *table) at(slot uint64) (*slotRecord, bool) {
	n := slot / slotsPerLeaf
	if n == 0 || n >= uint64(len(t.leaves)) || t.leaves[n] == nil {
		return nil, false
	}
	r := &t.leaves[n].slots[slot%slotsPerLeaf]
	return r, r.compartment != 0 && r.compartment != erasedSlot
}

// content gives what stands in a slot, used or not, in the form that goes into the page.
func (t *table) content(slot uint64) slotContent {
	n := slot / slotsPerLeaf
	if n >= uint64(len(t.leaves)) || t.leaves[n] == nil {
		return slotContent{}
	}
	r := &t.leaves[n].slots[slot%slotsPerLeaf]
	return slotContent{compartment: r.compartment, cek: r.cek, chart: t.charts[r.chart].name}
}

// edition gives the edition of the page that a slot is on, 0 for none.
func (t *table) edition(slot uint64) uint64 {
	n := slot / slotsPerLeaf
	if n >= uint64(len(t.leaves)) || t.leaves[n] == nil {
		return 0
	}
	return t.leaves[n].edition
}

// leaf gives the leaf of that number, new if need be.
func (t *table) leaf(number uint32) *leaf {
	for uint32(len(t.leaves)) <= number {
		t.leaves = append(t.leaves, nil)
	}
	if t.leaves[number] == nil {
		t.leaves[number] = new(leaf)
	}
	return t.leaves[number]
}

func (t *table) hash(name string) uint32 { return uint32(maphash.String(t.seed, name)) }

// find gives the number of a chart.
func (t *table) find(name string) (id uint32, ok bool) {
	if name == "" {
		return 0, true
	}
	for id = t.ids[t.hash(name)]; id != 0; id = t.charts[id].alike {
		if t.charts[id].name == name {
			return id, true
		}
	}
	return 0, false
}

// lookup gives the slot of the newest key of a compartment.
func (t *table) lookup(name string, c Compartment) (slot uint64, ok bool) {
	id, ok := t.find(name)
	if !ok {
		return 0, false
	}
	for s := t.charts[id].newest; s != 0; {
		r, _ := t.at(uint64(s))
		if r.compartment == c {
			return uint64(s), true
		}
		s = r.older
	}
	return 0, false
}

// slotsOf lists the slots of a chart, the newest first.
func (t *table) slotsOf(name string) (slots []uint64) {
	id, ok := t.find(name)
	if !ok {
		return nil
	}
	for s := t.charts[id].newest; s != 0; {
		slots = append(slots, uint64(s))
		r, _ := t.at(uint64(s))
		s = r.older
	}
	return slots
}

// put records what a slot holds; slots of one chart come in ascending order.
func (t *table) put(slot uint64, s slotContent) {
	if s.compartment == 0 {
		return
	}
	t.next = max(t.next, slot+1)
	r := &t.leaf(uint32(slot / slotsPerLeaf)).slots[slot%slotsPerLeaf]
	if s.compartment == erasedSlot {
		*r, t.erased = slotRecord{compartment: erasedSlot}, true
		return
	}
	id := t.intern(s.chart)
	*r = slotRecord{cek: s.cek, chart: id, older: t.charts[id].newest, compartment: s.compartment}
	t.charts[id].newest = uint32(slot)
}

// intern gives the number of a chart, new if need be.
func (t *table) intern(name string) uint32 {
	if id, ok := t.find(name); ok {
		return id
	}
	h := t.hash(name)
	c := chart{name: strings.Clone(name), alike: t.ids[h]}
	var id uint32
	if n := len(t.unused); n > 0 {
		id, t.unused = t.unused[n-1], t.unused[:n-1]
		t.charts[id] = c
	} else {
		id = uint32(len(t.charts))
		t.charts = append(t.charts, c)
	}
	t.ids[h] = id
	return id
}

// forget takes a chart and all its keys out.
func (t *table) forget(name string) {
	id, ok := t.find(name)
	if !ok || id == 0 {
		return
	}
	for _, slot := range t.slotsOf(name) {
		r, _ := t.at(slot)
		*r, t.erased = slotRecord{compartment: erasedSlot}, true
	}
	h := t.hash(name)
	if t.ids[h] == id {
		t.ids[h] = t.charts[id].alike
		if t.ids[h] == 0 {
			delete(t.ids, h)
		}
	} else {
		before := t.ids[h]
		for t.charts[before].alike != id {
			before = t.charts[before].alike
		}
		t.charts[before].alike = t.charts[id].alike
	}
	t.charts[id] = chart{}
	t.unused = append(t.unused, id)
}
