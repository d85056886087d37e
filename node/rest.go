package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
)

// restable is an engine that can be brought to rest for a moment: on a ledger of one, nothing moves unless this node submits something.
type restable struct {
	ledger.Engine
	submits sync.RWMutex // held for reading by a submission, for writing while the engine rests
}

// Submit waits while the engine rests. Care goes on meanwhile: entries are journalled.
func (e *restable) Submit(ctx context.Context, tx []byte) error {
	e.submits.RLock()
	defer e.submits.RUnlock()
	return e.Engine.Submit(ctx, tx)
}

const (
	restLimit = 10 * time.Second // how long submissions wait at most
	restCalm  = 200 * time.Millisecond
)

var errRestless = lang.NewProblem("restless")

// rest calls fn with the height at which the engine stands still. fn returns errMoved to be called again.
func (e *restable) rest(ctx context.Context, fn func(height int64) error) error {
	e.submits.Lock()
	defer e.submits.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, restLimit, errRestless)
	defer cancel()
	last := int64(-1)
	for {
		s, err := e.Engine.Status(ctx)
		if err != nil {
			return err
		}
		if s.Height == last && s.Waiting == 0 && !s.CatchingUp {
			if err := fn(s.Height); !errors.Is(err, errMoved) {
				return err
			}
		}
		last = s.Height
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(restCalm):
		}
	}
}

// errMoved says that files changed while they were copied.
var errMoved = errors.New("files changed while they were copied")

// seen is what tells whether a file was written to.
type seen struct {
	size int64
	at   time.Time
}

// look lists the files of the engine that make up the chain. Locks and logs for people are none of it, nor are any keys.
func look(dir string) (map[string]seen, error) {
	files := make(map[string]seen)
	for _, part := range []string{"data", "state"} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() == "LOCK" || d.Name() == "LOG" || strings.HasPrefix(d.Name(), "LOG.") {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			name, err := filepath.Rel(dir, path)
			files[filepath.ToSlash(name)] = seen{info.Size(), info.ModTime()}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// copyStill copies the engine's files as they are at one moment: if any was written to, made or removed meanwhile, it returns errMoved.
func copyStill(from, to string) error {
	before, err := look(from)
	if errors.Is(err, fs.ErrNotExist) {
		return errMoved
	}
	if err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	for name := range before {
		err := copyFile(filepath.Join(from, name), filepath.Join(to, name))
		if errors.Is(err, fs.ErrNotExist) {
			return errMoved
		}
		if err != nil {
			return fmt.Errorf("copy the chain: %w", err)
		}
	}
	after, err := look(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(after) != len(before) {
		return errMoved
	}
	for name, s := range before {
		if after[name] != s {
			return errMoved
		}
	}
	return nil
}

// copyFile copies a file, or links it where it is a table of a database, which is never written to again.
func copyFile(from, to string) error {
	if err := durable.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if ext := filepath.Ext(from); (ext == ".sst" || ext == ".ldb") && os.Link(from, to) == nil {
		return nil
	}
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}
