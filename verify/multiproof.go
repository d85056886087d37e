package verify

import (
	"errors"
	"fmt"
	"math/bits"
)

// Several leaves of one batch are placed by what the tree has beside them: the hashes of the largest subtrees without any of them, from left to
// right. Where all leaves are shown nothing is left of it.

// Beside gives what the tree has beside leaves, whose indices ascend.
func (t *BatchTree) Beside(indices []uint32) ([]Hash, error) {
	if err := ascending(indices, uint64(t.count)); err != nil {
		return nil, err
	}
	var path []Hash
	t.beside(bits.Len(uint(t.count))-1, 0, indices, &path)
	return path, nil
}

// beside walks the subtree number n of those with 2^height leaves.
func (t *BatchTree) beside(height, n int, indices []uint32, path *[]Hash) {
	if len(indices) == 0 {
		*path = append(*path, t.nodes[2*t.count-(2*t.count>>height)+n])
		return
	}
	if height == 0 {
		return
	}
	left := below(indices, uint64(2*n+1)<<(height-1))
	t.beside(height-1, 2*n, indices[:left], path)
	t.beside(height-1, 2*n+1, indices[left:], path)
}

// VerifyBatchLeaves proves that leaves stand at ascending indices in the batch of count leaves with that root, by what Beside gives.
func VerifyBatchLeaves(root Hash, count uint32, indices []uint32, leaves, path []Hash) error {
	switch {
	case count == 0 || count&(count-1) != 0:
		return fmt.Errorf("batch: %d leaves are no power of two", count)
	case len(indices) != len(leaves):
		return fmt.Errorf("batch: %d leaves at %d places", len(leaves), len(indices))
	}
	if err := ascending(indices, uint64(count)); err != nil {
		return err
	}
	w := placing{indices: indices, leaves: leaves, path: path}
	got, err := w.root(bits.Len32(count)-1, 0)
	if err != nil {
		return err
	}
	if len(w.path) > 0 || got != root {
		return errPath
	}
	return nil
}

// placing computes a root from what is left of the leaves and of the path.
type placing struct {
	indices []uint32
	leaves  []Hash
	path    []Hash
}

func (w *placing) root(height int, n uint64) (Hash, error) {
	if len(w.indices) == 0 || uint64(w.indices[0]) >= (n+1)<<height {
		if len(w.path) == 0 {
			return Hash{}, errPath
		}
		h := w.path[0]
		w.path = w.path[1:]
		return h, nil
	}
	if height == 0 {
		h := digestLeaf(&w.leaves[0])
		w.indices, w.leaves = w.indices[1:], w.leaves[1:]
		return h, nil
	}
	left, err := w.root(height-1, 2*n)
	if err != nil {
		return Hash{}, err
	}
	right, err := w.root(height-1, 2*n+1)
	if err != nil {
		return Hash{}, err
	}
	return nodeHash(&left, &right), nil
}

func ascending(indices []uint32, count uint64) error {
	if len(indices) == 0 {
		return errors.New("batch: no leaf is shown")
	}
	for i, n := range indices {
		if uint64(n) >= count || i > 0 && n <= indices[i-1] {
			return fmt.Errorf("batch: leaf %d of %d is out of its place", n, count)
		}
	}
	return nil
}

// below counts the indices less than n.
func below(indices []uint32, n uint64) int {
	for i, at := range indices {
		if uint64(at) >= n {
			return i
		}
	}
	return len(indices)
}
