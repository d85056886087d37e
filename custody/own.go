package custody

import (
	"context"
	"errors"
	"time"

	"github.com/sijil-health/sijil/journal"
)

const (
	// mendAgain is after how long a segment that nobody could mend is tried again.
	mendAgain = 10 * time.Minute
	// ownTold is how long nothing more is said of this node's own failures: the same one meets every custodian, every second.
	ownTold = time.Minute
)

// ownError is a failure of this node to read what is its own. No custodian is passed over for it, or one rotten segment here would
// take every copy of what is written now away.
type ownError struct{ error }

// Unwrap implements errors.Is and errors.As.
func (e ownError) Unwrap() error { return e.error }

// isOwn tells whether an error is no custodian's.
func isOwn(err error) bool { return errors.As(err, new(ownError)) }

// ownFailed tells of a failure of this node itself and, where it is damage of the journal, has it mended.
func (r *Replicator) ownFailed(err error) {
	if r.ctx.Err() != nil || errors.Is(err, journal.ErrClosed) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); now.After(r.ownQuiet) {
		r.ownQuiet = now.Add(ownTold)
		r.opt.Log.Error("custody: this node cannot read what it should bring to its custodians; the rest is brought", "err", err)
	}
	damage := (*journal.DamageError)(nil)
	if !errors.As(err, &damage) || r.opt.Mend == nil || time.Now().Before(r.mendNext[damage.Segment]) {
		return
	}
	r.mendNext[damage.Segment] = time.Now().Add(mendAgain)
	r.work.Go(func() { r.mendOwn(damage.Segment) })
}

// mendOwn has a damaged segment replaced by what custodians hold of it, and brings it on from there.
func (r *Replicator) mendOwn(segment uint32) {
	r.mending.Lock()
	defer r.mending.Unlock()
	ctx, cancel := context.WithTimeout(r.ctx, maxMend)
	defer cancel()
	if err := r.opt.Mend(ctx, segment, nil); err != nil {
		r.opt.Log.Error("custody: a damaged segment of the journal could not be mended from custodians", "segment", segment, "err", err)
		return
	}
	r.mu.Lock()
	delete(r.mendNext, segment)
	r.mu.Unlock()
	r.lookAgain() // the blobs that it names may have been passed over
	r.Kick()
}
