package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/sijil-health/sijil/internal/durable"
)

// folder keeps objects as files. A file appears under its name by a rename, once it is fsynced.
type folder struct {
	dir  string
	made sync.Map // directories known to be durable
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// Put implements Store.
func (f *folder) Put(ctx context.Context, name string, b []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := f.path(name)
	if err := f.makeDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := durable.Write(path, b, 0o600); err != nil {
		return fmt.Errorf("backup: store %s: %w", name, err)
	}
	return nil
}

// makeDir makes a directory and its parents, each durable in the one above.
func (f *folder) makeDir(dir string) error {
	if _, ok := f.made.Load(dir); ok {
		return nil
	}
	err := durable.MkdirAll(dir, 0o700)
	if err == nil {
		f.made.Store(dir, nil)
	}
	return err
}

// Get implements Store.
func (f *folder) Get(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := os.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, f.path(name))
	}
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxObject+1))
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	return b, nil
}

// List implements Store.
func (f *folder) List(ctx context.Context, prefix string, fn func(string, int64) error) error {
	root := f.path(prefix)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if d.IsDir() || durable.IsTemp(d.Name()) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(f.dir, path)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(name), info.Size())
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Delete implements Store. Small objects, which keys are, are overwritten first: on a disk without wear levelling that destroys them.
func (f *folder) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	path := f.path(name)
	if info, err := os.Stat(path); err == nil && info.Size() <= 4096 {
		if err := overwrite(path, int(info.Size())); err != nil {
			return fmt.Errorf("backup: destroy %s: %w", name, err)
		}
	}
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return durable.SyncDir(filepath.Dir(path))
}

func overwrite(path string, size int) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, size))
	return errors.Join(err, f.Sync(), f.Close())
}
