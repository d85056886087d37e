package custody

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

const (
	blobRetry = 2 * time.Second
	blobSave  = 5 * time.Second // the position is written down no more often
	// blobLook is after how long all blobs are looked at again: a custodian that found one damaged has removed it since.
	blobLook = 7 * 24 * time.Hour
)

// blobState is the follower's durable position: every large blob named before it is held by R−1 custodians. It is worth nothing
// but time: without it all are looked at again.
type blobState struct {
	Position journal.Cursor `json:"position"`
	Members  verify.Hash    `json:"members"` // of those it was reached with, and R; others have other custodians
	Begun    time.Time      `json:"begun"`   // when the present look at all of them began
}

// blobFollower follows the journal and makes sure that its large blobs are held.
type blobFollower struct {
	*Replicator
	src   Sources
	state blobState
	saved time.Time
	holes bool // segments were passed over that could not be read: the position holds no more than in memory
}

// errAgain ends following because blobs long passed have to be looked at again.
var errAgain = errors.New("custody: all blobs have to be looked at again")

func (r *Replicator) tendBlobs() {
	f := &blobFollower{Replicator: r, src: r.sources()}
	f.load()
	for r.ctx.Err() == nil {
		if r.opt.Copies() <= 1 {
			f.pause(r.ctx, blobRetry)
			continue
		}
		if f.outdated() {
			f.state, f.holes = blobState{Members: r.memberHash(), Begun: time.Now()}, false
		}
		ctx, cancel := context.WithCancelCause(r.ctx)
		r.mu.Lock()
		r.again = func() { cancel(errAgain) }
		r.mu.Unlock()
		err := f.src.Journal.Follow(ctx, f.state.Position, func(batch []journal.Located) error { return f.take(ctx, batch) })
		cancel(nil)
		switch {
		case r.ctx.Err() != nil || errors.Is(err, journal.ErrClosed):
			f.save()
			return
		case errors.Is(err, errAgain), errors.Is(err, journal.ErrCursor):
			f.state = blobState{}
		default:
			r.ownFailed(fmt.Errorf("custody: following the journal for large blobs from %s: %w", f.state.Position, err))
			f.pass(err)
			f.pause(r.ctx, blobRetry)
		}
	}
}

// pass goes on behind a segment that cannot be read. When it is mended, all are looked at again.
func (f *blobFollower) pass(err error) {
	damage := (*journal.DamageError)(nil)
	if errors.As(err, &damage) && damage.Segment < f.src.Journal.End().Segment {
		f.save()
		f.state.Position, f.holes = journal.Cursor{Segment: damage.Segment + 1}, true
	}
}

// outdated tells whether what was reached says little of today's custodians.
func (f *blobFollower) outdated() bool {
	return f.state.Members != f.memberHash() || time.Since(f.state.Begun) > blobLook
}

// lookAgain makes all large blobs be looked at again: the members changed, or a custodian lost its disk.
func (r *Replicator) lookAgain() {
	r.mu.Lock()
	again := r.again
	r.mu.Unlock()
	if again != nil {
		again()
	}
}

func (f *blobFollower) pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// memberHash changes whenever the possible custodians do, or how many of them are needed.
func (r *Replicator) memberHash() verify.Hash {
	b := []byte{byte(r.opt.Copies())}
	for _, org := range rank(r.opt.Org, nil, r.opt.Members()) {
		b = append(b, org[:]...)
	}
	return hashOf(b)
}

func (f *blobFollower) take(ctx context.Context, batch []journal.Located) error {
	if f.outdated() {
		return errAgain
	}
	var large []verify.Hash
	for _, l := range batch {
		large = AppendLarge(large, l.Record)
	}
	for len(large) > 0 {
		n := min(len(large), maxMissing)
		if err := f.place(ctx, large[:n]); err != nil {
			return err
		}
		large = large[n:]
	}
	f.state.Position = batch[len(batch)-1].Next
	if time.Since(f.saved) > blobSave {
		f.save()
	}
	return nil
}

// AppendLarge adds to a list the blobs that a record names and does not contain: those that are kept outside the journal.
func AppendLarge(list []verify.Hash, r *journal.Record) []verify.Hash {
	var named []verify.Hash
	for i := range r.Entries {
		blobs, _, err := r.Entries[i].Open()
		if err != nil {
			continue // sealed by this node: the audit will tell
		}
		named = append(named, blobs...)
	}
	if len(named) <= len(r.Blobs) {
		return list
	}
	inline := make(map[verify.Hash]bool, len(r.Blobs))
	for _, span := range r.BlobSpans() {
		inline[span.Hash] = true
	}
	for _, h := range named {
		if !inline[h] {
			list = append(list, h)
		}
	}
	return list
}

// place makes sure that blobs are held by R−1 custodians. It tries until they are, so that the position never passes one that is not.
func (f *blobFollower) place(ctx context.Context, hashes []verify.Hash) error {
	for {
		short := false
		by := make(map[verify.OrgID][]verify.Hash)
		for _, h := range hashes {
			wanted := f.wanted(blobCustodians(f.opt.Org, h, f.opt.Members()))
			short = short || len(wanted) < f.opt.Copies()-1
			for _, org := range wanted {
				by[org] = append(by[org], h)
			}
		}
		for org, list := range by {
			c := f.courier(org)
			if c.onProbation() {
				short = true
				continue
			}
			if err := f.bring(ctx, c, list); err != nil {
				if cause := context.Cause(ctx); cause != nil {
					return cause // it was this node that broke off
				}
				c.failed(err)
				short = true
			}
		}
		if !short {
			return nil
		}
		f.pause(ctx, blobRetry)
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
}

// bring sends one custodian those of the blobs that it lacks. One that this node cannot read any more is left out: finding and mending
// that is the scrub's work, and it must not keep the others waiting.
func (f *blobFollower) bring(ctx context.Context, c *courier, hashes []verify.Hash) error {
	short, cancel := context.WithTimeout(ctx, tendWait)
	missing, err := f.ask.missing(short, c.org, hashes)
	cancel()
	if err != nil {
		return err
	}
	for _, h := range missing {
		if !slices.Contains(hashes, h) {
			return fmt.Errorf("custody: %s lacks blob %s, which it was not asked about", c.org, h)
		}
		blob, err := f.src.Blobs.Get(ctx, h)
		if err != nil {
			f.opt.Log.Error("custody: a blob cannot be brought to its custodians", "blob", h, "err", err)
			continue
		}
		if err := f.limit.WaitN(ctx, min(len(blob), f.limit.Burst())); err != nil {
			return err
		}
		long, cancel := context.WithTimeout(ctx, tendWait+f.patience(len(blob)))
		err = f.ask.putBlob(long, c.org, h, blob)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *blobFollower) load() {
	if f.opt.State == "" {
		return
	}
	b, err := os.ReadFile(f.opt.State)
	if err == nil {
		err = json.Unmarshal(b, &f.state)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.opt.Log.Warn("custody: the position of large blobs cannot be read, all are looked at again", "err", err)
		f.state = blobState{}
	}
}

func (f *blobFollower) save() {
	f.saved = time.Now()
	if f.opt.State == "" || f.holes {
		return
	}
	b, err := json.Marshal(f.state)
	if err == nil {
		err = durable.Place(f.opt.State, 0o600, func(file *os.File) error {
			_, err := file.Write(b)
			return err
		})
	}
	if err != nil {
		f.opt.Log.Warn("custody: the position of large blobs cannot be written", "err", err)
	}
}
