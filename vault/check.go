package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Check is one file of a key store, or a root key's, and how to tell without any key that it is what was written. It changes nothing, so
// that evidence on a medium that cannot be written is checked too. Its errors hold nothing of a file's content.
type Check struct {
	Path string
	Look func() error
}

// Checks lists the files of the key store in dir that bear checksums of their own.
func Checks(dir string) []Check {
	top := filepath.Join(dir, topName)
	list := []Check{{top, func() error { return checkTop(top) }}}
	for level := range uint8(levels) {
		path := filepath.Join(dir, pagesName(int(level)))
		list = append(list, Check{path, func() error { return checkPages(path, level) }})
	}
	mark := filepath.Join(dir, markName)
	return append(list, Check{mark, func() error { _, err := markOf(mark); return err }}, Check{dir, func() error { return checkLog(dir) }})
}

func markOf(path string) (m mark, err error) {
	f, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer f.Close()
	return readMark(osFile{f})
}

// checkLog holds the log against the mark, which is read first: a store that is open writes it last. It returns ErrDamagedPage.
func checkLog(dir string) error {
	m, markErr := markOf(filepath.Join(dir, markName))
	s := &store{disk: osDisk{}, dir: dir, acked: m}
	logs, err := s.logs()
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		name := logPrefix + "*"
		if markErr == nil {
			name = logName(m.generation)
		}
		return ErrDamagedPage{Path: s.path(name), Why: "the log is missing"}
	}
	s.generation = logs[len(logs)-1]
	path := s.path(logName(s.generation))
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, torn, err := parseLog(b, s.generation)
	if damaged, ok := errors.AsType[ErrDamagedPage](err); ok {
		damaged.Path = path
		return damaged
	}
	if markErr == nil {
		return s.lacks(int64(len(b) - torn))
	}
	return nil // that the mark cannot be read is told of the mark
}

// CheckPassphraseRoot tells whether a file has the form of one that CreatePassphraseRoot wrote.
func CheckPassphraseRoot(path string) error {
	f, err := os.Open(path) // not by readWhole: a disk opens its files for writing
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRootFile+1))
	if err != nil {
		return err
	}
	if _, err := parsePassphraseFile(text); err != nil || len(text) > maxRootFile {
		return errors.New("it is not a root key file that is whole")
	}
	return nil
}

// checkPages compares each page of one level with its sum. One that a crash tore is whole in the log, from which the next start writes it.
func checkPages(path string, level uint8) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, pageSize)
	for id := (pageID{level: level}); ; id.number++ {
		n, err := io.ReadFull(f, b)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		page := b[:n]
		if isPage(page, id) || len(bytes.Trim(page, "\x00")) == 0 { // never written
			continue
		}
		logged, err := inLog(filepath.Dir(path), id)
		if err != nil {
			return err
		}
		if !logged {
			return fmt.Errorf("at byte %d: the page's checksum is wrong", id.offset())
		}
	}
}

func isPage(b []byte, id pageID) bool {
	h, err := parsePage(b)
	return err == nil && h.id == id
}

// inLog looks for a page in the whole groups of the logs.
func inLog(dir string, id pageID) (bool, error) {
	logs, err := filepath.Glob(filepath.Join(dir, logPrefix+"*"))
	if err != nil {
		return false, err
	}
	for _, path := range logs {
		b, err := os.ReadFile(path)
		if err != nil {
			return false, err
		}
		for g, size, ok := parseGroup(b); ok; g, size, ok = parseGroup(b) {
			if slices.ContainsFunc(g.frames, func(f sealedFrame) bool { return f.id == id }) {
				return true, nil
			}
			b = b[size:]
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
	if len(b) != topSize {
		return fmt.Errorf("it has %d bytes, it was written with %d", len(b), topSize)
	}
	var whole [topSize / topBlock]bool
	for i := range whole {
		_, whole[i] = parseTop(b[i*topBlock : (i+1)*topBlock])
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
