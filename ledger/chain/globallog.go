package chain

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// The global log is the RFC 6962 tree over the IDs of all anchors in chain order. Of its inner nodes only those of each
// sixth level are stored, half a byte per anchor; the rest are hashed again from at most 32 of them, which lie side by side, and the lower
// levels from the anchors of a segment, which has as many as a node of the lowest stored level.
const storedLevels = 6

// maxLog bounds the log: two to the 48th anchors are more than there will be, and keep shifts well below 64.
const maxLog = 1 << 48

func leafHash(id verify.Hash) verify.Hash {
	var b [33]byte
	copy(b[1:], id[:])
	return sha256.Sum256(b[:])
}

func nodeHash(left, right verify.Hash) verify.Hash {
	var b [65]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

// frontier is the right edge of the log: its size and the roots of its perfect subtrees, the largest first. A value in
// a state is never written to.
type frontier struct {
	size  uint64
	peaks []verify.Hash
}

// add gives the frontier after one more anchor, and calls store for each node it completes on a stored level.
func (f frontier) add(id verify.Hash, store func(level uint8, index uint64, h verify.Hash)) frontier {
	h, n := leafHash(id), len(f.peaks)
	for level := uint8(1); f.size>>(level-1)&1 == 1; level++ {
		n--
		h = nodeHash(f.peaks[n], h)
		if level%storedLevels == 0 {
			store(level, f.size>>level, h)
		}
	}
	peaks := make([]verify.Hash, n+1)
	copy(peaks, f.peaks[:n])
	peaks[n] = h
	return frontier{f.size + 1, peaks}
}

// root joins the peaks; the root of the empty log is SHA-256 of nothing (RFC 6962 §2.1).
func (f frontier) root() verify.Hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	h := f.peaks[len(f.peaks)-1]
	for i := len(f.peaks) - 2; i >= 0; i-- {
		h = nodeHash(f.peaks[i], h)
	}
	return h
}

// frontierAt reads the frontier of an earlier size from the store.
func (s *store) frontierAt(size uint64) (frontier, error) {
	f := frontier{size: size}
	begin := uint64(0)
	for level := bits.Len64(size) - 1; level >= 0; level-- {
		if size>>level&1 == 0 {
			continue
		}
		h, err := s.node(uint8(level), begin>>level)
		if err != nil {
			return f, err
		}
		f.peaks = append(f.peaks, h)
		begin += 1 << level
	}
	return f, nil
}

// node gives the root of the perfect subtree of 2^level anchors that begins at index << level.
func (s *store) node(level uint8, index uint64) (verify.Hash, error) {
	base := level - level%storedLevels
	hashes, err := s.nodes(base, index<<(level-base), (index+1)<<(level-base))
	if err != nil {
		return verify.Hash{}, err
	}
	for ; len(hashes) > 1; hashes = hashes[:len(hashes)/2] {
		for i := range len(hashes) / 2 {
			hashes[i] = nodeHash(hashes[2*i], hashes[2*i+1])
		}
	}
	return hashes[0], nil
}

// nodes reads nodes of a stored level, or leaves.
func (s *store) nodes(level uint8, from, below uint64) ([]verify.Hash, error) {
	hashes := make([]verify.Hash, 0, below-from)
	if level == 0 {
		return hashes, s.anchors(from, below, func(a *ledger.Anchored) error {
			hashes = append(hashes, leafHash(a.ID))
			return nil
		})
	}
	err := s.each(nodeKey(level, from), nodeKey(level, below), func(_, v []byte) error {
		if len(v) != len(verify.Hash{}) {
			return errors.New("of another length")
		}
		hashes = append(hashes, verify.Hash(v))
		return nil
	})
	if err == nil && uint64(len(hashes)) != below-from {
		err = errors.New("missing")
	}
	if err != nil {
		err = fmt.Errorf("chain: nodes %d to %d of level %d of the log are damaged: %w", from, below-1, level, err)
	}
	return hashes, err
}

// inclusion proves that anchor index is in the log of that size (RFC 6962 §2.1.1).
func (s *store) inclusion(index, size uint64) ([]verify.Hash, error) {
	nodes, err := proof.Inclusion(index, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrNotFound, err)
	}
	return s.path(nodes)
}

// consistency proves that the log of size to begins with the log of size from (RFC 6962 §2.1.2).
func (s *store) consistency(from, to uint64) ([]verify.Hash, error) {
	nodes, err := proof.Consistency(from, to)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrNotFound, err)
	}
	return s.path(nodes)
}

func (s *store) path(nodes proof.Nodes) ([]verify.Hash, error) {
	hashes := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		h, err := s.perfect(id)
		if err != nil {
			return nil, err
		}
		hashes[i] = h[:]
	}
	hashes, err := nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	path := make([]verify.Hash, len(hashes))
	for i, h := range hashes {
		path[i] = verify.Hash(h)
	}
	return path, nil
}

func (s *store) perfect(id compact.NodeID) (verify.Hash, error) {
	return s.node(uint8(id.Level), id.Index)
}
