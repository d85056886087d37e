package bulk

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/record"
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

// Exports makes one export at a time and keeps the files of those that are complete. Its methods may be called from several goroutines.
type Exports struct {
	opt   Options
	files *job.Files
	jobs  *job.Jobs[*export]
}

// Open makes the directory empty and begins to work.
func Open(o Options) (*Exports, error) {
	o.Limits = o.Limits.orDefault()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	files, err := job.PassingFiles(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("bulk: %w", err)
	}
	jobs := job.Open[*export](job.Limits{Jobs: o.Limits.Jobs, Actor: o.Limits.Actor, Workers: 1, Age: o.Limits.Age}, o.Log)
	return &Exports{opt: o, files: files, jobs: jobs}, nil
}

// Close stops the work and removes all files.
func (x *Exports) Close() error {
	x.jobs.Close()
	return x.files.Close()
}

// Start takes a request. Errors: job.ErrBusy.
func (x *Exports) Start(r Request) (id string, err error) {
	id = job.NewID()
	return id, x.jobs.Start(r.Access, id, &export{Exports: x, id: id, request: r, since: time.Now().UTC()})
}

// Status tells how far an export is. Errors: job.ErrUnknown.
func (x *Exports) Status(a record.Access, id string) (Status, error) {
	k, state, err := x.jobs.Find(a, id)
	if err != nil {
		return Status{}, err
	}
	e := k.Work
	e.mu.Lock()
	defer e.mu.Unlock()
	return Status{State: state, Resources: e.resources, Type: e.typ}, nil
}

// completed gives an export whose files are all there. Errors: job.ErrUnknown, ErrRunning.
func (x *Exports) completed(a record.Access, id string) (*export, error) {
	k, state, err := x.jobs.Find(a, id)
	if err == nil && (!state.Done || state.Failed != nil) {
		err = ErrRunning
	}
	if err != nil {
		return nil, err
	}
	return k.Work, nil
}

// Drop ends an export and removes its files. Errors: job.ErrUnknown.
func (x *Exports) Drop(a record.Access, id string) error { return x.jobs.Drop(a, id) }
