package record

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// Exported is a version that is taken away, with what it takes to prove it.
type Exported struct {
	Version
	proof Numbered
}

// Numbered is an opened entry with its journal number.
type Numbered struct {
	Number   uint64
	Entry    verify.OpenedEntry
	Contents map[uint32]verify.Forms
}

// ExportPage is a part of an export. What is damaged is among its versions, without content and proof.
type ExportPage struct {
	Versions []Exported
	Next     string
}

// Export is Search for whoever takes the data away: in the order in which versions were written, without a total, only from charts that `of` takes (nil:
// all), and with the proof of each version. Everything is released to an Access that may export it. Errors: ErrForbidden, ErrCursor, ErrExpired,
// ErrUnavailable.
func (s *Store) Export(ctx context.Context, a Access, q Query, of func(chart string) bool) (*ExportPage, error) {
	_, from, err := s.parseCursor(&q)
	if err != nil {
		return nil, err
	}
	if err := permit(&a, policy.Export, a.Chart, q.Type); err != nil {
		return nil, err
	}
	found, rest, err := s.find(ctx, &a, &q, from, q.Count+1)
	if err != nil {
		return nil, err
	}
	page, taken, last := &ExportPage{}, []match(nil), from
	size, done := int64(0), 0
	for ; done < min(len(found), q.Count) && size < maxPage; done++ {
		m := found[done]
		last = m.at
		if permit(&a, policy.Export, m.version.Chart, q.Type) != nil || of != nil && !of(m.version.Chart) {
			continue
		}
		size += s.sizeOf(ctx, &m.version)
		taken = append(taken, m)
	}
	opened, err := s.openAll(ctx, taken)
	if err != nil {
		return nil, err
	}
	given := taken[:0]
	for i, v := range opened {
		if v != nil {
			page.Versions, given = append(page.Versions, *v), append(given, taken[i])
		}
	}
	if len(given) > 0 {
		if err := s.leave(ctx, a, verify.KindExport, false, given); err != nil {
			return nil, err
		}
	}
	switch {
	case done < len(found):
		page.Next = s.cursor(&q, unknownTotal, last)
	case rest != nil:
		page.Next = s.cursor(&q, unknownTotal, *rest)
	}
	return page, nil
}

// exporting keeps the journal record of the entry opened last: neighbours are often in one.
type exporting struct {
	store  *Store
	record *journal.Record
}

// openAll opens versions and their entries on all processors, each a run of neighbours; nil for those that were erased meanwhile.
func (s *Store) openAll(ctx context.Context, list []match) ([]*Exported, error) {
	out := make([]*Exported, len(list))
	workers := min(runtime.GOMAXPROCS(0), (len(list)+63)/64)
	errs := make([]error, workers)
	var all sync.WaitGroup
	for w := range workers {
		first, end := w*len(list)/workers, (w+1)*len(list)/workers
		all.Go(func() {
			x := exporting{store: s}
			for i := first; i < end && errs[w] == nil; i++ {
				out[i], errs[w] = x.open(ctx, &list[i])
			}
		})
	}
	all.Wait()
	return out, errors.Join(errs...)
}

// open brings a version and its entry into the clear; nil for one that was erased meanwhile.
func (x *exporting) open(ctx context.Context, m *match) (*Exported, error) {
	out := &Exported{Version: *outline(m.typ, m.id, &m.version)}
	c, err := x.store.content(ctx, m.typ, m.id, &m.version)
	if err == nil {
		out.Body, err = c.served()
	}
	var o *opened
	if err == nil {
		o, err = x.entry(ctx, m.version.Entry)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, ErrGone):
		return nil, nil
	case errors.Is(err, ErrDamaged):
		m.damaged, out.Damaged, out.Body = true, true, nil
		return out, nil
	case err != nil:
		return nil, err
	}
	out.proof = Numbered{Number: o.at, Entry: verify.OpenedEntry{Key: o.key, Salt: verify.Salt(o.salt), Body: o.body},
		Contents: map[uint32]verify.Forms{0: c.forms(out.Body)}}
	return out, nil
}

func (x *exporting) entry(ctx context.Context, entry uint64) (o *opened, err error) {
	if r := x.record; r == nil || entry < r.First || entry-r.First >= uint64(len(r.Entries)) {
		if x.record, err = x.store.recordOf(ctx, entry); err != nil {
			return nil, err
		}
	}
	return x.store.openIn(x.record, entry)
}

// Receipts waits until all versions are in blocks and gives fn their receipts, one for each batch of entries. They were released by Export, whose entry
// covers them.
func (s *Store) Receipts(ctx context.Context, versions []Exported, fn func(*verify.BatchReceipt) error) error {
	var list []Numbered
	for i := range versions {
		if !versions[i].Damaged {
			list = append(list, versions[i].proof)
		}
	}
	slices.SortFunc(list, func(a, b Numbered) int { return cmp.Compare(a.Number, b.Number) })
	return s.Anchors.Receipts(ctx, list, fn)
}

// Took leaves an entry for a step of what is done in the background, besides those of the releases and writes themselves: that an export was asked for or
// one of its files fetched, that an import began, that the answer of a request was taken. act is what it takes.
func (s *Store) Took(ctx context.Context, a Access, act policy.Action, what string) error {
	if err := permit(&a, act, a.Chart, ""); err != nil {
		return err
	}
	kind := verify.KindRead
	switch act {
	case policy.Export:
		kind = verify.KindExport
	case policy.Write:
		kind = verify.KindSystem // the kinds of writes say which version was written, and here is none
	case policy.Search:
		kind = verify.KindSearch
	case policy.History:
		kind = verify.KindHistory
	}
	return s.record(ctx, a, line{kind: kind, chart: a.Chart, why: what, outcome: http.StatusOK})
}

// Complete leaves the entry that an export is complete, and what there is to say of it, such as a hash over all its files, and gives its receipt once
// it is in a block: whoever got the files knows by it that they are all, and as they were given.
func (s *Store) Complete(ctx context.Context, a Access, said string) ([]byte, error) {
	if err := permit(&a, policy.Export, a.Chart, ""); err != nil {
		return nil, err
	}
	p, err := s.commit(ctx, a, s.Clock(), []line{{kind: verify.KindExport, chart: a.Chart, why: said, outcome: http.StatusOK}}, nil, nil, nil)
	if err != nil {
		return nil, err
	}
	ack, err := settle(ctx, p)
	if err != nil {
		return nil, err
	}
	o, err := s.openNumbered(ctx, ack.Cursor.Entry)
	if err != nil {
		return nil, err
	}
	r, err := s.Anchors.Receipt(ctx, o.at, &verify.OpenedEntry{Key: o.key, Salt: verify.Salt(o.salt), Body: o.body}, nil)
	if err != nil {
		return nil, err
	}
	return r.EncodeJSON()
}
