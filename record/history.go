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
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return nil, err
	}
	now, err := s.Index.Current(typ, id)
	switch {
	case errors.Is(err, index.ErrNotFound):
		err = ErrNotFound
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := mayKnow(&a, policy.History, typ, id, &now, err); err != nil {
		return nil, err
	}
	vs, err := s.Index.History(typ, id, 0, int(now.Number))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	page := &Page{}
	var found []match
	for i := range vs { // one that was filed under another patient by mistake is that patient's, and not counted either
		if permit(&a, policy.History, vs[i].Chart, typ) != nil || s.erased(&vs[i]) {
			continue
		}
		if page.Total++; before == 0 || vs[i].Number < before {
			found = append(found, match{typ: typ, id: id, version: vs[i]})
		}
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
