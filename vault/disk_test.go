package vault

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// memDisk is a disk in memory that can lose power at any operation. What was not synced is then kept, lost or torn at
// sectors of 512 bytes, as chance has it; names that were not synced with their directory are kept up to a random
// point.
type memDisk struct {
	mu      sync.Mutex
	now     names
	durable names
	pending []nameChange
	locked  map[string]bool

	ops     int
	dieAt   int // power is lost within this operation; 0 for never
	failAt  int // this operation fails with errDisk, and nothing else happens
	dead    bool
	history map[string][][]byte // every write ever made, by the file's last name
}

type names struct {
	files map[string]*memFile
	dirs  map[string]bool
}

type nameChange struct {
	dir   string
	apply func(*names)
}

type memFile struct {
	disk    *memDisk
	name    string
	data    []byte
	stable  []byte
	pending []memWrite
}

type memWrite struct {
	offset int64
	data   []byte
}

var (
	errPower = errors.New("power lost")
	errDisk  = errors.New("input/output error")
)

func newMemDisk() *memDisk {
	n := names{map[string]*memFile{}, map[string]bool{"/": true}}
	return &memDisk{now: n.clone(), durable: n, locked: map[string]bool{}, history: map[string][][]byte{}}
}

func (n names) clone() names { return names{maps.Clone(n.files), maps.Clone(n.dirs)} }

// step counts an operation that changes something. It tells whether the operation still takes place (perhaps) and what
// it returns.
func (d *memDisk) step() (happens bool, err error) {
	if d.dead {
		return false, errPower
	}
	d.ops++
	if d.ops == d.dieAt {
		d.dead = true
		return true, errPower
	}
	if d.ops == d.failAt {
		return false, errDisk
	}
	return true, nil
}

// afterPower gives the disk as it is found when power is back.
func (d *memDisk) afterPower(r *rand.Rand) *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := newMemDisk()
	next.history = d.history
	next.durable = d.durable.clone()
	for _, c := range d.pending[:r.IntN(len(d.pending)+1)] {
		c.apply(&next.durable)
	}
	for path, f := range next.durable.files {
		if !next.durable.reaches(filepath.Dir(path)) {
			delete(next.durable.files, path)
			continue
		}
		b := slices.Clone(f.stable)
		for _, w := range f.pending {
			for at := 0; at < len(w.data); at += 512 {
				if r.IntN(3) > 0 {
					b = writeAt(b, w.data[at:min(at+512, len(w.data))], w.offset+int64(at))
				}
			}
		}
		next.durable.files[path] = &memFile{disk: next, name: f.name, data: b, stable: slices.Clone(b)}
	}
	next.now = next.durable.clone()
	return next
}

// reaches tells whether a directory and all above it are there.
func (n names) reaches(dir string) bool {
	return n.dirs[dir] && (dir == "/" || n.reaches(filepath.Dir(dir)))
}

func writeAt(b, p []byte, offset int64) []byte {
	if need := int(offset) + len(p); need > len(b) {
		b = append(b, make([]byte, need-len(b))...)
	}
	copy(b[offset:], p)
	return b
}

func (d *memDisk) change(dir string, apply func(*names)) error {
	happens, err := d.step()
	if happens {
		apply(&d.now)
		d.pending = append(d.pending, nameChange{dir, apply})
	}
	return err
}

func (d *memDisk) Open(path string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return nil, errPower
	}
	f, ok := d.now.files[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return f, nil
}

func (d *memDisk) Create(path string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.now.dirs[filepath.Dir(path)] {
		return nil, fs.ErrNotExist
	}
	f := &memFile{disk: d, name: filepath.Base(path)}
	err := d.change(filepath.Dir(path), func(n *names) { n.files[path] = f })
	return f, err
}

func (d *memDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, isFile := d.now.files[from]
	return d.change(filepath.Dir(to), func(n *names) {
		if isFile {
			delete(n.files, from)
			n.files[to] = f
			return
		}
		delete(n.dirs, from)
		n.dirs[to] = true
		for path, f := range maps.Clone(n.files) {
			if rest, ok := strings.CutPrefix(path, from+"/"); ok {
				delete(n.files, path)
				n.files[to+"/"+rest] = f
			}
		}
	})
}

func (d *memDisk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now.files[path] == nil && !d.now.dirs[path] {
		return fs.ErrNotExist
	}
	return d.change(filepath.Dir(path), func(n *names) { delete(n.files, path); delete(n.dirs, path) })
}

func (d *memDisk) Mkdir(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now.dirs[path] {
		return fs.ErrExist
	}
	if !d.now.dirs[filepath.Dir(path)] {
		return fs.ErrNotExist
	}
	return d.change(filepath.Dir(path), func(n *names) { n.dirs[path] = true })
}

func (d *memDisk) ReadDir(dir string) ([]fs.DirEntry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.now.dirs[dir] {
		return nil, fs.ErrNotExist
	}
	var entries []fs.DirEntry
	for path, f := range d.now.files {
		if filepath.Dir(path) == dir {
			entries = append(entries, memEntry{filepath.Base(path), int64(len(f.data)), false})
		}
	}
	for path := range d.now.dirs {
		if path != dir && filepath.Dir(path) == dir {
			entries = append(entries, memEntry{filepath.Base(path), 0, true})
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

func (d *memDisk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	happens, err := d.step()
	if !happens || err != nil {
		return err
	}
	rest := d.pending[:0:0]
	for _, c := range d.pending {
		if c.dir == dir {
			c.apply(&d.durable)
		} else {
			rest = append(rest, c)
		}
	}
	d.pending = rest
	return nil
}

func (d *memDisk) Lock(path string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked[path] {
		return nil, ErrLocked
	}
	d.locked[path] = true
	return closer(func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.locked, path)
		return nil
	}), nil
}

type closer func() error

func (c closer) Close() error { return c() }

func (f *memFile) ReadAt(p []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.dead {
		return 0, errPower
	}
	if offset >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, offset int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	happens, err := f.disk.step()
	if happens {
		w := memWrite{offset, slices.Clone(p)}
		f.data = writeAt(f.data, p, offset)
		f.pending = append(f.pending, w)
		f.disk.history[f.name] = append(f.disk.history[f.name], w.data)
	}
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *memFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	happens, err := f.disk.step()
	if !happens || err != nil {
		return err
	}
	f.stable, f.pending = slices.Clone(f.data), nil
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *memFile) Close() error { return nil }

type memEntry struct {
	name string
	size int64
	dir  bool
}

func (e memEntry) Name() string               { return e.name }
func (e memEntry) IsDir() bool                { return e.dir }
func (e memEntry) Type() fs.FileMode          { return e.Mode().Type() }
func (e memEntry) Info() (fs.FileInfo, error) { return e, nil }
func (e memEntry) Size() int64                { return e.size }
func (e memEntry) ModTime() time.Time         { return time.Time{} }
func (e memEntry) Sys() any                   { return nil }
func (e memEntry) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}
