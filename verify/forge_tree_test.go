package verify

import (
	"encoding/binary"
)

func dataLeaves(txs [][]byte) []Hash {
	var out []Hash
	for _, tx := range txs {
		id := sum256(tx)
		out = append(out, digestLeaf(&id))
	}
	return out
}

func dataRoot(txs [][]byte) Hash {
	var f frontier
	for _, l := range dataLeaves(txs) {
		f.add(l)
	}
	return f.root()
}

// inclusion is PATH(m, D[n]) of RFC 6962, section 2.1.1, as it stands there.
func inclusion(leaves []Hash, m int) []Hash {
	n := len(leaves)
	if n == 1 {
		return nil
	}
	k := split(n)
	if m < k {
		return append(inclusion(leaves[:k], m), subtree(leaves[k:]))
	}
	return append(inclusion(leaves[k:], m-k), subtree(leaves[:k]))
}

// consistency is PROOF(m, D[n]) of RFC 6962, section 2.1.2.
func consistency(leaves []Hash, m int, whole bool) []Hash {
	n := len(leaves)
	if m == n {
		if whole {
			return nil
		}
		return []Hash{subtree(leaves)}
	}
	k := split(n)
	if m <= k {
		return append(consistency(leaves[:k], m, whole), subtree(leaves[k:]))
	}
	return append(consistency(leaves[k:], m-k, false), subtree(leaves[:k]))
}

func subtree(leaves []Hash) Hash {
	var f frontier
	for _, l := range leaves {
		f.add(l)
	}
	return f.root()
}

func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// malleate adds the group order to the scalar of an Ed25519 signature: the classic second signature for one message.
func malleate(s Signature) Signature {
	order := [4]uint64{0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000}
	var carry uint64
	for i, l := range order {
		at := s[32+8*i : 40+8*i]
		v := binary.LittleEndian.Uint64(at)
		sum := v + l + carry
		if sum < v || (carry == 1 && sum == v) {
			carry = 1
		} else {
			carry = 0
		}
		binary.LittleEndian.PutUint64(at, sum)
	}
	return s
}
