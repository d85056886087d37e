package chain

import (
	"bytes"
	stded25519 "crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/p2p"

	"github.com/sijil-health/sijil/ledger"
)

// CheckKeys reads the keys below dir, and the record of what was signed; the engine may run meanwhile. It says nothing of what is in them.
func CheckKeys(dir string) (found []ledger.Damage, err error) {
	for _, f := range []struct {
		name  string
		check func(path string) error
	}{
		{nodeKeyFile, checkNodeKey}, {validatorKeyFile, checkValidatorKey}, {signStateFile, checkSignState},
	} {
		path := filepath.Join(dir, f.name)
		switch _, err := os.ReadFile(path); {
		case errors.Is(err, fs.ErrNotExist):
			found = append(found, ledger.Damage{What: keyPart, File: path, Detail: "it is missing"})
			continue
		case err != nil:
			return found, fmt.Errorf("chain: %w", err)
		}
		if err := f.check(path); err != nil {
			found = append(found, ledger.Damage{What: keyPart, File: path, Detail: err.Error()})
		}
	}
	return found, nil
}

var errNoKey = errors.New("it does not hold a key that is whole")

// wholeKey tells whether the two halves of a private key belong together.
func wholeKey(k any) bool {
	private, ok := k.(ed25519.PrivKey)
	if !ok || len(private) != ed25519.PrivateKeySize {
		return false
	}
	return bytes.Equal(stded25519.NewKeyFromSeed(private[:stded25519.SeedSize]), private)
}

func checkNodeKey(path string) error {
	k, err := p2p.LoadNodeKey(path)
	if err != nil || !wholeKey(k.PrivKey) {
		return errNoKey // the error might hold parts of the key
	}
	return nil
}

func checkValidatorKey(path string) error {
	k, err := readValidatorKey(path)
	if err != nil || !wholeKey(k.PrivKey) || k.PubKey == nil || !k.PrivKey.PubKey().Equals(k.PubKey) || !bytes.Equal(k.Address, k.PubKey.Address()) {
		return errNoKey
	}
	return nil
}

// checkSignState passes over a slot that cannot be read beside one that can: that is how a power cut leaves the file.
func checkSignState(path string) error {
	_, err := readSignState(path)
	if errors.Is(err, ErrNoSignState) {
		return errors.New("neither of the two records of what the validator key signed can be read")
	}
	return err
}
