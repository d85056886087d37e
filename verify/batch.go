package verify

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// PaddedCount is the number of leaves of a batch of n entries: the least power of two that is at least MinBatch and leaves
// room for the manifest. It is 0 where n is negative or does not fit into MaxBatch.
func PaddedCount(n int) int {
	if n < 0 || n >= MaxBatch {
		return 0
	}
	return max(MinBatch, 1<<bits.Len(uint(n)))
}

// Dummy is the value of padding leaf j, counted from 0 within the batch: SHA-256("sijil/dummy/1" ‖ seed ‖ u64be(j)).
// An auditor can derive the seed, see docs/spec/batch.md, and so tell padding from entries and nobody else can, and so that
// no dummy can be shown as an entry later.
func Dummy(seed Hash, j uint64) Hash {
	var b [13 + 32 + 8]byte
	n := copy(b[:], "sijil/dummy/1")
	n += copy(b[n:], seed[:])
	binary.BigEndian.PutUint64(b[n:], j)
	return sha256.Sum256(b[:])
}

// ManifestLeaf is the value of a batch's last leaf: SHA-256("sijil/manifest/1" ‖ manifest).
func ManifestLeaf(manifest []byte) Hash {
	h := sha256.New()
	h.Write([]byte("sijil/manifest/1"))
	h.Write(manifest)
	return Hash(h.Sum(nil))
}

// PadBatch appends to the leaves of entries, in journal order, the dummies and the manifest, and so gives all leaves of
// the batch. It fails where there are MaxBatch entries or more.
func PadBatch(leaves []Hash, seed Hash, manifest []byte) ([]Hash, error) {
	size := PaddedCount(len(leaves))
	if size == 0 {
		return nil, fmt.Errorf("batch: %d entries, at most %d", len(leaves), MaxBatch-1)
	}
	if cap(leaves) < size {
		leaves = append(make([]Hash, 0, size), leaves...)
	}
	for j := uint64(0); len(leaves) < size-1; j++ {
		leaves = append(leaves, Dummy(seed, j))
	}
	return append(leaves, ManifestLeaf(manifest)), nil
}

// BatchRoot is the RFC 6962 root over the values of all leaves of a batch. It allocates nothing.
func BatchRoot(leaves []Hash) Hash {
	var f frontier
	for i := range leaves {
		f.add(digestLeaf(&leaves[i]))
	}
	return f.root()
}

// BatchTree keeps every node of a batch, for a caller that hands out many paths.
type BatchTree struct {
	count int
	nodes []Hash // level by level from the leaf hashes up, the root last: 2·count − 1
}

// NewBatchTree hashes a whole batch. The number of leaves must be a power of two; a padded batch always is.
func NewBatchTree(leaves []Hash) (*BatchTree, error) {
	n := len(leaves)
	if n == 0 || n&(n-1) != 0 {
		return nil, fmt.Errorf("batch: %d leaves are no power of two", n)
	}
	nodes := make([]Hash, 2*n-1)
	for i := range leaves {
		nodes[i] = digestLeaf(&leaves[i])
	}
	for i, parent := 0, n; parent < len(nodes); i, parent = i+2, parent+1 {
		nodes[parent] = nodeHash(&nodes[i], &nodes[i+1])
	}
	return &BatchTree{count: n, nodes: nodes}, nil
}

// Root gives the batch's root.
func (t *BatchTree) Root() Hash { return t.nodes[len(t.nodes)-1] }

// Path gives the hashes that lead from leaf i to the root, the leaf's sibling first. It is nil where there is no leaf i.
func (t *BatchTree) Path(i int) []Hash {
	if i < 0 || i >= t.count {
		return nil
	}
	path := make([]Hash, 0, bits.Len(uint(t.count))-1)
	for base, width := 0, t.count; width > 1; base, width = base+width, width/2 {
		path = append(path, t.nodes[base+(i^1)])
		i /= 2
	}
	return path
}

// BatchPath gives the path of leaf i among the leaves of a batch. For more than one path of a batch use BatchTree.
func BatchPath(leaves []Hash, i int) ([]Hash, error) {
	t, err := NewBatchTree(leaves)
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= len(leaves) {
		return nil, fmt.Errorf("batch: no leaf %d among %d", i, len(leaves))
	}
	return t.Path(i), nil
}

// VerifyBatchPath proves that leaf stands at index in the batch of count leaves with that root.
func VerifyBatchPath(root Hash, count, index uint32, leaf Hash, path []Hash) error {
	return checkInclusion(leaf[:], uint64(index), uint64(count), path, root)
}
