package node

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"

	"github.com/sijil-health/sijil/backup"
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

// ReadKit reads a recovery kit.
func ReadKit(path string) (*Kit, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k := new(Kit)
	if err := json.Unmarshal(b, k); err != nil {
		return nil, fmt.Errorf("%s is no recovery kit: %w", path, err)
	}
	if k.Format != kitFormat || len(k.Organisation) != seedSize || len(k.MLDSA) != seedSize || len(k.Backup) != backup.MasterSize || len(k.Escrow) == 0 {
		return nil, fmt.Errorf("%s is no recovery kit, or not whole", path)
	}
	if verify.OrgOf(k.public()) != k.Org {
		return nil, fmt.Errorf("%s: the signing key is not that of the organisation it names", path)
	}
	return k, nil
}

// key is the organisation's signing key: what the kit's holder proves to the other members' nodes that it is the organisation by.
func (k *Kit) key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(k.Organisation) }

func (k *Kit) public() verify.PublicKey {
	return verify.PublicKey(k.key().Public().(ed25519.PublicKey))
}
