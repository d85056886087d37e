package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// Read releases one version of a resource (0: the current one). Errors: ErrForbidden, ErrNotFound, ErrGone (a *GoneError of a deletion), ErrDamaged, ErrUnavailable.
func (s *Store) Read(ctx context.Context, a Access, typ, id string, number uint64) (*Version, error) {
	v, err := s.lookup(ctx, typ, id, number)
	if err := mayKnow(&a, policy.Read, typ, id, &v, err); err != nil {
		if errors.Is(err, ErrGone) && v.Deleted {
			err = &GoneError{headOf(typ, id, &v)}
		}
		return nil, err
	}
	if _, err := s.room(ctx, []match{{version: v}}); err != nil {
		return nil, err
	}
	out, err := s.open(ctx, typ, id, &v)
	if err != nil {
		return nil, err
	}
	// The entry comes after the opening, so that it says what was released, and is durable before anything is.
	l := line{
		kind: verify.KindRead, chart: v.Chart, outcome: http.StatusOK,
		targets: []verify.Target{{Ref: typ + "/" + id, Version: v.Number}},
	}
	if err := s.record(ctx, a, l); err != nil {
		return nil, err
	}
	return out, nil
}

// Peek tells what is known of a resource, to an access that may do act with it, without releasing any of it. A deleted one is no error
// here. Errors: ErrForbidden, ErrNotFound, ErrUnavailable.
func (s *Store) Peek(ctx context.Context, a Access, act policy.Action, typ, id string) (Head, error) {
	v, err := s.lookup(ctx, typ, id, 0)
	if errors.Is(err, ErrGone) {
		err = nil
	}
	if err := mayKnow(&a, act, typ, id, &v, err); err != nil {
		return Head{}, err
	}
	return headOf(typ, id, &v), nil
}

func headOf(typ, id string, v *index.Version) Head {
	return Head{Type: typ, ID: id, Version: v.Number, Updated: time.UnixMilli(v.Time).UTC(), Deleted: v.Deleted, Chart: v.Chart}
}

// lookup finds a version that may be released.
func (s *Store) lookup(ctx context.Context, typ, id string, number uint64) (index.Version, error) {
	v, err := s.current(typ, id)
	if err == nil && number != 0 && number != v.Number {
		if number > v.Number {
			return v, ErrNotFound
		}
		v, err = s.versionAt(ctx, typ, id, number)
	}
	switch {
	case errors.Is(err, index.ErrNotFound):
		return v, ErrNotFound
	case err != nil:
		return v, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case v.Deleted:
		return v, ErrGone
	}
	return v, nil
}

// versionAt finds a version that is not the newest: it is in the index, or will be as soon as the index has caught up.
func (s *Store) versionAt(ctx context.Context, typ, id string, number uint64) (index.Version, error) {
	v, err := s.Index.Version(typ, id, number)
	if !errors.Is(err, index.ErrNotFound) {
		return v, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return v, err
	}
	return s.Index.Version(typ, id, number)
}
