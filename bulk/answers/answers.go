package answers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// Errors of the methods of Answers.
var (
	ErrRunning = errors.New("the request is not answered yet")
	ErrFull    = errors.New("as many bytes of answers are kept as may be") // also why an answer could not be kept
)

// Limits of answers. A zero field stands for the one of DefaultLimits.
type Limits struct {
	Jobs    int           // kept at once, over all, answered or not
	Actor   int           // of them of one actor
	Workers int           // requests answered at the same time
	Age     time.Duration // how long an answer is kept
	Time    time.Duration // how long one request may take
	Bytes   int64         // of all bodies and answers
	Share   int64         // of them those of one actor
}

// DefaultLimits suit a small machine.
var DefaultLimits = Limits{Jobs: 256, Actor: 32, Workers: 2, Age: 24 * time.Hour, Time: 15 * time.Minute, Bytes: 2 << 30, Share: 512 << 20}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	return Limits{Jobs: cmp.Or(l.Jobs, d.Jobs), Actor: cmp.Or(l.Actor, d.Actor), Workers: cmp.Or(l.Workers, d.Workers), Age: cmp.Or(l.Age, d.Age),
		Time: cmp.Or(l.Time, d.Time), Bytes: cmp.Or(l.Bytes, d.Bytes), Share: cmp.Or(l.Share, d.Share)}
}

// Options of Answers.
type Options struct {
	Dir    string // of bodies and answers; what an earlier process left there is removed
	Limits Limits
	Log    *slog.Logger // nil for silence
}

// Answers answers requests in the background. Its methods may be called from several goroutines.
type Answers struct {
	limits Limits
	files  *job.Files
	jobs   *job.Jobs[*asked]

	mu    sync.Mutex
	total int64            // bytes that are kept
	of    map[string]int64 // of them those of each actor
}

// Open makes the directory empty and begins to work.
func Open(o Options) (*Answers, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	files, err := job.PassingFiles(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("answers: %w", err)
	}
	l := o.Limits.orDefault()
	jobs := job.Open[*asked](job.Limits{Jobs: l.Jobs, Actor: l.Actor, Workers: l.Workers, Age: l.Age}, o.Log)
	return &Answers{limits: l, files: files, jobs: jobs, of: map[string]int64{}}, nil
}

// Close stops the work and removes all that is kept.
func (x *Answers) Close() error {
	x.jobs.Close()
	return x.files.Close()
}

// Request is what is to be answered.
type Request struct {
	Access record.Access
	Act    policy.Action // what it takes to ask for it, and for its answer
	// Body copies what was sent with it, before Start returns.
	Body func(to io.Writer) error
	// Answer makes the answer. ctx ends when the request is dropped or takes too long.
	Answer func(ctx context.Context, body *io.SectionReader, to io.Writer) (media string, err error)
}

// Start takes a request. Errors: job.ErrBusy, ErrFull; those of Request.Body.
func (x *Answers) Start(r Request) (id string, err error) {
	if err := x.jobs.Room(r.Access); err != nil { // before anything is read
		return "", err
	}
	id = job.NewID()
	k := &asked{Answers: x, id: id, request: r}
	if err = x.files.Begin(id); err == nil {
		err = k.write(bodyName, r.Body)
	}
	if err == nil {
		err = x.jobs.Start(r.Access, id, k)
	}
	if err != nil {
		return "", errors.Join(err, k.Remove())
	}
	return id, nil
}

// Status is how far a request is.
type Status struct {
	job.State
	Act     policy.Action
	Running bool // it is being answered; else it waits, or is done
}

// Status tells how far a request is. Errors: job.ErrUnknown.
func (x *Answers) Status(a record.Access, id string) (Status, error) {
	k, state, err := x.jobs.Find(a, id)
	if err != nil {
		return Status{}, err
	}
	return Status{State: state, Act: k.Work.request.Act, Running: !state.Done && k.Work.running.Load()}, nil
}

// Answer opens the answer of a request that is done. Errors: job.ErrUnknown, ErrRunning.
func (x *Answers) Answer(a record.Access, id string) (content *io.SectionReader, media string, closing func() error, err error) {
	k, state, err := x.jobs.Find(a, id)
	if err == nil && (!state.Done || state.Failed != nil) {
		err = ErrRunning
	}
	if err != nil {
		return nil, "", nil, err
	}
	content, closing, err = x.files.Open(id, answerName)
	return content, k.Work.media, closing, err
}

// Drop ends a request, or forgets its answer. Errors: job.ErrUnknown.
func (x *Answers) Drop(a record.Access, id string) error { return x.jobs.Drop(a, id) }

// take counts n more bytes of an actor; fewer when n is below 0. Errors: ErrFull, and then nothing is counted.
func (x *Answers) take(actor string, n int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n > 0 && (x.total+n > x.limits.Bytes || x.of[actor]+n > x.limits.Share) {
		return ErrFull
	}
	x.total += n
	if x.of[actor] += n; x.of[actor] == 0 {
		delete(x.of, actor)
	}
	return nil
}
