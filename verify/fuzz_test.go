package verify

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Run these with -fuzzminimizetime 1x. The seeds are whole documents of several kilobytes; with the default, the first
// interesting input is minimised for a minute, in which nothing is tried and the run passes all the same. Look at "execs".
//
// Every parser of bytes from outside: it does not panic, and what it accepts it writes again as it was, or as what reads
// the same.

func FuzzReceipt(f *testing.F) {
	s := tell(f)
	v, err := NewVerifier(s.trust())
	if err != nil {
		f.Fatal(err)
	}
	_, r2, _ := successor(f)
	for _, r := range []*Receipt{s.receipt, r2} {
		text, err := r.EncodeJSON()
		if err != nil {
			f.Fatal(err)
		}
		compact, err := r.EncodeCompact()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(compact)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ReadReceipt(b)
		if err != nil {
			return
		}
		compact, err := r.EncodeCompact()
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeCompact(compact)
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		if b[0] >= 0xa0 && !bytes.Equal(compact, b) {
			t.Fatal("a second encoding is accepted")
		}
		one, err1 := v.Verify(r, Options{})
		two, err2 := v.Verify(again, Options{})
		if diff := cmp.Diff(one, two); diff != "" || (err1 == nil) != (err2 == nil) {
			t.Fatalf("two forms, two judgements: %v, %v, %s", err1, err2, diff)
		}
	})
}

func FuzzTrust(f *testing.F) {
	s, _, _ := successor(f)
	tr := s.trust()
	tr.Epochs, tr.Checkpoints = s.epochs, []string{s.receipt.Log.Checkpoint}
	b, err := tr.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		tr, err := ParseTrust(b)
		if err != nil {
			return
		}
		if _, err := tr.Encode(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzGenesis: what is read is written again such that it is read the same, under the same name of the chain.
func FuzzGenesis(f *testing.F) {
	s, _, _ := successor(f)
	b, err := json.Marshal(s.trust().Genesis)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := ParseGenesis(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseGenesis(again); err != nil || back.Chain() != g.Chain() {
			t.Fatalf("%s came back as %v, %v", g.Chain(), back, err)
		}
	})
}

func FuzzMember(f *testing.F) {
	s := tell(f)
	b, err := json.Marshal(s.trust().Genesis.Members[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := ParseMember(b); err == nil && OrgOf(m.Key) != m.Org {
			t.Fatal("a member under the name of another")
		}
	})
}

func FuzzNote(f *testing.F) {
	s := tell(f)
	f.Add(c2spNote)
	f.Add(c2spCosigned)
	f.Add(s.receipt.Log.Checkpoint)
	v, err := NewVerifier(s.trust())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b string) {
		n, err := ParseNote(b)
		if err != nil {
			return
		}
		if n.Encode() != b {
			t.Fatal("a second encoding is accepted")
		}
		if _, err := n.Verify(v.witnesses); err != nil {
			return
		}
		if c, err := ParseCheckpoint(n.Text); err == nil {
			_, _ = v.signers(v.periods, n, c)
		}
	})
}

func FuzzVKey(f *testing.F) {
	f.Add(c2spVKey)
	f.Add(witness(f, "w").Key().String())
	f.Fuzz(func(t *testing.T, b string) {
		if k, err := ParseVKey(b); err == nil && k.String() != b {
			t.Fatal("a second encoding is accepted")
		}
	})
}

func FuzzAnchor(f *testing.F) {
	f.Add(tell(f).receipt.Anchor)
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := DecodeAnchor(b); err == nil && !bytes.Equal(a.Encode(), b) {
			t.Fatal("a second encoding is accepted")
		}
	})
}

func FuzzEntry(f *testing.F) {
	for _, e := range tell(f).entries {
		f.Add(e.Body)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := DecodeEntry(b); err == nil && !bytes.Equal(e.Encode(), b) {
			t.Fatal("a second encoding is accepted")
		}
	})
}
