package verify

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// together is one receipt for entries of the story's batch, with all that a receipt of one of them shares with them.
func (s *story) together(t testing.TB, r *Receipt, indices ...uint32) *BatchReceipt {
	tree, err := NewBatchTree(s.pad(s.entries))
	if err != nil {
		t.Fatal(err)
	}
	b := &BatchReceipt{Format: BatchReceiptFormat, Chain: r.Chain, Anchor: r.Anchor, Block: r.Block, Log: r.Log, Epochs: r.Epochs, Further: r.Further}
	for _, i := range indices {
		e := BatchEntry{Index: i, Entry: s.entries[i]}
		if i == 0 {
			e.Entry, e.Contents = r.Entry, r.Contents
		}
		b.Entries = append(b.Entries, e)
	}
	if b.Beside, err = tree.Beside(indices); err != nil {
		t.Fatal(err)
	}
	return b
}

func checkBatch(t testing.TB, b *BatchReceipt, tr *Trust) (list []*Result, err error) {
	v, err := NewVerifier(tr)
	if err != nil {
		t.Fatal(err)
	}
	err = v.VerifyBatch(b, Options{}, func(r *Result, holds func([]byte) bool) error {
		if first := len(list) == 0; first != holds(content) || first != holds(served) || holds([]byte("x")) || holds(nil) {
			t.Errorf("entry %d holds what it does not, or does not hold what it does", len(list))
		}
		list = append(list, r)
		return nil
	})
	return list, err
}

// TestOneReceiptForSeveral proves of each entry what a receipt of its own does.
func TestOneReceiptForSeveral(t *testing.T) {
	s := tell(t)
	for _, indices := range [][]uint32{{0}, {0, 1, 2}, {0, 2}} {
		b := s.together(t, s.receipt, indices...)
		encoded, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, rest, err := DecodeBatchReceipt(append(encoded, encoded...))
		if err != nil || !bytes.Equal(rest, encoded) {
			t.Fatalf("%v: %v, %d bytes left", indices, err, len(rest))
		}
		list, err := checkBatch(t, again, s.trust())
		if err != nil || len(list) != len(indices) {
			t.Fatalf("%v: %d results, %v", indices, len(list), err)
		}
		for n, i := range indices {
			r := copyOf(t, s.receipt)
			path, err := BatchPath(s.pad(s.entries), int(i))
			if err != nil {
				t.Fatal(err)
			}
			if r.Entry, r.Batch = s.entries[i], (BatchProof{i, path}); i > 0 {
				r.Contents = nil
			}
			want, err := check(t, r, s.trust())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, list[n]); diff != "" {
				t.Errorf("%v, entry %d: %s", indices, i, diff)
			}
		}
	}
}

// TestAttacksOnSeveral makes every attack on what the entries share, or on one of them.
func TestAttacksOnSeveral(t *testing.T) {
	s := tell(t)
	for group, attacks := range groups() {
		for _, a := range attacks {
			t.Run(group+"/"+a.name, func(t *testing.T) {
				r := copyOf(t, s.receipt)
				a.spoil(s, r)
				b := s.together(t, r, 0, 2)
				if b.Entries[0].Index = r.Batch.Index; !slices.Equal(r.Batch.Path, s.receipt.Batch.Path) {
					b.Beside = append(b.Beside[1:], Hash{1})
				}
				list, err := checkBatch(t, b, s.trust())
				wantStep(t, err, a.step)
				if len(list) > 0 && a.step != StepContent && a.step != StepOwner {
					t.Errorf("%d entries were told of", len(list))
				}
			})
		}
	}
	one := s.together(t, s.receipt, 0, 1, 2)
	for name, spoil := range map[string]func(b *BatchReceipt){
		"an entry twice":         func(b *BatchReceipt) { b.Entries[1] = b.Entries[0] },
		"entries exchanged":      func(b *BatchReceipt) { b.Entries[0], b.Entries[1] = b.Entries[1], b.Entries[0] },
		"an entry moved":         func(b *BatchReceipt) { b.Entries[2].Index = 3 },
		"an entry left out":      func(b *BatchReceipt) { b.Entries = b.Entries[:2] },
		"one hash more":          func(b *BatchReceipt) { b.Beside = append(b.Beside, Hash{}) },
		"one hash less":          func(b *BatchReceipt) { b.Beside = b.Beside[1:] },
		"an entry beyond":        func(b *BatchReceipt) { b.Entries[2].Index = 1 << 20 },
		"another's second entry": func(b *BatchReceipt) { b.Entries[1].Entry.Body = chart(s.clinic, 2)[1].Body },
	} {
		c := *one
		c.Entries, c.Beside = slices.Clone(one.Entries), slices.Clone(one.Beside)
		spoil(&c)
		_, err := checkBatch(t, &c, s.trust())
		if step := (*StepError)(nil); !errors.As(err, &step) || step.Step != StepBatch && step.Step != StepReceipt {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBesideLeadsToTheRoot tries random choices of leaves of batches of every size.
func TestBesideLeadsToTheRoot(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for size := 1; size <= 256; size *= 2 {
		leaves := make([]Hash, size)
		for i := range leaves {
			leaves[i] = Hash(seed(string(rune(i))))
		}
		tree, err := NewBatchTree(leaves)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			var indices []uint32
			var chosen []Hash
			for i := range leaves {
				if random.IntN(4) == 0 {
					indices, chosen = append(indices, uint32(i)), append(chosen, leaves[i])
				}
			}
			path, err := tree.Beside(indices)
			if len(indices) == 0 {
				if err == nil {
					t.Error("no leaf has something beside it")
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := VerifyBatchLeaves(tree.Root(), uint32(size), indices, chosen, path); err != nil {
				t.Errorf("%d leaves, %v: %v", size, indices, err)
			}
			chosen[0][0] ^= 1
			if VerifyBatchLeaves(tree.Root(), uint32(size), indices, chosen, path) == nil {
				t.Errorf("%d leaves, %v: another leaf is accepted", size, indices)
			}
		}
	}
}

func FuzzBatchReceipt(f *testing.F) {
	s := tell(f)
	v, err := NewVerifier(s.trust())
	if err != nil {
		f.Fatal(err)
	}
	for _, indices := range [][]uint32{{0}, {0, 1, 2}} {
		b, err := s.together(f, s.receipt, indices...).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, sequence []byte) {
		b, rest, err := DecodeBatchReceipt(sequence)
		if err != nil {
			return
		}
		again, err := b.Encode()
		if err != nil || !bytes.Equal(again, sequence[:len(sequence)-len(rest)]) {
			t.Fatalf("a second encoding is accepted: %v", err)
		}
		_ = v.VerifyBatch(b, Options{}, func(*Result, func([]byte) bool) error { return nil })
	})
}

func BenchmarkVerifyBatch(b *testing.B) {
	s := tell(b)
	s.entries = chart(s.hospital, 9)
	a := s.anchor(s.hospital, s.pad(s.entries))
	h, c, txs := s.block(s.orgs, a)
	r := s.world.receipt(s.entries, 0, h, c, txs, 0)
	batch := s.together(b, r, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	v, err := NewVerifier(s.trust())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := v.VerifyBatch(batch, Options{}, func(*Result, func([]byte) bool) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(batch.Entries))*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
