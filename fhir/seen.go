package fhir

import "hash/maphash"

// seen remembers names, as 64 bits of each: that one is taken for another is less likely than any damage. Of what is beyond maxSeen it knows nothing.
type seen struct {
	seed  maphash.Seed
	table []uint64 // open addressing; 0 is free
	n     int
}

const maxSeen = 4 << 20

func newSeen() *seen { return &seen{seed: maphash.MakeSeed(), table: make([]uint64, 1024)} }

func (s *seen) hash(name string) uint64 { return max(1, maphash.String(s.seed, name)) }

// slot gives where a hash is, or would be.
func (s *seen) slot(h uint64) int {
	at := int(h) & (len(s.table) - 1)
	for s.table[at] != 0 && s.table[at] != h {
		at = (at + 1) & (len(s.table) - 1)
	}
	return at
}

func (s *seen) has(name string) bool {
	h := s.hash(name)
	return s.table[s.slot(h)] == h
}

func (s *seen) add(name string) {
	if s.n == maxSeen {
		return
	}
	if s.n >= len(s.table)/4*3 {
		old := s.table
		s.table = make([]uint64, 2*len(old))
		for _, h := range old {
			if h != 0 {
				s.table[s.slot(h)] = h
			}
		}
	}
	h := s.hash(name)
	if at := s.slot(h); s.table[at] == 0 {
		s.table[at] = h
		s.n++
	}
}
