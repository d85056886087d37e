package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// memDisk is a disk that forgets what was not synced: after a loss of power each sector written since the last fsync, each change of
// size and each change of a directory may be there or not. It also fails on demand.
type memDisk struct {
	mu      sync.Mutex
	names   map[string]*inode           // as a running system sees them
	durable map[string]*inode           // as of the last SyncDir
	fail    func(op, name string) error // asked before each operation that changes something
}

type inode struct{ data, synced []byte }

func newMemDisk() *memDisk {
	return &memDisk{names: map[string]*inode{}, durable: map[string]*inode{}}
}

var errPower = errors.New("the power is gone")

// load gives a disk that holds the files of a real directory, in dir.
func (d *memDisk) load(t testing.TB, from, dir string) *memDisk {
	names, err := osDisk{}.List(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		d.put(filepath.Join(dir, name), readFile(t, filepath.Join(from, name)))
	}
	return d
}

// put makes a file durable with these contents.
func (d *memDisk) put(name string, b []byte) {
	n := &inode{data: slices.Clone(b), synced: slices.Clone(b)}
	d.names[name], d.durable[name] = n, n
}

// powerFailsAfter lets n more changes happen.
func (d *memDisk) powerFailsAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = func(string, string) error {
		if n--; n < 0 {
			return errPower
		}
		return nil
	}
}

// restart gives the disk as it is found after the loss of power; keep decides the fate of each thing that was not synced.
func (d *memDisk) restart(keep func() bool) *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := newMemDisk()
	all := maps.Clone(d.durable)
	maps.Copy(all, d.names)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		node := d.durable[name]
		if d.names[name] != node && keep() {
			node = d.names[name]
		}
		if node == nil {
			continue
		}
		data := node.survive(keep)
		out.names[name] = &inode{data: data, synced: slices.Clone(data)}
	}
	out.durable = maps.Clone(out.names)
	return out
}

func (n *inode) survive(keep func() bool) []byte {
	size := len(n.synced)
	if len(n.data) != size && keep() {
		size = len(n.data)
	}
	out := make([]byte, size)
	copy(out, n.synced)
	for p := 0; p < size && p < len(n.data); p += sector {
		end := min(p+sector, size, len(n.data))
		if string(n.data[p:end]) != string(out[p:end]) && keep() {
			copy(out[p:end], n.data[p:end])
		}
	}
	return out
}

// change asks whether an operation may happen, with the disk locked.
func (d *memDisk) change(op, name string) error {
	if d.fail != nil {
		if err := d.fail(op, filepath.Base(name)); err != nil {
			return fmt.Errorf("%s %s: %w", op, filepath.Base(name), err)
		}
	}
	return nil
}

func (d *memDisk) MkdirAll(string) error { return nil }

func (d *memDisk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name := range d.names {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (d *memDisk) Open(name string, _ bool) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.names[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memFile{d, name, n}, nil
}

func (d *memDisk) Create(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("create", name); err != nil {
		return nil, err
	}
	n := new(inode)
	d.names[name] = n
	return &memFile{d, name, n}, nil
}

func (d *memDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("rename", to); err != nil {
		return err
	}
	d.names[to] = d.names[from]
	delete(d.names, from)
	return nil
}

func (d *memDisk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("remove", name); err != nil {
		return err
	}
	if _, ok := d.names[name]; !ok {
		return fs.ErrNotExist
	}
	delete(d.names, name)
	return nil
}

func (d *memDisk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("syncdir", dir); err != nil {
		return err
	}
	d.durable = maps.Clone(d.names)
	return nil
}

type memFile struct {
	d    *memDisk
	name string
	n    *inode
}

func (f *memFile) ReadAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return memory(f.n.data).ReadAt(b, at)
}

// WriteAt leaves half of a write that fails.
func (f *memFile) WriteAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	err := f.d.change("write", f.name)
	if err != nil {
		b = b[:len(b)/2]
	}
	if need := at + int64(len(b)); need > int64(len(f.n.data)) {
		f.n.data = append(f.n.data, make([]byte, need-int64(len(f.n.data)))...)
	}
	return copy(f.n.data[at:], b), err
}

func (f *memFile) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *memFile) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.change("truncate", f.name); err != nil {
		return err
	}
	if size > int64(len(f.n.data)) {
		return io.ErrShortBuffer
	}
	f.n.data = slices.Clone(f.n.data[:size])
	return nil
}

func (f *memFile) Allocate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.change("allocate", f.name); err != nil {
		return err
	}
	size = min(size, int64(len(f.n.data))+8192) // keep the tests small
	if size > int64(len(f.n.data)) {
		f.n.data = append(f.n.data, make([]byte, size-int64(len(f.n.data)))...)
	}
	return nil
}

func (f *memFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.change("sync", f.name); err != nil {
		return err
	}
	f.n.synced = slices.Clone(f.n.data)
	return nil
}

func (f *memFile) Stands(name string) (bool, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return f.d.names[name] == f.n, nil
}

func (f *memFile) Lock() error  { return nil }
func (f *memFile) Close() error { return nil }

var (
	_ disk = (*memDisk)(nil)
	_ disk = osDisk{}
)
