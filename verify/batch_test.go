package verify

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"pgregory.net/rapid"
)

func TestPaddedCount(t *testing.T) {
	for n, want := range map[int]int{
		-1: 0, 0: 16, 1: 16, 15: 16, 16: 32, 31: 32, 32: 64, 255: 256, 256: 512, MaxBatch - 1: MaxBatch, MaxBatch: 0,
	} {
		if got := PaddedCount(n); got != want {
			t.Errorf("%d entries: %d leaves, want %d", n, got, want)
		}
	}
}

// leaves gives n distinct values.
func numbered(n int) []Hash {
	out := make([]Hash, n)
	for i := range out {
		out[i] = Dummy(Hash{1}, uint64(i))
	}
	return out
}

func TestPadBatchKeepsEntriesAndEndsInTheManifest(t *testing.T) {
	entries := numbered(20)
	padded, err := PadBatch(entries, Hash{7}, []byte("sealed"))
	if err != nil {
		t.Fatal(err)
	}
	if len(padded) != 32 || padded[31] != ManifestLeaf([]byte("sealed")) || padded[20] != Dummy(Hash{7}, 0) {
		t.Fatalf("%d leaves, or dummies and manifest in the wrong place", len(padded))
	}
	if diff := cmp.Diff(entries, padded[:20]); diff != "" {
		t.Fatal(diff)
	}
	if _, err := PadBatch(make([]Hash, MaxBatch), Hash{}, nil); err == nil {
		t.Fatal("a batch too large is padded")
	}
}

func TestRootsAreRFC6962(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := numbered(rapid.IntRange(0, 200).Draw(t, "n"))
		f := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
		r := f.NewEmptyRange(0)
		for _, l := range leaves {
			if err := r.Append(rfc6962.DefaultHasher.HashLeaf(l[:]), nil); err != nil {
				t.Fatal(err)
			}
		}
		want, err := r.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = rfc6962.DefaultHasher.EmptyRoot()
		}
		if got := BatchRoot(leaves); got != Hash(want) {
			t.Fatalf("root %s, want %x", got, want)
		}
	})
}

func TestEveryPathOfABatchLeadsToItsRootAndToNoOther(t *testing.T) {
	for _, n := range []int{16, 64} {
		leaves := numbered(n)
		tree, err := NewBatchTree(leaves)
		if err != nil {
			t.Fatal(err)
		}
		root := BatchRoot(leaves)
		if tree.Root() != root {
			t.Fatal("tree and stream disagree")
		}
		for i := range leaves {
			path := tree.Path(i)
			if err := VerifyBatchPath(root, uint32(n), uint32(i), leaves[i], path); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
			if VerifyBatchPath(root, uint32(n), uint32(i^1), leaves[i], path) == nil {
				t.Fatalf("leaf %d passes at its sibling's place", i)
			}
			if VerifyBatchPath(root, uint32(n), uint32(i), leaves[i^1], path) == nil {
				t.Fatalf("another leaf passes at place %d", i)
			}
			if VerifyBatchPath(root, uint32(n), uint32(i), leaves[i], path[1:]) == nil {
				t.Fatalf("a short path passes at place %d", i)
			}
		}
		single, err := BatchPath(leaves, 5)
		if diff := cmp.Diff(tree.Path(5), single); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	}
	if _, err := NewBatchTree(numbered(17)); err == nil {
		t.Fatal("a tree of 17 leaves is built")
	}
	if _, err := BatchPath(numbered(16), 16); err == nil {
		t.Fatal("there is a path to a leaf that is not")
	}
}

func TestBatchRootAllocatesNothing(t *testing.T) {
	leaves := numbered(1 << 10)
	if n := testing.AllocsPerRun(10, func() { BatchRoot(leaves) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkBatchRoot(b *testing.B) {
	leaves := numbered(1 << 16)
	b.ReportAllocs()
	for b.Loop() {
		BatchRoot(leaves)
	}
	b.ReportMetric(float64(len(leaves))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mleaves/s")
}

func BenchmarkBatchTree(b *testing.B) {
	leaves := numbered(1 << 12)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewBatchTree(leaves); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(leaves))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mleaves/s")
}
