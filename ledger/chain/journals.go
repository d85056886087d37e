package chain

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/syndtr/goleveldb/leveldb/journal"

	"github.com/sijil-health/sijil/ledger"
)

// checkJournals reads the logs and the manifest of one of CometBFT's databases before it is opened. goleveldb passes over a damaged piece and
// goes on with the next one: rows would be missing, and nobody would know. Only where nothing follows is that how a power cut leaves a file.
func checkJournals(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return err
	}
	if current, err := os.ReadFile(filepath.Join(dir, "CURRENT")); err == nil {
		if name := strings.TrimSpace(string(current)); strings.HasPrefix(name, "MANIFEST-") && filepath.Base(name) == name {
			files = append(files, filepath.Join(dir, name))
		}
	}
	for _, path := range files {
		if err := checkJournal(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// dropped remembers the first piece that was passed over.
type dropped struct{ first error }

// Drop implements journal.Dropper.
func (d *dropped) Drop(err error) {
	if d.first == nil {
		d.first = err
	}
}

func checkJournal(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("chain: %w", err)
	}
	defer f.Close()
	lost := new(dropped)
	for r := journal.NewReader(f, lost, false, true); ; {
		record, err := r.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, record)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF): // this record was cut or passed over
		case err != nil:
			return fmt.Errorf("chain: read %s: %w", path, err)
		case lost.first != nil:
			return &ledger.Damage{What: blocksName, File: path, Detail: lost.first.Error()}
		}
	}
}
