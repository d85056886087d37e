package custody

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

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
}

// NewFetcher makes a fetcher for the organisation that the client's identity stands for.
func NewFetcher(org verify.OrgID, client *peer.Client, members peer.Members) *Fetcher {
	return &Fetcher{org: org, members: members, ask: asker{client}}
}

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

// Segment puts a segment together from what custodians hold and gives it to check, which is journal.Repair or journal.Restore:
// they accept nothing but the true bytes. If check refuses, the next custodian is tried first, so that one that serves bad bytes does
// not stand in the way. Errors: ErrNowhere, with those of check.
func (f *Fetcher) Segment(ctx context.Context, segment uint32, check func(io.Reader) error) error {
	return f.Rest(ctx, journal.Cursor{Segment: segment}, nil, check)
}

// Rest is Segment for one whose beginning is here: before are its first from.Offset bytes, and only what follows is fetched.
// When custodians hold nothing from there on, it returns ErrNowhere.
func (f *Fetcher) Rest(ctx context.Context, from journal.Cursor, before []byte, check func(io.Reader) error) error {
	order := Custodians(f.org, from.Segment, f.members())
	_, err := each(ctx, order, fmt.Sprintf("segment %d from byte %d on", from.Segment, from.Offset), func(first verify.OrgID) (struct{}, error) {
		list := append([]verify.OrgID{first}, slices.DeleteFunc(slices.Clone(order), func(o verify.OrgID) bool { return o == first })...)
		return struct{}{}, f.assemble(ctx, from, before, list, check)
	})
	return err
}

func (f *Fetcher) assemble(ctx context.Context, from journal.Cursor, before []byte, order []verify.OrgID, check func(io.Reader) error) (err error) {
	tmp, err := os.CreateTemp("", "sijil-segment-*") // sealed bytes only
	if err != nil {
		return fmt.Errorf("custody: %w", err)
	}
	defer func() { err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name())) }()
	if _, err := tmp.Write(before); err != nil {
		return fmt.Errorf("custody: %w", err)
	}
	size, err := f.copySegment(ctx, tmp, from, order)
	if err != nil {
		return err
	}
	return check(io.NewSectionReader(tmp, 0, int64(len(before))+size))
}

// copySegment writes a segment from a place on as far as any custodian holds it, going over to the next where one ends.
func (f *Fetcher) copySegment(ctx context.Context, w io.Writer, at journal.Cursor, order []verify.OrgID) (size int64, err error) {
	var errs []error
	for i := 0; i < len(order); {
		if err := ctx.Err(); err != nil {
			return size, err
		}
		b, end, err := f.ask.frames(ctx, order[i], at)
		if err != nil || len(b) == 0 {
			errs = append(errs, err)
			i++
			continue
		}
		if _, err := w.Write(b); err != nil {
			return size, fmt.Errorf("custody: %w", err)
		}
		size += int64(len(b))
		at, i = end, 0
	}
	if size == 0 {
		return 0, fmt.Errorf("%w: %w", ErrNowhere, errors.Join(errs...))
	}
	return size, nil
}

// Pages brings back the key store: of every page the newest version that any member holds, in ascending order, the top page first.
// Whether they are true the key store tells when it opens them. Errors: ErrNowhere.
func (f *Fetcher) Pages(ctx context.Context) ([]Page, error) {
	newest := make(map[uint64]Page)
	var errs []error
	for _, org := range rank(f.org, nil, f.members()) {
		for from := uint64(0); ; {
			pages, err := f.ask.pages(ctx, org, from)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", org, err))
				break
			}
			if len(pages) == 0 {
				break
			}
			for _, p := range pages {
				if old, ok := newest[p.Number]; !ok || old.Version < p.Version {
					newest[p.Number] = p
				}
			}
			from = pages[len(pages)-1].Number + 1
		}
	}
	if len(newest) == 0 {
		return nil, fmt.Errorf("%w: key store: %w", ErrNowhere, errors.Join(errs...))
	}
	all := slices.Collect(maps.Values(newest))
	slices.SortFunc(all, func(a, b Page) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}
