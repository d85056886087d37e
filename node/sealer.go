package node

import (
	"encoding/binary"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// sealer keeps the manifests of batches under the organisation's audit key.
type sealer struct{ key *vault.Key }

var _ ledger.Sealer = sealer{}

// Seed gives the seed of a batch's dummies.
func (s sealer) Seed(seq uint64) (verify.Hash, error) {
	return verify.Hash(s.key.Blind("manifest", binary.BigEndian.AppendUint64(nil, seq))), nil
}

// SealManifest seals a manifest for auditors. It gives the same bytes each time: that is how plans are made again.
func (s sealer) SealManifest(manifest []byte) ([]byte, error) {
	return s.key.SealRepeatable("sijil/manifest/1", manifest)
}
