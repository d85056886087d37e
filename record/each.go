package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sijil-health/sijil/index"
)

// ErrRepeated refuses a change of WriteEach to a resource that the same request has written already, in another form: a request that is made twice
// would not come to the same end.
var ErrRepeated = errors.New("written twice by one request, not alike")

// Each is what WriteEach did with one change.
type Each struct {
	Op   Op    // OpCreate or OpUpdate; 0 where nothing was written
	Same bool  // the resource was so already, and stays at its version
	Mine bool  // of Same, where it was asked: it was this very request that made it so, as Op says
	Err  error // why it was refused
}

// WriteEach makes each change for itself, and all that are to be made as one record: for what brings many resources by their ids and may be broken off and
// begun again. A resource that is so already gets no new version; who may not write it is not told that. The error is that nothing was written.
// Errors of one change: those of Write, and ErrRepeated, ErrDamaged. With again the request may have been broken off before, and Each.Mine is told.
func (s *Store) WriteEach(ctx context.Context, a Access, changes []Change, again bool) ([]Each, error) {
	if err := s.overlay.room(ctx); err != nil {
		return nil, fmt.Errorf("%w: the index cannot follow: %w", ErrUnavailable, err)
	}
	each := make([]Each, len(changes))
	p, err := s.enterEach(ctx, a, changes, each, again)
	if err != nil || p == nil {
		return each, err
	}
	ack, err := settle(ctx, p)
	if err != nil {
		return nil, err
	}
	s.heed(ctx, changes, ack.Cursor.Entry+uint64(p.entries)-1)
	return each, nil
}

// enterEach is enter for WriteEach; nil where nothing is to be written.
func (s *Store) enterEach(ctx context.Context, a Access, changes []Change, each []Each, again bool) (*pending, error) {
	defer s.locks.lock(changes)()
	at := s.Clock().UTC().Truncate(time.Millisecond)
	w := writing{store: s, at: at, request: a.Request, escort: escort{store: s}, once: true, tell: again, read: exporting{store: s}}
	for i := range changes {
		n := len(w.versions)
		err := w.add(ctx, a, &changes[i])
		var same *sameError
		switch {
		case err == nil:
			each[i].Op = w.versions[n].Op
		case errors.As(err, &same):
			each[i] = Each{Op: same.op, Same: true, Mine: same.mine}
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, ErrUnavailable):
			return nil, err
		default:
			each[i].Err = err
		}
	}
	if len(w.lines) == 0 {
		return nil, nil
	}
	return s.commit(ctx, a, at, w.lines, w.inline, &w.escort, func(first uint64) { s.overlay.add(first, w.written) })
}

// sameError says that a change would change nothing, and whether the request's own write is the current version.
type sameError struct {
	mine bool
	op   Op
}

func (*sameError) Error() string { return "it is so already" }

// again looks whether a change would change nothing, or has been overtaken by its own request.
func (w *writing) again(ctx context.Context, c *Change, now *index.Version) error {
	same, err := w.same(ctx, c, now)
	if err != nil {
		return err
	}
	if same && !w.tell {
		return &sameError{}
	}
	mine, err := w.mine(ctx, c, now)
	switch {
	case err != nil:
		return err
	case same && mine:
		return &sameError{mine: true, op: opOf(now)}
	case same:
		return &sameError{}
	case mine || c.Repeats:
		return ErrRepeated
	}
	return nil
}

// same tells whether a version is what a change would make, but for its number and time.
func (w *writing) same(ctx context.Context, c *Change, now *index.Version) (bool, error) {
	if now.Chart != c.Chart {
		return false, nil
	}
	was, err := w.store.content(ctx, c.Type, c.ID, now)
	if errors.Is(err, ErrGone) { // erased: what comes is new
		return false, nil
	}
	if err != nil || !bytes.Equal(was.source, c.Source) {
		return false, err
	}
	var edits []Edit
	if c.Edits != nil {
		edits = c.Edits(now.Number, time.UnixMilli(now.Time).UTC())
	}
	return slices.EqualFunc(was.edits, edits, func(a, b Edit) bool {
		return a.Offset == b.Offset && a.Delete == b.Delete && bytes.Equal(a.Insert, b.Insert)
	}), nil
}

// mine tells whether this request made a version.
func (w *writing) mine(ctx context.Context, c *Change, now *index.Version) (bool, error) {
	if p := w.store.overlay.get(c.Type, c.ID); p != nil {
		return p.request == w.request, nil
	}
	o, err := w.read.entry(ctx, now.Entry)
	if errors.Is(err, ErrGone) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return o.entry.Request == w.request, nil
}
