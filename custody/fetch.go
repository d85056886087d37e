package custody

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// ErrNowhere is returned, wrapped with what each custodian said, when none has what was asked for in good order.
var ErrNowhere = errors.New("custody: no custodian has it")

// Fetcher brings back from custodians what a node lost: a damaged blob, a segment, the key store, or everything. It needs neither a journal
// nor a Replicator, so that it works on an empty disk.
type Fetcher struct {
	org     verify.OrgID
	members peer.Members
	ask     asker
	key     journal.Key

	maxPageBytes int // of one custodian's pages together
}

// NewFetcher makes a fetcher for the organisation that the client's identity stands for.
func NewFetcher(org verify.OrgID, client *peer.Client, members peer.Members) *Fetcher {
	return &Fetcher{org: org, members: members, ask: asker{client}, maxPageBytes: maxPageBytes}
}

// Seal names the key that this node's journal is sealed under. Until it is named, no frames are believed.
func (f *Fetcher) Seal(key journal.Key) { f.key = key }

// each asks custodians in order until one gives an answer.
func each[T any](ctx context.Context, order []verify.OrgID, what string, ask func(verify.OrgID) (T, error)) (T, error) {
	var none T
	var errs []error
	for _, org := range order {
		if err := ctx.Err(); err != nil {
			return none, err
		}
		v, err := ask(org)
		if err == nil {
			return v, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", org, err))
	}
	return none, fmt.Errorf("%w: %s: %w", ErrNowhere, what, errors.Join(errs...))
}

// Blob brings back one of the node's own ciphertexts, verified by its hash. Errors: ErrNowhere.
func (f *Fetcher) Blob(ctx context.Context, hash verify.Hash) ([]byte, error) {
	return each(ctx, blobCustodians(f.org, hash, f.members()), "blob "+hash.String(), func(org verify.OrgID) ([]byte, error) {
		return f.ask.blob(ctx, org, verify.OrgID{}, hash)
	})
}

// Foreign gets another member's ciphertext from its custodians, without the owner, verified by its hash, which comes out of an
// entry that the caller may open. Errors: ErrNowhere.
func (f *Fetcher) Foreign(ctx context.Context, owner verify.OrgID, hash verify.Hash) ([]byte, error) {
	return each(ctx, f.others(blobCustodians(owner, hash, f.members())), "blob "+hash.String(), func(org verify.OrgID) ([]byte, error) {
		return f.ask.blob(ctx, org, owner, hash)
	})
}

// Entry gets the sealed entry with a tag from the custodians of its owner, without the owner. The caller checks that it opens; a hole in
// the numbers of a chart is one that no custodian fills. Errors: ErrNowhere.
func (f *Fetcher) Entry(ctx context.Context, owner verify.OrgID, tag verify.Tag) (Witnessed, error) {
	return each(ctx, f.others(rank(owner, nil, f.members())), "entry by tag", func(org verify.OrgID) (Witnessed, error) {
		return f.ask.entry(ctx, org, owner, tag)
	})
}

// others leaves the node itself out.
func (f *Fetcher) others(order []verify.OrgID) []verify.OrgID {
	return slices.DeleteFunc(order, func(org verify.OrgID) bool { return org == f.org })
}

// Segment puts a segment together from what custodians hold and gives it to check, which is journal.Repair or journal.Restore.
// Errors: ErrNowhere, with those of check.
func (f *Fetcher) Segment(ctx context.Context, segment uint32, check func(io.Reader) error) error {
	return f.Rest(ctx, journal.Cursor{Segment: segment}, nil, check)
}

// Rest is Segment for one whose beginning is here: before are its first from.Offset bytes, and only what follows is fetched.
// When custodians hold nothing from there on, it returns ErrNowhere. Nothing but the true bytes is taken: those that carry
// the seal of this node's key and continue what was here or came before, each custodian's before the next is asked, so that one that
// serves others does not stand in the way.
func (f *Fetcher) Rest(ctx context.Context, from journal.Cursor, before []byte, check func(io.Reader) error) error {
	if err := f.assemble(ctx, from, before, check); err != nil {
		return fmt.Errorf("%w: segment %d from byte %d on: %w", ErrNowhere, from.Segment, from.Offset, err)
	}
	return nil
}

func (f *Fetcher) assemble(ctx context.Context, from journal.Cursor, before []byte, check func(io.Reader) error) (err error) {
	order := Custodians(f.org, from.Segment, f.members())
	d, err := f.longest(ctx, from, bytes.NewReader(before), order)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if d.at.Compare(from) <= 0 {
		return fmt.Errorf("%w: %w", ErrNowhere, errors.Join(d.errs...))
	}
	err = check(d.upTo(d.at))
	for _, org := range order {
		// The whole of it may be of another history than the segments beside it: then each may be the one that has the right one.
		if !errors.Is(err, journal.ErrCopy) {
			break
		}
		other, fail := newDraft(from, bytes.NewReader(before))
		if fail == nil {
			fail = f.grow(ctx, other, first(org, order))
		}
		if fail == nil && other.at.Compare(from) > 0 {
			err = check(other.upTo(other.at))
		}
		if other != nil {
			fail = errors.Join(fail, other.close())
		}
		if fail != nil {
			return errors.Join(err, fail)
		}
	}
	return err
}

// share is how long one custodian is asked alone before the next in order is asked beside it.
const share = 2 * time.Second

// piece is what a custodian answered.
type piece struct {
	org    verify.OrgID
	frames []byte
	end    journal.Cursor
	err    error
}

// race asks custodians in order for frames, the next whenever one refuses or takes longer than its share, and gives the first true answer;
// none if nobody has frames at that place. A custodian that drips its answer thus takes no time from the others.
func (f *Fetcher) race(ctx context.Context, order []verify.OrgID, at journal.Cursor, before []byte) (won piece, refused []piece) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan piece, len(order))
	next := time.NewTimer(share)
	defer next.Stop()
	asked, heard := 0, 0
	ask := func() {
		if asked == len(order) {
			return
		}
		org := order[asked]
		asked++
		next.Reset(share)
		go func() {
			b, end, err := f.frames(ctx, org, at, before)
			answers <- piece{org, b, end, err}
		}()
	}
	for ask(); heard < asked; {
		select {
		case p := <-answers:
			heard++
			if len(p.frames) > 0 && p.err == nil {
				return p, refused
			}
			if p.err != nil {
				refused = append(refused, p)
			}
			ask()
		case <-next.C:
			ask()
		}
	}
	return won, refused
}

// frames gets frames from a custodian, checked by their seals; before is what they must continue, nil where nobody knows. None are the end
// of a run.
func (f *Fetcher) frames(ctx context.Context, org verify.OrgID, from journal.Cursor, before []byte) (b []byte, end journal.Cursor, err error) {
	if b, _, err = f.ask.frames(ctx, org, from); err != nil || len(b) == 0 {
		return nil, from, err
	}
	if end, err = f.key.Check(from, before, b); err != nil {
		return nil, from, err
	}
	return b, end, nil
}
