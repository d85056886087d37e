package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// Definitions gives current versions of a type's resources that belong to no chart: those of a canonical URL, in this version of theirs unless it is "";
// of "", of any. Those written last come first; there are at most most, and none beyond maxPage bytes. It is for what a gate itself goes by: it leaves no entry,
// and whoever is given something that rests on them must be let do so by Used. What does not open is as if it were not there.
func (s *Store) Definitions(ctx context.Context, typ, url, version string, most int) (list []Version, err error) {
	q := Query{Type: typ, Sort: []term.Sort{{Param: term.ParamUpdated, Kind: term.Date, Descending: true}}}
	if url != "" {
		name := term.Test{Form: term.Exact, Value: url + "|" + version}
		q.All = []term.Clause{{Param: term.ParamCanonical, Kind: term.Reference, Any: []term.Test{name}}}
	}
	found, _, err := s.look(ctx, &q, &index.Search{Query: term.Query{Type: q.Type, All: q.All, Sort: q.Sort}, Bound: s.looks, Limit: most})
	if err != nil {
		return nil, err
	}
	size := 0
	for i := range found {
		m := &found[i]
		if m.version.Chart != "" || size >= maxPage {
			continue
		}
		v, err := s.open(ctx, m.typ, m.id, &m.version)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, ErrGone):
		case err != nil:
			s.Log.Error("a definition cannot be read, and is not used", "type", typ, "entry", m.version.Entry, "error", err)
		default:
			v.Source = nil
			size += len(v.Body)
			list = append(list, *v)
		}
	}
	return list, nil
}

// Used leaves the entry of an answer that rests on what these versions define: it is a read of them. ErrForbidden unless the access may read them all.
func (s *Store) Used(ctx context.Context, a Access, list []Head) error {
	if len(list) > maxReleased {
		return fmt.Errorf("%d definitions in one answer, at most %d", len(list), maxReleased)
	}
	l := line{kind: verify.KindRead, outcome: http.StatusOK, why: "an answer rests on what these define"}
	for i := range list {
		if err := permit(&a, policy.Read, "", list[i].Type); err != nil {
			return err
		}
		l.targets = append(l.targets, verify.Target{Ref: list[i].Type + "/" + list[i].ID, Version: list[i].Version})
	}
	return s.record(ctx, a, l)
}
