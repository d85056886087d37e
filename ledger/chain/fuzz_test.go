package chain

import (
	"bytes"
	"testing"
)

// FuzzParse: one transaction has one meaning and one encoding.
func FuzzParse(f *testing.F) {
	a, b, _, _, g := four()
	m := newMachine(f, g)
	join := m.proposal(a, Join, bare("e", 1).Member, bare("e", 1))
	for _, tx := range [][]byte{a.anchor(m.chain, b), join, b.vote(m.chain, join, true), m.proposal(a, Leave, b.Member, nil)} {
		f.Add(tx)
	}
	f.Fuzz(func(t *testing.T, tx []byte) {
		p, err := parse(tx)
		if err != nil {
			return
		}
		var again []byte
		switch {
		case p.anchor != nil:
			again = p.anchor.Encode()
		case p.proposal != nil:
			again = p.proposal.Encode()
		case p.vote != nil:
			again = p.vote.Encode()
		}
		if !bytes.Equal(tx, again) {
			t.Fatalf("%x is also %x", tx, again)
		}
		_ = m.accepts(tx)
		m.proposes(tx)
	})
}

// FuzzChunk: no chunk of a stranger takes the restoring node down, and only the right one is taken.
func FuzzChunk(f *testing.F) {
	a := bare("a", 1)
	m := newMachine(f, genesisOf(a))
	for range 3 {
		m.block(a.anchor(m.chain))
	}
	good, err := m.store.chunk(1, 3)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		genesis, _ := genesisState(m.genesis)
		batch := m.store.db.NewBatch()
		defer batch.Close()
		s, err := m.take(batch, &restore{height: 3, state: genesis}, b)
		if err == nil && s.Digest == m.current.Load().Digest && !bytes.Equal(b, good) {
			t.Fatal("another chunk has the same digest")
		}
	})
}

func FuzzDecodeLight(f *testing.F) {
	f.Add([]byte{})
	f.Add(marshal(&lightForm{Block: []byte{10, 0}, Next: []byte{}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := decodeLight(b)
		if err != nil {
			return
		}
		_ = l.verified("sijil", 1, nil)
	})
}
