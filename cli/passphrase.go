package cli

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sijil-health/sijil/vault"
)

// passphraseFlag gives a command the flag for the file with the root key's passphrase.
func (a *app) passphraseFlag(c *cobra.Command, file *string) *cobra.Command {
	c.Flags().StringVar(file, "passphrase-file", os.Getenv("SIJIL_PASSPHRASE_FILE"), "")
	return c
}

// passphrase reads the passphrase: from the file named, from DIR/passphrase, or from the terminal.
func (a *app) passphrase(file string) ([]byte, error) {
	if file == "" {
		if beside := filepath.Join(a.dir, "passphrase"); exists(beside) {
			file = beside
		}
	}
	if file != "" {
		b, err := a.readFile(file)
		if err != nil {
			return nil, fmt.Errorf("passphrase: %w", err)
		}
		return bytes.TrimRight(b, "\r\n"), nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, a.misuse("usage.passphrase")
	}
	fmt.Fprint(a.err, a.say.T("ask.passphrase"))
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(a.err)
	return b, err
}

// foundPassphrase is the passphrase where it can be had without asking: from the file named, or from DIR/passphrase. nil for none.
func (a *app) foundPassphrase(dir, file string) ([]byte, error) {
	if beside := filepath.Join(dir, "passphrase"); file == "" && exists(beside) {
		file = beside
	}
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	return bytes.TrimRight(b, "\r\n"), nil
}

// newPassphrase is passphrase for a new node: where no file is named a random one is made and kept beside the data, which
// `sijil status` then warns of.
func (a *app) newPassphrase(file string) (passphrase []byte, err error) {
	if file != "" && exists(file) {
		passphrase, err := a.passphrase(file)
		if err == nil && (len(passphrase) < vault.MinPassword || len(passphrase) > vault.MaxPassword) {
			err = a.misuse("usage.passphrase_size", file, vault.MinPassword, vault.MaxPassword)
		}
		return passphrase, err
	}
	var secret [20]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, err
	}
	if file != "" { // named by the person, who may have meant one that is there
		if !exists(filepath.Dir(file)) {
			return nil, fmt.Errorf("passphrase: %s: the directory %w", file, fs.ErrNotExist)
		}
		defer func() {
			if err == nil {
				fmt.Fprintln(a.err, a.say.T("init.passphrase", file))
			}
		}()
	}
	passphrase = []byte(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret[:]))
	if file == "" {
		file = filepath.Join(a.dir, "passphrase")
	}
	if err := createSecret(file, append(bytes.Clone(passphrase), '\n')); err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	return passphrase, nil
}

// createSecret writes a new file that only its owner reads; see create.
func createSecret(path string, b []byte) error { return create(path, b, 0o600) }

// create writes a new file. It refuses one that is there; once it returns nil, file and name are on disk.
func create(path string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
