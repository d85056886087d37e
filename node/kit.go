package node

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/lang"
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

// ParseKit reads a recovery kit.
func ParseKit(b []byte) (*Kit, error) {
	k := new(Kit)
	if err := json.Unmarshal(b, k); err != nil {
		return nil, lang.NewProblem("no_kit").Because(err)
	}
	if k.Format != kitFormat || len(k.Organisation) != seedSize || len(k.MLDSA) != seedSize || len(k.Backup) != backup.MasterSize || len(k.Escrow) == 0 {
		return nil, lang.NewProblem("no_kit")
	}
	if verify.OrgOf(k.public()) != k.Org {
		return nil, lang.NewProblem("kit_altered")
	}
	return k, nil
}

// kitFile is the file of a kit that is about to be made. It is there before the organisation is: an organisation whose kit could not be
// written must not come to be.
type kitFile struct{ *os.File }

// createKit makes the file of a kit. It refuses one that is there: another organisation may hang on it.
func createKit(path string) (*kitFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("recovery kit: %w", err)
	}
	return &kitFile{f}, nil
}

// write puts the kit into the file. It is on disk when write returns nil.
func (f *kitFile) write(k *Kit) error {
	b, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("recovery kit: %w", err)
	}
	return durable.SyncDir(filepath.Dir(f.Name()))
}

// discard removes the file, if there is one: the organisation did not come to be.
func (f *kitFile) discard() error {
	if f == nil {
		return nil
	}
	_ = f.Close() // written or not, it goes
	return os.Remove(f.Name())
}

// key is the organisation's signing key: what the kit's holder proves to the other members' nodes that it is the organisation by.
func (k *Kit) key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(k.Organisation) }

func (k *Kit) public() verify.PublicKey {
	return verify.PublicKey(k.key().Public().(ed25519.PublicKey))
}
