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

// History releases at most count versions of a resource, newest first, from the one before version `before` on (0: the newest).
func (s *Store) History(ctx context.Context, a Access, typ, id string, count int, before uint64) (*Page, error) {
	found, now, err := s.versions(ctx, &a, policy.History, typ, id)
	if err != nil {
		return nil, err
	}
	page := &Page{Total: len(found)}
	for len(found) > 0 && before > 0 && found[0].version.Number >= before {
		found = found[1:]
	}
	versions, done, err := s.release(ctx, a, verify.KindHistory, false, found[:min(len(found), count)], now.Chart)
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
