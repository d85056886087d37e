package node

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"filippo.io/mldsa"

	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// The organisation's own secrets, by the name under which the key store keeps them. Each is a 32-byte seed.
const (
	secretOrg    = "organisation" // Ed25519: anchors, checkpoints, votes, node certificates
	secretToken  = "token"        // Ed25519: bearer tokens
	secretMLDSA  = "ml-dsa-65"    // daily checkpoints
	secretBackup = "backup"       // master key of backups
)

var seeds = []string{secretOrg, secretToken, secretMLDSA, secretBackup}

const seedSize = 32

// makeSecrets puts fresh seeds into a new key store.
func makeSecrets(v *vault.Vault) error {
	for _, name := range seeds {
		seed := make([]byte, seedSize)
		if _, err := rand.Read(seed); err != nil {
			return err
		}
		if err := v.PutSecret(name, seed); err != nil {
			return fmt.Errorf("keep secret %s: %w", name, err)
		}
	}
	return nil
}

// signers are the private keys a running node works with.
type signers struct {
	org   ed25519.PrivateKey
	token ed25519.PrivateKey
	mldsa *mldsa.PrivateKey
}

func loadSigners(v *vault.Vault) (*signers, error) {
	s := new(signers)
	for name, key := range map[string]*ed25519.PrivateKey{secretOrg: &s.org, secretToken: &s.token} {
		seed, err := v.Secret(name)
		if err != nil {
			return nil, fmt.Errorf("secret %s: %w", name, err)
		}
		*key = ed25519.NewKeyFromSeed(seed)
	}
	seed, err := v.Secret(secretMLDSA)
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", secretMLDSA, err)
	}
	s.mldsa, err = mldsa.NewPrivateKey(mldsa.MLDSA65(), seed)
	return s, err
}

func (s *signers) public() verify.PublicKey {
	return verify.PublicKey(s.org.Public().(ed25519.PublicKey))
}

// sign is the organisation's signature.
func (s *signers) sign(message []byte) verify.Signature {
	return verify.Signature(ed25519.Sign(s.org, message))
}
