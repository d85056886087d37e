package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/verify"
)

// match is a version about to be released.
type match struct {
	typ, id string
	version index.Version
	damaged bool // it does not open: who asked is told that it is there, and gets nothing of it
}

// release opens what was found and leaves, before anything is returned, the entries that say what of it was given. What is damaged does not
// keep the rest back: it is given as a Version that says so.
func (s *Store) release(ctx context.Context, a Access, kind verify.Kind, found []match) ([]Version, error) {
	out := make([]Version, 0, len(found))
	for i := range found {
		m := &found[i]
		v, err := s.open(ctx, m.typ, m.id, &m.version)
		if ctx.Err() != nil { // a repair that was broken off tells nothing of the content
			return nil, ctx.Err()
		}
		if errors.Is(err, ErrDamaged) {
			m.damaged, v, err = true, outline(m.typ, m.id, &m.version), nil
			v.Damaged = true
		}
		if err != nil {
			return nil, err
		}
		out = append(out, *v)
	}
	if err := s.leave(ctx, a, kind, found); err != nil {
		return nil, err
	}
	return out, nil
}

// leave writes the entries of a release and waits until they are durable.
func (s *Store) leave(ctx context.Context, a Access, kind verify.Kind, found []match) error {
	lines, err := releaseLines(a, kind, found)
	if err != nil {
		return err
	}
	p, err := s.commit(a, s.Clock(), lines, nil, nil, nil)
	if err != nil {
		return err
	}
	_, err = settle(ctx, p)
	return err
}

// maxReleased bounds the resources that one request can be given.
const maxReleased = 10_000

// releaseLines makes one entry for each chart that something is given from, and one, a refusal, for each chart of which something damaged
// was named. Where that is no chart or several, one in the organisation's own stream also says what was asked and how much was given.
func releaseLines(a Access, kind verify.Kind, found []match) ([]line, error) {
	if len(found) > maxReleased {
		return nil, fmt.Errorf("%d resources in one answer, at most %d", len(found), maxReleased)
	}
	type place struct {
		chart   string
		damaged bool
	}
	var lines []line
	at, charts, damaged := make(map[place]int), make(map[string]bool), 0
	for i := range found {
		m := &found[i]
		p := place{m.version.Chart, m.damaged}
		n, ok := at[p]
		if !ok {
			n = len(lines)
			at[p], charts[p.chart] = n, true
			l := line{kind: kind, chart: p.chart, detail: a.Detail, outcome: http.StatusOK}
			if p.damaged {
				l.kind, l.outcome, l.detail = verify.KindRefuse, http.StatusInternalServerError, a.Detail+" — damaged, not released"
			}
			lines = append(lines, l)
		}
		if m.damaged {
			damaged++
		}
		lines[n].targets = append(lines[n].targets, verify.Target{Ref: m.typ + "/" + m.id, Version: m.version.Number})
	}
	if len(charts) == 1 {
		return lines, nil
	}
	asked := line{kind: kind, outcome: http.StatusOK, detail: fmt.Sprintf("%s — %d resources of %d charts", a.Detail, len(found)-damaged, len(charts))}
	if damaged > 0 {
		asked.detail += fmt.Sprintf(", %d damaged", damaged)
	}
	if n, ok := at[place{}]; ok {
		lines[n].detail = asked.detail
		return lines, nil
	}
	return append(lines, asked), nil
}
