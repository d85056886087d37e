package bulk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// Record is what an export needs of the record.
type Record interface {
	Export(ctx context.Context, a record.Access, q record.Query, of func(chart string) bool) (*record.ExportPage, error)
	Receipts(ctx context.Context, versions []record.Exported, fn func(*verify.BatchReceipt) error) error
	Complete(ctx context.Context, a record.Access, said string) (receipt []byte, err error)
}

// Options of Exports.
type Options struct {
	Dir    string // of the files; what an earlier process left there is removed
	Record Record
	Limits Limits
	Log    *slog.Logger // nil for silence
}

// Exports runs one export at a time and keeps the files of those that are complete. Its methods may be called from several goroutines.
type Exports struct {
	opt   Options
	key   *vault.StreamKey
	queue chan *export

	mu   sync.Mutex
	jobs map[string]*export

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// Open makes the directory empty and begins to work.
func Open(o Options) (*Exports, error) {
	o.Limits = o.Limits.orDefault()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		return nil, fmt.Errorf("bulk: %w", err)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("bulk: %w", err)
	}
	x := &Exports{opt: o, key: vault.NewStreamKey(), queue: make(chan *export, o.Limits.Jobs), jobs: make(map[string]*export)}
	x.ctx, x.cancel = context.WithCancel(context.Background())
	x.work.Go(x.run)
	return x, nil
}

// Close stops the work and removes all files.
func (x *Exports) Close() error {
	x.cancel()
	x.work.Wait()
	return os.RemoveAll(x.opt.Dir)
}

// Start takes a request. Errors: ErrBusy.
func (x *Exports) Start(r Request) (id string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expire(time.Now())
	mine := 0
	for _, e := range x.jobs {
		if e.request.Access.Actor == r.Access.Actor {
			mine++
		}
	}
	if len(x.jobs) >= x.opt.Limits.Jobs || mine >= x.opt.Limits.Actor {
		return "", ErrBusy
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	id = hex.EncodeToString(b[:])
	e := &export{Exports: x, id: id, dir: filepath.Join(x.opt.Dir, id), request: r, since: time.Now().UTC()}
	e.ctx, e.cancel = context.WithCancel(x.ctx)
	x.jobs[id] = e
	x.queue <- e // there is room for as many as are kept
	return id, nil
}

// find gives an export to who asked for it.
func (x *Exports) find(a record.Access, id string) (*export, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.expire(time.Now())
	e := x.jobs[id]
	if e == nil || e.request.Access.Actor != a.Actor || e.request.Access.Org != a.Org || e.request.Access.Chart != a.Chart {
		return nil, ErrUnknown
	}
	return e, nil
}

// Status tells how far an export is. Errors: ErrUnknown.
func (x *Exports) Status(a record.Access, id string) (Status, error) {
	e, err := x.find(a, id)
	if err != nil {
		return Status{}, err
	}
	return e.status(), nil
}

// Drop ends an export and removes its files. Errors: ErrUnknown.
func (x *Exports) Drop(a record.Access, id string) error {
	e, err := x.find(a, id)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.drop(e)
}

// drop removes a job. The caller holds x.mu.
func (x *Exports) drop(e *export) error {
	e.cancel()
	delete(x.jobs, e.id)
	return os.RemoveAll(e.dir)
}

// expire removes what has been kept for long enough. The caller holds x.mu.
func (x *Exports) expire(now time.Time) {
	for _, e := range x.jobs {
		if s := e.status(); !s.Expires.IsZero() && now.After(s.Expires) {
			if err := x.drop(e); err != nil {
				x.opt.Log.Error("an export that has expired could not be removed", "err", err)
			}
		}
	}
}

// run does one export after the other.
func (x *Exports) run() {
	clock := time.NewTicker(time.Minute)
	defer clock.Stop()
	for {
		select {
		case e := <-x.queue:
			e.run()
		case now := <-clock.C:
			x.mu.Lock()
			x.expire(now)
			x.mu.Unlock()
		case <-x.ctx.Done():
			return
		}
	}
}
