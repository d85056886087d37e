package node

import (
	"encoding/binary"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/vault"
)

// sealer derives the keys of batches from the organisation's audit key.
type sealer struct{ key *vault.Key }

var _ ledger.Sealer = sealer{}

// BatchKey gives the key of a run of batches. It is the same each time: that is how plans are made again.
func (s sealer) BatchKey(run uint64) (ledger.BatchKey, error) {
	return ledger.BatchKey(s.key.Blind("batches", binary.BigEndian.AppendUint64(nil, run))), nil
}
