package vault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	logPrefix  = "log."
	lockName   = "lock"
	readWindow = 64 // pages read at once while opening
)

// store is the pages on disk: four files with each page at its number's place, and the log of changes that are not
// there yet. The vault's write lock guards it.
type store struct {
	disk  disk
	dir   string
	files [levels]file

	mark   file  // nil while there is none
	acked  mark  // what it says
	behind error // what the log lacks of what was acknowledged, where that was let pass

	log        file // nil while it is missing
	generation uint64
	sequence   uint64
	size       int64

	waiting map[pageID][]byte // pages in the log whose place holds an older edition

	window [levels]struct { // of pages read last
		first uint32
		bytes []byte
	}
}

func pagesName(level int) string { return "pages." + strconv.Itoa(level) }

func logName(generation uint64) string { return fmt.Sprintf("%s%016x", logPrefix, generation) }

func (s *store) path(name string) string { return filepath.Join(s.dir, name) }

// createStore makes the files of a store in an empty directory.
func createStore(d disk, dir string) (*store, error) {
	s := &store{disk: d, dir: dir, waiting: make(map[pageID][]byte)}
	for level := range s.files {
		f, err := d.Create(s.path(pagesName(level)))
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.files[level] = f
	}
	return s, nil
}

// openStore opens the files and reads the log, as far as the top secret's epoch goes. It changes nothing, and is to be closed after an
// error too. With behind, a log that lacks what was acknowledged is no error: what it lacks is in s.behind then.
func openStore(d disk, dir string, r *topRecord, behind bool) (s *store, rec Recovery, err error) {
	s = &store{disk: d, dir: dir, waiting: make(map[pageID][]byte)}
	for level := range s.files {
		path := s.path(pagesName(level))
		f, err := d.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return s, rec, ErrDamagedPage{Path: path, Why: "the file is missing"}
		}
		if err != nil {
			return s, rec, err
		}
		s.files[level] = f
	}
	known, err := s.openMark(r.vault, &rec)
	if err != nil {
		return s, rec, err
	}
	if err = s.openLog(r.epoch, known, &rec); err != nil && behind {
		if _, damaged := errors.AsType[ErrDamagedPage](err); damaged {
			s.behind, err = err, nil
		}
	}
	return s, rec, err
}

// openLog opens the last log there is and reads it. known tells whether the mark is to be held against it.
func (s *store) openLog(epoch uint64, known bool, rec *Recovery) error {
	logs, err := s.logs()
	if err != nil {
		return err
	}
	if len(logs) == 0 {
		name := logPrefix + "*"
		if known {
			name = logName(s.acked.generation)
		}
		return ErrDamagedPage{Path: s.path(name), Why: "the log is missing"}
	}
	s.generation = logs[len(logs)-1]
	good, err := s.replay(epoch, rec)
	if err == nil && known {
		err = s.lacks(good)
	}
	return err
}

// logs lists the generations of log there are, ascending. All but the last are left over.
func (s *store) logs() (generations []uint64, err error) {
	names, err := s.disk.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if hex, ok := strings.CutPrefix(n.Name(), logPrefix); ok {
			if g, err := strconv.ParseUint(hex, 16, 64); err == nil && logName(g) == n.Name() {
				generations = append(generations, g)
			}
		}
	}
	slices.Sort(generations)
	return generations, nil
}

// replay takes the changes in the log that count, and tells how many bytes of it are whole changes. Where it returns damage, it has taken
// those before it.
func (s *store) replay(epoch uint64, rec *Recovery) (good int64, err error) {
	path := s.path(logName(s.generation))
	f, err := s.disk.Open(path)
	if err != nil {
		return 0, err
	}
	s.log = f
	if s.size, err = f.Size(); err != nil {
		return 0, err
	}
	b := make([]byte, s.size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return 0, ErrDamagedPage{Path: path, Why: "cannot be read: " + err.Error()}
	}
	groups, torn, damage := parseLog(b, s.generation)
	for i, g := range groups {
		if g.epoch > epoch {
			if i != len(groups)-1 {
				return 0, ErrDamagedPage{Path: path, Why: "changes follow an erasure that did not complete"}
			}
			rec.UnfinishedErasure = true
			break
		}
		for _, f := range g.frames {
			s.waiting[f.id] = f.bytes
		}
	}
	if damaged, ok := errors.AsType[ErrDamagedPage](damage); ok {
		damaged.Path = path
		return damaged.Offset, damaged
	}
	rec.TornLog = int64(torn)
	return s.size - int64(torn), nil
}

// read gives the current bytes of a page, valid until the next call. Pages asked for in ascending order are read many
// at a time.
func (s *store) read(id pageID) ([]byte, error) {
	if b, ok := s.waiting[id]; ok {
		return b, nil
	}
	w := &s.window[id.level]
	at := int(id.number) - int(w.first)
	if at < 0 || (at+1)*pageSize > len(w.bytes) {
		if cap(w.bytes) == 0 {
			w.bytes = make([]byte, readWindow*pageSize)
		}
		w.first, at = id.number, 0
		n, err := s.files[id.level].ReadAt(w.bytes[:cap(w.bytes)], id.offset())
		w.bytes = w.bytes[:n]
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, ErrDamagedPage{Path: s.where(id), Offset: id.offset(), Why: "cannot be read: " + err.Error()}
		}
		if n < pageSize {
			return nil, ErrDamagedPage{Path: s.where(id), Offset: id.offset(), Why: "the file ends too early"}
		}
	}
	return w.bytes[at*pageSize : (at+1)*pageSize], nil
}

// where names the file that a page's current bytes are in.
func (s *store) where(id pageID) string {
	if _, ok := s.waiting[id]; ok {
		return s.path(logName(s.generation))
	}
	return s.path(pagesName(int(id.level)))
}

// append makes a change durable: one write, one sync.
func (s *store) append(epoch uint64, frames []sealedFrame) error {
	g := group{generation: s.generation, sequence: s.sequence, epoch: epoch, frames: frames}
	b, err := g.encode()
	if err != nil {
		return err
	}
	if _, err := s.log.WriteAt(b, s.size); err != nil {
		return fmt.Errorf("write the key store's log: %w", err)
	}
	if err := s.log.Sync(); err != nil {
		return fmt.Errorf("sync the key store's log: %w", err)
	}
	s.size += int64(len(b))
	s.sequence++
	for _, f := range frames {
		s.waiting[f.id] = f.bytes
	}
	return nil
}

// settle writes the waiting pages to their places and turns to an empty log. A crash within leaves the old log, which
// is read again, or the new one. edition is the highest that the pages have.
func (s *store) settle(edition uint64) error {
	var touched [levels]bool
	for _, id := range slices.SortedFunc(maps.Keys(s.waiting), func(a, b pageID) int { return int(a.number) - int(b.number) }) {
		if _, err := s.files[id.level].WriteAt(s.waiting[id], id.offset()); err != nil {
			return fmt.Errorf("write pages of the key store: %w", err)
		}
		touched[id.level] = true
	}
	for level, f := range s.files {
		if !touched[level] {
			continue
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("sync pages of the key store: %w", err)
		}
	}
	return s.turn(edition)
}

// turn begins the next generation of the log. All pages must be in their places.
func (s *store) turn(edition uint64) error {
	next := max(s.generation, s.acked.generation) + 1
	f, err := s.disk.Create(s.path(logName(next)))
	if err != nil {
		return fmt.Errorf("begin a log of the key store: %w", err)
	}
	err = f.Sync()
	if err == nil {
		err = s.disk.SyncDir(s.dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("begin a log of the key store: %w", err), f.Close())
	}
	if s.log != nil {
		s.log.Close() // nothing in it is needed any more
	}
	s.log, s.generation, s.sequence, s.size = f, next, 0, 0
	clear(s.waiting)
	if err := s.settleMark(edition); err != nil { // before the old log goes: a mark of it would say that it is missing
		return err
	}
	return s.removeOldLogs()
}

func (s *store) removeOldLogs() error {
	logs, err := s.logs()
	if err != nil {
		return err
	}
	for _, g := range logs {
		if g >= s.generation {
			continue
		}
		if err := s.disk.Remove(s.path(logName(g))); err != nil {
			return fmt.Errorf("remove an old log of the key store: %w", err)
		}
	}
	return nil
}

func (s *store) close() error {
	var errs []error
	for _, f := range s.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	for _, f := range []file{s.log, s.mark} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
