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
	at      index.Point // of a search: where it stands
	damaged bool        // it does not open: who asked is told that it is there, and gets nothing of it
}

// erased tells whether the key of a version's chart was erased. Nothing is left of it, so that it is neither found nor counted. One whose key
// was lost is damaged, and is found.
func (s *Store) erased(v *index.Version) bool {
	_, _, _, ok := s.vault.Slot(v.Slot)
	return !ok && !v.Deleted && !s.vault.Missing(v.Slot)
}

// release opens what was found and leaves, before anything is returned, the entries that say what of it was given. What is damaged does not
// keep the rest back: it is given as a Version that says so. What was erased since it was found is left out. It ends after maxPage bytes,
// and done says how many of the found it went through: at least one, if there is any. What keep, unless nil, says no to is neither given nor named.
// For whole see line.
func (s *Store) release(ctx context.Context, a Access, kind verify.Kind, whole bool, keep func(*Version) bool, found []match, about ...string) (out []Version, done int, err error) {
	if found, err = s.room(ctx, found); err != nil {
		return nil, 0, err
	}
	given := found[:0]
	for size := 0; done < len(found) && size < maxPage; done++ {
		m := found[done]
		v, err := s.open(ctx, m.typ, m.id, &m.version)
		if ctx.Err() != nil { // a repair that was broken off tells nothing of the content
			return nil, 0, ctx.Err()
		}
		if errors.Is(err, ErrGone) {
			continue
		}
		if errors.Is(err, ErrDamaged) {
			m.damaged, v, err = true, outline(m.typ, m.id, &m.version), nil
			v.Damaged = true
		}
		if err != nil {
			return nil, 0, err
		}
		if keep != nil && !keep(v) {
			continue
		}
		v.Source = nil // a second copy of all that the page holds
		size += len(v.Body)
		out, given = append(out, *v), append(given, m)
	}
	if err := s.leave(ctx, a, kind, whole, given, about...); err != nil {
		return nil, 0, err
	}
	return out, done, nil
}

// leave writes the entries of a release and waits until they are durable. about are charts that were asked about, whatever was found.
func (s *Store) leave(ctx context.Context, a Access, kind verify.Kind, whole bool, found []match, about ...string) error {
	lines, err := releaseLines(kind, whole, found, about)
	if err != nil {
		return err
	}
	return s.record(ctx, a, lines...)
}

// maxReleased bounds the resources that one request can be given.
const maxReleased = 10_000

// releaseLines makes one entry for each chart that something is given from, and one, a refusal, for each chart of which something damaged
// was named. A chart that was asked about has one, too, if nothing was given: that there is nothing is an answer about somebody. Where all these are
// no chart or several, one in the organisation's own stream also says what was asked and how much was given.
func releaseLines(kind verify.Kind, whole bool, found []match, about []string) ([]line, error) {
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
			l := line{kind: kind, chart: p.chart, whole: whole, outcome: http.StatusOK}
			if p.damaged {
				l.kind, l.outcome, l.why = verify.KindRefuse, http.StatusInternalServerError, "damaged, not released"
			}
			lines = append(lines, l)
		}
		if m.damaged {
			damaged++
		}
		lines[n].targets = append(lines[n].targets, verify.Target{Ref: m.typ + "/" + m.id, Version: m.version.Number})
	}
	asked := line{kind: kind, outcome: http.StatusOK, why: fmt.Sprintf("%d resources of %d charts", len(found)-damaged, len(charts))}
	for _, chart := range about {
		if !charts[chart] {
			charts[chart] = true
			lines = append(lines, line{kind: kind, chart: chart, outcome: http.StatusOK, why: "nothing of this chart was given"})
		}
	}
	if len(charts) == 1 {
		return lines, nil
	}
	if damaged > 0 {
		asked.why += fmt.Sprintf(", %d damaged", damaged)
	}
	if n, ok := at[place{}]; ok {
		lines[n].why = asked.why
		return lines, nil
	}
	return append(lines, asked), nil
}
