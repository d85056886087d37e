package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// maxPath bounds the length of any Merkle path or consistency proof: twice the depth of a tree of 2^64 leaves.
const maxPath = 128

var errPath = errors.New("the path does not lead to the root")

// leafHash is the RFC 6962 (section 2.1) hash of a leaf: SHA-256(0x00 ‖ value).
func leafHash(value []byte) Hash {
	if len(value) == len(Hash{}) {
		return digestLeaf((*Hash)(value))
	}
	return Hash(rfc6962.DefaultHasher.HashLeaf(value))
}

// digestLeaf is leafHash of a digest, without allocation: the values of every tree on a hot path are digests.
func digestLeaf(value *Hash) Hash {
	var b [33]byte
	copy(b[1:], value[:])
	return sha256.Sum256(b[:])
}

// nodeHash is the RFC 6962 (section 2.1) hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
func nodeHash(left, right *Hash) Hash {
	var b [65]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

// frontier computes the root of a tree from its leaves in order. It holds one hash per level: peaks[i] is the root of the
// last complete subtree of 2^i leaves, valid where bit i of size is set.
type frontier struct {
	peaks [64]Hash
	size  uint64
}

// add appends a leaf hash.
func (f *frontier) add(h Hash) {
	level := 0
	for rest := f.size; rest&1 == 1; rest >>= 1 {
		h = nodeHash(&f.peaks[level], &h)
		level++
	}
	f.peaks[level] = h
	f.size++
}

// root joins the peaks from right to left; the root of no leaves is SHA-256 of nothing.
func (f *frontier) root() Hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	var (
		h     Hash
		begun bool
	)
	for level, rest := 0, f.size; rest != 0; level, rest = level+1, rest>>1 {
		switch {
		case rest&1 == 0:
		case !begun:
			h, begun = f.peaks[level], true
		default:
			h = nodeHash(&f.peaks[level], &h)
		}
	}
	return h
}

// merkleRoot is the RFC 6962 root over byte strings.
func merkleRoot(values ...[]byte) Hash {
	var f frontier
	for _, v := range values {
		f.add(leafHash(v))
	}
	return f.root()
}

// checkInclusion proves that value is leaf index of the tree of that size and root (RFC 6962, section 2.1.1).
// The trees of the consensus engine are the same and its proofs list the same hashes in the same order.
func checkInclusion(value []byte, index, size uint64, path []Hash, root Hash) error {
	leaf := leafHash(value)
	got, err := proof.RootFromInclusionProof(rfc6962.DefaultHasher, index, size, leaf[:], slicesOf(path))
	if err != nil {
		return err
	}
	if Hash(got) != root {
		return errPath
	}
	return nil
}

// checkConsistency proves that the tree of the greater size begins with the whole tree of the smaller (RFC 6962, section 2.1.2).
func checkConsistency(size1, size2 uint64, path []Hash, root1, root2 Hash) error {
	if len(path) > maxPath {
		return fmt.Errorf("a proof of %d hashes, at most %d", len(path), maxPath)
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, size1, size2, slicesOf(path), root1[:], root2[:])
}

func slicesOf(path []Hash) [][]byte {
	out := make([][]byte, len(path))
	for i := range path {
		out[i] = path[i][:]
	}
	return out
}
