package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/vault"
)

// fileCheck is a file of a data directory that a start reads, and how to tell that it is what was written.
type fileCheck struct {
	path, what string
	check      func(path string) error
	optional   bool // it need not be there, or check tells
}

func (l Layout) fileChecks() []fileCheck {
	list := []fileCheck{
		{l.Config(), "configuration", func(path string) error { _, err := ReadConfig(path); return err }, false},
		{l.Genesis(), "genesis", func(string) error { _, err := ReadGenesis(l.Dir); return err }, false},
		{l.Member(), "description of the organisation", func(string) error { _, err := ReadMember(l.Dir); return err }, false},
		{l.Root(), "root key", vault.CheckPassphraseRoot, false},
		{journal.MarkFile(l.Journal()), "mark of the journal's end", func(string) error { return journal.CheckMark(l.Journal()) }, true},
		{l.Trust(), "trust file", func(string) error { return ifThere(readTrust(l)) }, true},
	}
	for _, c := range vault.Checks(l.Keys()) {
		list = append(list, fileCheck{c.Path, "key store", func(string) error { return c.Look() }, false})
	}
	return list
}

// ifThere drops what was read, and the error that there is none.
func ifThere[T any](_ T, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// looksAtFile is how often a file is looked at before it counts as damaged: a running node may be writing it.
const looksAtFile = 3

// damagedFiles looks at the files that a start reads besides the journal, the plans and the ledger. No key is needed: what bears a
// checksum is compared with it, the rest is parsed. Errors: a file may not be read.
func (l Layout) damagedFiles() (found []ledger.Damage, err error) {
	for _, f := range l.fileChecks() {
		for look := range looksAtFile {
			if look > 0 {
				time.Sleep(20 * time.Millisecond)
			}
			if err = f.look(); err == nil || errors.Is(err, fs.ErrPermission) {
				break
			}
		}
		if errors.Is(err, fs.ErrPermission) {
			return found, err
		}
		d := ledger.Damage{What: f.what, File: f.path}
		if page, ok := errors.AsType[vault.ErrDamagedPage](err); ok {
			d.File, d.Detail = page.Path, fmt.Sprintf("at byte %d: %s", page.Offset, page.Why)
		} else if err != nil {
			d.Detail = err.Error()
		}
		if err != nil {
			found = append(found, d)
		}
	}
	return found, nil
}

func (f *fileCheck) look() error {
	file, err := os.Open(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.optional:
		return f.check(f.path)
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("it is missing")
	case err != nil:
		return err
	}
	return errors.Join(f.check(f.path), file.Close())
}
