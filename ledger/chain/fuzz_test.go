package chain

import (
	"bytes"
	"testing"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// FuzzParse: one transaction has one meaning and one encoding, and judging it takes nothing down. The targets here keep
// away from the store: its goroutines would make every input look new.
func FuzzParse(f *testing.F) {
	a, b, _, _, g := four()
	s, _ := genesisState(g)
	e := bare("e", 1)
	join := a.proposal(s.roster, g.Chain(), g.Time, Join, e.Member, e).Encode()
	leave := a.proposal(s.roster, g.Chain(), g.Time, Leave, b.Member, nil).Encode()
	for _, tx := range [][]byte{a.anchor(g.Chain(), b), join, b.vote(g.Chain(), join, true), leave} {
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
		_ = s.step(g.Chain(), g.Time, nil).apply(tx)
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
	want, none := m.current.Load().Digest, func(uint8, uint64, verify.Hash) {}
	if err := m.store.close(); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		s, _ := genesisState(m.genesis)
		err := decodeChunk(b, func(rec *record, anchors []*ledger.Anchored) (err error) {
			s, err = s.next(rec, anchors, none)
			return err
		})
		if err == nil && s.Digest == want && !bytes.Equal(b, good) {
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
