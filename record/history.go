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
	vs, err := s.Index.History(typ, id, before, count+1)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
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
	page := &Page{Total: int(now.Number)}
	if len(vs) > count {
		vs = vs[:count]
		if count > 0 {
			page.Next = strconv.FormatUint(vs[count-1].Number, 10)
		}
	}
	var found []match
	for i := range vs { // one that was filed under another patient by mistake is that patient's
		if permit(&a, policy.History, vs[i].Chart, typ) == nil {
			found = append(found, match{typ: typ, id: id, version: vs[i]})
		}
	}
	page.Versions, err = s.release(ctx, a, verify.KindHistory, found)
	return page, err
}
