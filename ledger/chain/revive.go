package chain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"

	"github.com/sijil-health/sijil/verify"
)

// ErrKeyCopy is returned by ReviveNode and ReviveValidator for bytes that are no such key.
var ErrKeyCopy = errors.New("chain: this is not a copy of such a key")

// KeyCopies reads the p2p key and the validator key of a node, for its backup. What the validator key signed is never copied: where
// that is set back, the key signs twice.
func KeyCopies(dir string) (node, validator []byte, err error) {
	if node, err = os.ReadFile(filepath.Join(dir, nodeKeyFile)); err == nil {
		validator, err = os.ReadFile(filepath.Join(dir, validatorKeyFile))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("chain: keys: %w", err)
	}
	return node, validator, nil
}

// ReviveNode gives a directory in which GenerateKeys made new keys the p2p key of a node that was lost, so that the members' nodes admit
// it. It signs nothing. It gives the node's identifier.
func ReviveNode(dir string, node []byte) (id string, err error) {
	var key p2p.NodeKey
	if err := cmtjson.Unmarshal(node, &key); err != nil || key.PrivKey == nil {
		return "", errors.Join(ErrKeyCopy, err)
	}
	if err := saveNodeKey(dir, &key); err != nil {
		return "", fmt.Errorf("chain: keys: %w", err)
	}
	return string(key.ID()), nil
}

// ReviveValidator gives a directory in which GenerateKeys made new keys the validator key of a lone node that was lost, as one that has signed
// all heights up to the last block that was restored and none after. The caller vouches for the operator's word that no other copy of
// the key will ever run. A member of a larger ledger must never do this: the others vote for a new key. Errors: ErrKeyCopy, ErrInUse.
func ReviveValidator(dir string, validator []byte, height int64) (public verify.PublicKey, err error) {
	var key privval.FilePVKey
	if err := cmtjson.Unmarshal(validator, &key); err != nil || key.PrivKey == nil {
		return public, errors.Join(ErrKeyCopy, err)
	}
	private, ok := key.PrivKey.(ed25519.PrivKey)
	if !ok {
		return public, ErrKeyCopy
	}
	g, err := holdKey(dir, &signer{Key: privval.NewFilePV(private, "", "").Key}) // no other process of this machine uses the key
	if err != nil {
		return public, err
	}
	s, err := makeSigner(dir, private, height)
	return publicOf(s), errors.Join(err, g.release())
}
