package node

import (
	"github.com/sijil-health/sijil/verify"
)

const kitFormat = "sijil-recovery-kit/1"

// Kit is what an organisation keeps on paper, away from its machines: with it and the custodians' copies, the loss of every disk
// loses nothing. Whoever holds it can be the organisation and open its charts.
type Kit struct {
	Format       string       `json:"format"`
	Org          verify.OrgID `json:"org"`
	Name         string       `json:"name"`
	Organisation []byte       `json:"organisation"` // seed of the signing key
	MLDSA        []byte       `json:"ml_dsa_65"`    // seed
	Escrow       []byte       `json:"escrow"`       // private key to which custodians' copies of the key store are sealed
	Backup       []byte       `json:"backup"`       // master key of backups
}
