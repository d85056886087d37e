package chain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// Files of the key directory.
const (
	nodeKeyFile      = "node_key.json"           // the node's p2p identity
	validatorKeyFile = "priv_validator_key.json" // signs blocks
	signStateFile    = "signed"                  // what the validator key signed last
)

var (
	// ErrKeysExist says that there are keys already; they are never overwritten. Returned by GenerateKeys.
	ErrKeysExist = errors.New("chain: there are keys already")
	// ErrNoSignState says that the validator key is there without the record of what it signed. Returned by Open.
	ErrNoSignState = errors.New("chain: the record of what the validator key signed is gone, and without it the key might sign two " +
		"blocks at one height, which the other members would see as fraud; make a new key with `sijil rotate --new-validator` " +
		"and have the members agree to it")
)

// GenerateKeys makes a node's p2p key and validator key in a directory, which it makes too, and gives their public
// parts, as verify.Member names them. A restored node calls it anew: signing state is never restored.
func GenerateKeys(dir string) (nodeID string, validator verify.PublicKey, err error) {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return "", validator, fmt.Errorf("chain: keys: %w", err)
	}
	for _, name := range []string{nodeKeyFile, validatorKeyFile, signStateFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			return "", validator, fmt.Errorf("%w: %s", ErrKeysExist, filepath.Join(dir, name))
		}
	}
	node := p2p.NodeKey{PrivKey: ed25519.GenPrivKey()}
	if err := saveNodeKey(dir, &node); err != nil {
		return "", validator, fmt.Errorf("chain: keys: %w", err)
	}
	s, err := makeSigner(dir, ed25519.GenPrivKey(), 0)
	if err != nil {
		return "", validator, err
	}
	return string(node.ID()), publicOf(s), nil
}

// saveNodeKey does what CometBFT's NodeKey.SaveAs does, and makes it last.
func saveNodeKey(dir string, node *p2p.NodeKey) error {
	b, err := cmtjson.Marshal(node)
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(dir, nodeKeyFile), b, 0o600)
}

// PublicKeys reads the public parts of a node's keys.
func PublicKeys(dir string) (nodeID string, validator verify.PublicKey, err error) {
	node, pv, err := loadKeys(dir)
	if err != nil {
		return "", validator, err
	}
	return string(node.ID()), publicOf(pv), nil
}

// loadKeys reads the keys and the signing state. CometBFT ends the process when it cannot read one of them, so that they
// are read here first.
func loadKeys(dir string) (*p2p.NodeKey, *signer, error) {
	node, err := p2p.LoadNodeKey(filepath.Join(dir, nodeKeyFile))
	if err != nil {
		return nil, nil, keyFailed("node key", filepath.Join(dir, nodeKeyFile), err)
	}
	if err := recoverKeys(dir); err != nil {
		return nil, nil, err
	}
	pv, err := loadValidator(dir)
	return node, pv, err
}

func readValidatorKey(file string) (*privval.FilePVKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, keyFailed("validator key", file, err)
	}
	k := new(privval.FilePVKey)
	if err := cmtjson.Unmarshal(b, k); err != nil || k.PrivKey == nil {
		return nil, keyFailed("validator key", file, errNoKey)
	}
	return k, nil
}

// keyFailed tells of a key that cannot be read. What a parser says of one that is damaged is left out: it might hold parts of the key.
func keyFailed(what, file string, err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return fmt.Errorf("chain: %s: %w", what, err)
	}
	return fmt.Errorf("%w: %w", ErrWedged, &ledger.Damage{What: "the " + what, File: file, Detail: errNoKey.Error()})
}
