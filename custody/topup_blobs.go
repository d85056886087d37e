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

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

const (
	blobRetry = 2 * time.Second
	blobSave  = 5 * time.Second // the position is written down no more often
)

// blobState is the follower's durable position: every large blob named before it is held by R−1 custodians. It is worth nothing
// but time: without it all are looked at again.
type blobState struct {
	Position journal.Cursor `json:"position"`
	Members  verify.Hash    `json:"members"` // of those it was reached with; others have other custodians
	Copies   int            `json:"copies"`
}

// blobFollower follows the journal and makes sure that its large blobs are held.
type blobFollower struct {
	*Replicator
	src   Sources
	state blobState
	saved time.Time
}

// errMembers ends following when the membership changed: custodians of blobs long passed may have changed with it.
var errMembers = errors.New("custody: the members changed")

func (r *Replicator) tendBlobs() {
	f := &blobFollower{Replicator: r, src: r.sources()}
	f.load()
	for r.ctx.Err() == nil {
		if now := r.memberHash(); f.state.Members != now || f.state.Copies != r.opt.Copies {
			f.state = blobState{Members: now, Copies: r.opt.Copies}
		}
		err := f.src.Journal.Follow(r.ctx, f.state.Position, f.take)
		if errors.Is(err, journal.ErrClosed) {
			break
		}
		if err != nil && !errors.Is(err, errMembers) && r.ctx.Err() == nil {
			r.opt.Log.Warn("custody: following the journal for large blobs", "at", f.state.Position, "err", err)
			if errors.Is(err, journal.ErrCursor) {
				f.state.Position = journal.Cursor{}
			}
			r.pause(blobRetry)
		}
	}
	f.save()
}

func (r *Replicator) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
	}
}

// memberHash changes whenever the possible custodians do.
func (r *Replicator) memberHash() verify.Hash {
	var b []byte
	for _, org := range rank(r.opt.Org, nil, r.opt.Members()) {
		b = append(b, org[:]...)
	}
	return hashOf(b)
}

func (f *blobFollower) take(batch []journal.Located) error {
	if f.memberHash() != f.state.Members {
		return errMembers
	}
	var large []verify.Hash
	for _, l := range batch {
		large = appendLarge(large, l.Record)
	}
	for len(large) > 0 {
		n := min(len(large), maxMissing)
		if err := f.place(large[:n]); err != nil {
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

// appendLarge adds the blobs that a record names and does not contain.
func appendLarge(list []verify.Hash, r *journal.Record) []verify.Hash {
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
func (f *blobFollower) place(hashes []verify.Hash) error {
	for {
		short := false
		by := make(map[verify.OrgID][]verify.Hash)
		for _, h := range hashes {
			wanted := f.wanted(blobCustodians(f.opt.Org, h, f.opt.Members()))
			short = short || len(wanted) < f.opt.Copies-1
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
			if err := f.bring(c, list); err != nil {
				c.failed(err)
				short = true
			}
		}
		if !short {
			return nil
		}
		f.pause(blobRetry)
		if err := f.ctx.Err(); err != nil {
			return err
		}
		if f.memberHash() != f.state.Members {
			return errMembers
		}
	}
}

// bring sends one custodian those of the blobs that it lacks. One that this node cannot read any more is left out: finding and mending
// that is the scrub's work, and it must not keep the others waiting.
func (f *blobFollower) bring(c *courier, hashes []verify.Hash) error {
	ctx, cancel := context.WithTimeout(f.ctx, tendWait)
	missing, err := f.ask.missing(ctx, c.org, hashes)
	cancel()
	if err != nil {
		return err
	}
	for _, h := range missing {
		if !slices.Contains(hashes, h) {
			return fmt.Errorf("custody: %s lacks blob %s, which it was not asked about", c.org, h)
		}
		blob, err := f.src.Blobs.Get(f.ctx, h)
		if err != nil {
			f.opt.Log.Error("custody: a blob cannot be brought to its custodians", "blob", h, "err", err)
			continue
		}
		if err := f.limit.WaitN(f.ctx, min(len(blob), f.limit.Burst())); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(f.ctx, tendWait+f.patience(len(blob)))
		err = f.ask.putBlob(ctx, c.org, h, blob)
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
	if f.opt.State == "" {
		return
	}
	b, err := json.Marshal(f.state)
	if err == nil {
		err = placeFile(f.opt.State, func(file *os.File) error {
			_, err := file.Write(b)
			return err
		})
	}
	if err != nil {
		f.opt.Log.Warn("custody: the position of large blobs cannot be written", "err", err)
	}
}
