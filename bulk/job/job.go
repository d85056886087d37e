package job

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sijil-health/sijil/record"
)

// Errors of the methods of Jobs.
var (
	ErrUnknown = errors.New("no such job") // or somebody else's, or it has gone
	ErrBusy    = errors.New("too many jobs are kept already")
)

// Work is what a job does.
type Work interface {
	// Run does it. An error says why it failed; that of an ended context says nothing.
	Run(ctx context.Context) error
	// Remove removes what the job keeps. It is called once, when nothing uses it any more.
	Remove() error
}

// Limits of jobs.
type Limits struct {
	Jobs    int           // kept at once, over all
	Actor   int           // of them of one actor
	Workers int           // done at the same time
	Age     time.Duration // how long one is kept that is done
}

// Job is one that is kept.
type Job[W Work] struct {
	ID     string
	Access record.Access
	Since  time.Time // when it was asked for
	Work   W

	ctx     context.Context
	cancel  context.CancelFunc
	running bool // guarded by Jobs.mu, as all below
	dropped bool
	state   State
}

// State is how far a job is.
type State struct {
	Done    bool
	Failed  error     // why it ended without what was asked for
	Expires time.Time // when it is dropped; zero while it is not done
}

// Jobs keeps jobs of one kind. Its methods may be called from several goroutines.
type Jobs[W Work] struct {
	limits Limits
	log    *slog.Logger

	mu      sync.Mutex
	changed *sync.Cond // of waiting, or closed
	kept    map[string]*Job[W]
	waiting []*Job[W]
	closed  bool

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// Open begins to work. log may not be nil.
func Open[W Work](l Limits, log *slog.Logger) *Jobs[W] {
	j := &Jobs[W]{limits: l, log: log, kept: make(map[string]*Job[W])}
	j.changed = sync.NewCond(&j.mu)
	j.ctx, j.cancel = context.WithCancel(context.Background())
	for range l.Workers {
		j.work.Go(j.run)
	}
	j.work.Go(j.tidy)
	return j
}

// Close cancels all jobs and waits for them. What they keep is not removed.
func (j *Jobs[W]) Close() {
	j.mu.Lock()
	j.closed = true
	j.changed.Broadcast()
	j.mu.Unlock()
	j.cancel()
	j.work.Wait()
}

// NewID makes the id of a job, which nobody can guess.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// Room tells whether an access may have one more job. Errors: ErrBusy.
func (j *Jobs[W]) Room(a record.Access) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.room(a)
}

// room is Room. The caller holds mu.
func (j *Jobs[W]) room(a record.Access) error {
	j.expire(time.Now())
	mine := 0
	for _, k := range j.kept {
		if k.Access.Actor == a.Actor {
			mine++
		}
	}
	if j.closed || len(j.kept) >= j.limits.Jobs || mine >= j.limits.Actor {
		return ErrBusy
	}
	return nil
}

// Start takes a job, to be done when its turn comes. Errors: ErrBusy; then its work is still the caller's.
func (j *Jobs[W]) Start(a record.Access, id string, w W) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.room(a); err != nil {
		return err
	}
	j.add(&Job[W]{ID: id, Access: a, Since: time.Now().UTC(), Work: w})
	return nil
}

// Restore takes a job that an earlier process kept, whatever the limits; it goes on unless it is done.
func (j *Jobs[W]) Restore(a record.Access, id string, since time.Time, w W, s State) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(&Job[W]{ID: id, Access: a, Since: since, Work: w, state: s})
}

// add keeps a job. The caller holds mu.
func (j *Jobs[W]) add(k *Job[W]) {
	k.ctx, k.cancel = context.WithCancel(j.ctx)
	j.kept[k.ID] = k
	if !k.state.Done {
		j.waiting = append(j.waiting, k)
		j.changed.Signal()
	}
}

// Find gives a job to who asked for it, and how far it is. Errors: ErrUnknown.
func (j *Jobs[W]) Find(a record.Access, id string) (*Job[W], State, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.expire(time.Now())
	k := j.kept[id]
	if k == nil || k.Access.Actor != a.Actor || k.Access.Org != a.Org || k.Access.Chart != a.Chart {
		return nil, State{}, ErrUnknown
	}
	return k, k.state, nil
}

// Drop ends a job and removes what it keeps. Errors: ErrUnknown.
func (j *Jobs[W]) Drop(a record.Access, id string) error {
	k, _, err := j.Find(a, id)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.drop(k)
}

// drop removes a job; one that is running removes itself when it has stopped. The caller holds mu.
func (j *Jobs[W]) drop(k *Job[W]) error {
	if k.dropped {
		return nil
	}
	k.dropped = true
	k.cancel()
	delete(j.kept, k.ID)
	j.waiting = slices.DeleteFunc(j.waiting, func(w *Job[W]) bool { return w == k })
	if k.running {
		return nil
	}
	return k.Work.Remove()
}

// expire removes what has been kept for long enough. The caller holds mu.
func (j *Jobs[W]) expire(now time.Time) {
	for _, k := range j.kept {
		if k.state.Done && now.After(k.state.Expires) {
			if err := j.drop(k); err != nil {
				j.log.Error("a job that has expired could not be removed", "job", k.ID, "err", err)
			}
		}
	}
}

// tidy forgets what has expired although nobody asks.
func (j *Jobs[W]) tidy() {
	clock := time.NewTicker(time.Minute)
	defer clock.Stop()
	for {
		select {
		case now := <-clock.C:
			j.mu.Lock()
			j.expire(now)
			j.mu.Unlock()
		case <-j.ctx.Done():
			return
		}
	}
}

// run does one job after the other.
func (j *Jobs[W]) run() {
	for {
		k := j.next()
		if k == nil {
			return
		}
		err := k.Work.Run(k.ctx)
		if err != nil && k.ctx.Err() == nil {
			j.log.Error("a job failed", "job", k.ID, "err", err)
		}
		j.finish(k, err)
	}
}

// next waits for the job whose turn it is; nil when there is to be none any more.
func (j *Jobs[W]) next() *Job[W] {
	j.mu.Lock()
	defer j.mu.Unlock()
	for !j.closed && len(j.waiting) == 0 {
		j.changed.Wait()
	}
	if j.closed {
		return nil
	}
	k := j.waiting[0]
	j.waiting, k.running = j.waiting[1:], true
	return k
}

func (j *Jobs[W]) finish(k *Job[W], err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	k.running = false
	k.state = State{Done: true, Failed: err, Expires: time.Now().Add(j.limits.Age)}
	if k.dropped {
		if err := k.Work.Remove(); err != nil {
			j.log.Error("a job that was dropped could not be removed", "job", k.ID, "err", err)
		}
	}
}
