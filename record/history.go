package record

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// History releases versions, newest first: at most q.Count of one resource, or of all resources of some types. Deletions are among them, and so is
// what is damaged, both without content. Errors: ErrForbidden, ErrNotFound (of one resource), ErrCursor, ErrUnavailable.
func (s *Store) History(ctx context.Context, a Access, q HistoryQuery) (*Page, error) {
	if q.ID == "" {
		return s.changes(ctx, a, &q)
	}
	before := uint64(0)
	if q.After != "" {
		var err error
		if before, err = strconv.ParseUint(q.After, 10, 64); err != nil {
			return nil, ErrCursor
		}
	}
	typ := q.Types[0]
	all, now, err := s.versions(ctx, &a, policy.History, typ, q.ID)
	if err != nil {
		return nil, err
	}
	page, found := &Page{}, all[:0]
	for i := range all {
		holds, err := s.holds(&q, typ, q.ID, &all[i].version)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if !holds {
			continue
		}
		if page.Total++; before == 0 || all[i].version.Number < before {
			found = append(found, all[i])
		}
	}
	versions, done, err := s.release(ctx, a, verify.KindHistory, false, nil, found[:min(len(found), q.Count)], now.Chart)
	if err != nil {
		return nil, err
	}
	if page.Versions = versions; done < len(found) && done > 0 {
		page.Next = strconv.FormatUint(found[done-1].version.Number, 10)
	}
	return page, nil
}

// versions lists what there is of a resource that the access may know, newest first, and its newest version whoever's that is.
func (s *Store) versions(ctx context.Context, a *Access, act policy.Action, typ, id string) (found []match, now index.Version, err error) {
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return nil, now, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	now, err = s.Index.Current(typ, id)
	switch {
	case errors.Is(err, index.ErrNotFound):
		err = ErrNotFound
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := mayKnow(a, act, typ, id, &now, err); err != nil {
		return nil, now, err
	}
	vs, err := s.Index.History(typ, id, 0, int(now.Number))
	if err != nil {
		return nil, now, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for i := range vs { // one that was filed under another patient by mistake is that patient's, and not counted either
		if permit(a, act, vs[i].Chart, typ) == nil && !s.erased(&vs[i]) {
			found = append(found, match{typ: typ, id: id, version: vs[i]})
		}
	}
	return found, now, nil
}
