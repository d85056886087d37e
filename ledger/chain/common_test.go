package chain

import (
	"log/slog"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/sijil-health/sijil/verify"
)

var discard = slog.New(slog.DiscardHandler)

func slices32(path []verify.Hash) [][]byte {
	out := make([][]byte, len(path))
	for i := range path {
		out[i] = path[i][:]
	}
	return out
}

func checkInclusion(t fatal, id verify.Hash, index, size uint64, path []verify.Hash, root verify.Hash) {
	leaf := leafHash(id)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaf[:], slices32(path), root[:]); err != nil {
		t.Fatalf("inclusion of %d in %d: %v", index, size, err)
	}
}

func checkConsistency(t fatal, from, to uint64, path []verify.Hash, a, b verify.Hash) {
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, from, to, slices32(path), a[:], b[:]); err != nil {
		t.Fatalf("consistency of %d with %d: %v", from, to, err)
	}
}
