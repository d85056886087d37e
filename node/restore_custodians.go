package node

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// helperPatience bounds the waiting for members that do not answer.
const helperPatience = 10 * time.Second

// helpers are the other members, for a restore. The kit's signing key proves to them whose record is asked for.
type helpers struct {
	client  *peer.Client
	fetcher *custody.Fetcher
	members []verify.Member
	before  []verify.Member // as the backup, or the operator, knew them
	held    custody.Holdings
}

// ErrMissing says that entries are known which none of the members asked holds.
var ErrMissing = errors.New("entries are missing")

// SilentError says that members which may hold the only copy of something did not answer.
type SilentError struct {
	Names    []string
	Problems error
}

// Error says what happened and what to do.
func (e *SilentError) Error() string { return e.Unwrap().Error() }

// Unwrap gives it as a problem, which people are told in their language.
func (e *SilentError) Unwrap() error {
	return lang.NewProblem("restore_silent", strings.Join(e.Names, ", ")).Because(e.Problems)
}

// askHelpers asks the other members what they hold, where there are others and they are wanted.
func (r *restoring) askHelpers(ctx context.Context) error {
	t, err := r.given()
	if err != nil {
		return err
	}
	if r.from == nil && len(lastMembers(t)) < 2 {
		return lang.NewProblem("restore_alone", r.Kit.Name)
	}
	if r.Offline || r.facts.Lone || len(lastMembers(t)) < 2 {
		return r.addresses()
	}
	id, err := peer.NewIdentity(t.Genesis.Chain(), r.Kit.Org, r.Kit.key())
	if err != nil {
		return err
	}
	at := &roll{org: r.Kit.Org, trust: t}
	h := &helpers{client: peer.NewClient(id, at.members), before: at.members()}
	r.others = h
	today(ctx, h.client, at)
	h.members = at.members()
	h.fetcher = custody.NewFetcher(r.Kit.Org, h.client, at.members)
	if r.from == nil {
		r.Restoration.Trust = at.trust
		err = r.papers(ctx) // by today's record of the organisation
	} else {
		err = writeTrust(r.Layout, at.trust)
	}
	if err := errors.Join(err, r.addresses()); err != nil {
		return err
	}
	ask, cancel := context.WithTimeout(ctx, helperPatience)
	defer cancel()
	h.held = h.fetcher.Holdings(ask)
	return r.enough()
}

// given finds the trust file to begin from, and makes it the node's: the one that the operator gave, or the backup's.
func (r *restoring) given() (*verify.Trust, error) {
	g, err := ReadGenesis(r.Layout.Dir)
	if err != nil {
		return nil, err
	}
	if t := r.Restoration.Trust; t != nil {
		if t.Genesis.Chain() != g.Chain() {
			return nil, lang.NewProblem("trust_ledger", t.Genesis.Chain(), g.Chain())
		}
		return t, writeTrust(r.Layout, t)
	}
	if t, err := readTrust(r.Layout); err == nil && t.Genesis.Chain() == g.Chain() {
		return t, nil
	}
	return &verify.Trust{Format: verify.TrustFormat, Genesis: *g}, nil
}

// enough refuses to go on where those that are silent may hold the only copy of something.
func (r *restoring) enough() error {
	h := r.others
	silent := &SilentError{}
	r.done.Asked = 0
	for _, m := range h.members {
		if m.Org != r.Kit.Org {
			r.done.Asked++
		}
		if err, ok := h.held.Silent[m.Org]; ok {
			silent.Names = append(silent.Names, m.Name)
			silent.Problems = errors.Join(silent.Problems, err)
		}
	}
	r.done.Silent = silent.Names
	dispensable, err := r.dispensable()
	if err == nil && len(silent.Names) > dispensable && !r.Incomplete {
		return silent
	}
	return err
}

// dispensable is how many members may be silent without having the only copy of something: all but one of those that hold each record. How many
// that are the lost node's configuration says and nobody else, so that without a backup it is none. Where members were fewer before, there
// may be as few copies as they made.
func (r *restoring) dispensable() (int, error) {
	if r.from == nil {
		return 0, nil
	}
	c, err := ReadConfig(r.Config())
	if err != nil {
		return 0, err
	}
	h := r.others
	copies := c.Copies
	if copies == 0 {
		copies = min(automaticCopies(h.before), automaticCopies(h.members))
	}
	return max(0, min(copies, len(h.members))-2), nil
}

// heldPages are the pages of the key store at the custodians: newer than a backup's, so that no later key is missing and no erased one
// comes back.
func (h *helpers) heldPages(ctx context.Context) ([]vault.SealedPage, error) {
	pages, err := h.fetcher.Pages(ctx)
	if err != nil {
		return nil, err
	}
	sealed := make([]vault.SealedPage, len(pages))
	for i, p := range pages {
		sealed[i] = pageOf(p)
	}
	return sealed, nil
}

// tail brings back what custodians hold of the journal beyond what is here already.
func (r *restoring) tail(ctx context.Context) error {
	if r.others == nil {
		return nil
	}
	held := &r.others.held
	from := journalEnd(r.Journal())
	if err := r.prove(ctx, from); err != nil {
		return err
	}
	stale := maps.Clone(held.Other) // they contradict what is here already: the backup
	to := held.End()
	if to.Compare(from) <= 0 {
		if r.from == nil {
			return fmt.Errorf("%w: a journal of this organisation", custody.ErrNowhere)
		}
		return nil
	}
	r.progress.Total += max(0, to.Offset+int64(to.Segment-from.Segment)*journal.DefaultSegment-from.Offset)
	last := from.Offset
	err := r.others.fetcher.Extend(ctx, r.Journal(), from, to, func(segment uint32) {
		size := r.segmentSize(segment)
		r.tell(journal.SegmentFile("journal", segment), size-last)
		last = 0
	})
	end := journalEnd(r.Journal())
	if end.Compare(from) <= 0 && err != nil || err != nil && !errors.Is(err, custody.ErrNowhere) {
		return err
	}
	r.done.Fetched = end.Entry - from.Entry
	if err := r.prove(ctx, end); err != nil {
		return err
	}
	if err := r.compare(ctx, from, stale); err != nil {
		return err
	}
	if to = held.End(); end.Compare(to) >= 0 {
		return nil
	}
	r.done.Missing = to.Entry - end.Entry
	if !r.Incomplete {
		return fmt.Errorf("%w: the members hold the journal up to entry %d, but those from %d on are at none that answered: %w",
			ErrMissing, to.Entry, end.Entry, custody.ErrNowhere)
	}
	return nil
}

func (r *restoring) segmentSize(segment uint32) (size int64) {
	for _, ranges := range r.others.held.Held {
		for _, x := range ranges {
			if x.Start.Segment == segment {
				size = max(size, x.End.Offset)
			}
		}
	}
	return size
}

// journalEnd is where a journal that no process has open ends.
func journalEnd(dir string) (end journal.Cursor) {
	// What is damaged is found again, and named, by check.
	_ = journal.Scan(dir, journal.Cursor{}, func(at journal.Located) error {
		end = at.Next
		return nil
	})
	return end
}

// blobs brings back the ciphertexts outside the journal that are not here already. One that nobody has is named in the report: the rest of
// the record must not be lost with it.
func (r *restoring) blobs(ctx context.Context) error {
	if r.others == nil {
		return nil
	}
	store, err := vault.NewDirBlobs(r.Blobs())
	if err != nil {
		return err
	}
	return journal.Scan(r.Journal(), journal.Cursor{}, func(at journal.Located) error {
		for _, h := range custody.AppendLarge(nil, at.Record) {
			if _, err := store.Get(ctx, h); err == nil {
				continue
			}
			b, err := r.others.fetcher.Blob(ctx, h)
			if errors.Is(err, custody.ErrNowhere) && ctx.Err() == nil {
				r.done.Lost = append(r.done.Lost, hex.EncodeToString(h[:]))
				continue
			}
			if err != nil {
				return err
			}
			if err := store.Put(ctx, h, b); err != nil {
				return err
			}
			r.tell("blobs/"+h.String(), int64(len(b)))
		}
		return ctx.Err()
	})
}
