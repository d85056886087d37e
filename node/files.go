package node

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sijil-health/sijil/ledger"
)

// fileCheck is a file of a data directory that a start reads, and how to tell that it is what was written.
type fileCheck struct {
	path, what string
	check      func(path string) error
	optional   bool // it need not be there
}

func (l Layout) fileChecks() []fileCheck {
	list := []fileCheck{
		{l.Config(), "configuration", func(path string) error { _, err := ReadConfig(path); return err }, false},
		{l.Genesis(), "genesis", func(string) error { _, err := ReadGenesis(l.Dir); return err }, false},
		{l.Member(), "description of the organisation", func(string) error { _, err := ReadMember(l.Dir); return err }, false},
		{l.Root(), "root key", checkRoot, false},
		{filepath.Join(l.Keys(), "top"), "key store", checkTop, false},
		{l.Trust(), "trust file", func(string) error { _, err := readTrust(l); return err }, true},
	}
	for level := range 4 {
		list = append(list, fileCheck{filepath.Join(l.Keys(), fmt.Sprintf("pages.%d", level)), "key store", checkPages, false})
	}
	return list
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
		if err != nil {
			found = append(found, ledger.Damage{What: f.what, File: f.path, Detail: err.Error()})
		}
	}
	return found, nil
}

func (f *fileCheck) look() error {
	file, err := os.Open(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.optional:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("it is missing")
	case err != nil:
		return err
	}
	return errors.Join(f.check(f.path), file.Close())
}

// checkRoot parses the root key's file as package vault does, which opens it for writing too. Errors hold nothing of its content.
func checkRoot(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var root struct {
		Format string `json:"format"`
		Argon  struct {
			Time    uint32 `json:"time"`
			Memory  uint32 `json:"memory_kib"`
			Threads uint8  `json:"threads"`
		} `json:"argon2id"`
		Salt    []byte `json:"salt"`
		Wrapped []byte `json:"wrapped"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err = d.Decode(&root)
	cost := root.Argon
	if err != nil || root.Format != "sijil/root/passphrase/1" || len(root.Salt) != 16 || len(root.Wrapped) != 12+32+16 || cost.Time == 0 || cost.Memory == 0 || cost.Threads == 0 {
		return errors.New("it is not a root key file that is whole")
	}
	return nil
}

// The key store's pages as they lie on disk; see docs/spec and package vault. The sums need no key.
const (
	pageSize  = 4096
	pageMagic = "SjPg"
	pageFixed = 32
	pageBody  = pageFixed + 4
	topBlock  = 4096
	topMagic  = "SjTp"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func wholePage(b []byte, level byte, number uint64) bool {
	return len(b) == pageSize && bytes.HasPrefix(b, []byte(pageMagic)) && b[5] == level && binary.BigEndian.Uint64(b[8:]) == number &&
		binary.BigEndian.Uint32(b[pageFixed:]) == crc32.Update(crc32.Checksum(b[:pageFixed], castagnoli), castagnoli, b[pageBody:])
}

// checkPages compares each page of one level with its sum. One that a crash tore is whole in the log, from which the next start writes it.
func checkPages(path string) error {
	var level byte
	if _, err := fmt.Sscanf(filepath.Ext(path), ".%d", &level); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, pageSize)
	for number := uint64(0); ; number++ {
		n, err := io.ReadFull(f, b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		page := b[:n]
		if wholePage(page, level, number) || len(bytes.Trim(page, "\x00")) == 0 { // never written
			continue
		}
		logged, err := pageInLog(filepath.Dir(path), level, number)
		if err != nil {
			return err
		}
		if !logged {
			return fmt.Errorf("at byte %d: the page's checksum is wrong", number*pageSize)
		}
	}
}

func pageInLog(dir string, level byte, number uint64) (bool, error) {
	logs, err := filepath.Glob(filepath.Join(dir, "log.*"))
	if err != nil {
		return false, err
	}
	for _, path := range logs {
		b, err := os.ReadFile(path)
		if err != nil {
			return false, err
		}
		for at := 0; ; at++ {
			next := bytes.Index(b[at:], []byte(pageMagic))
			if next < 0 {
				break
			}
			if at += next; at+pageSize <= len(b) && wholePage(b[at:at+pageSize], level, number) {
				return true, nil
			}
		}
	}
	return false, nil
}

// checkTop holds the four blocks of the top secret's file against their sums: two copies of one slot, and noise in the other slot. Two
// slots that are both readable are those of a change that a crash cut short; the next start ends it.
func checkTop(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(b) != 4*topBlock {
		return fmt.Errorf("it has %d bytes, it was written with %d", len(b), 4*topBlock)
	}
	var whole [4]bool
	for i := range whole {
		block := b[i*topBlock : (i+1)*topBlock]
		whole[i] = bytes.HasPrefix(block, []byte(topMagic)) && [sha256.Size]byte(block[topBlock-sha256.Size:]) == sha256.Sum256(block[:topBlock-sha256.Size])
	}
	first, second := whole[0] || whole[2], whole[1] || whole[3]
	switch {
	case !first && !second:
		return errors.New("neither slot holds a top secret")
	case first && second:
		return nil
	}
	for i, ok := range whole {
		if !ok && whole[(i+2)%4] {
			return fmt.Errorf("at byte %d: one of the two copies of the top secret is damaged; the other is whole, and the next start writes it again", i*topBlock)
		}
	}
	return nil
}
