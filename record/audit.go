package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

// maxExamined bounds the entries that one page of an audit opens; a page may then hold fewer than asked for, and a Next.
const maxExamined = 20_000

// AuditEvents releases entries, newest first, and leaves one that says so. next continues; it is "" on the last page.
// Errors: ErrCursor, ErrUnavailable, ErrDamaged.
func (s *Store) AuditEvents(ctx context.Context, a Access, q AuditQuery) (events []Audited, next string, err error) {
	before := uint64(0)
	if q.After != "" {
		if before, err = strconv.ParseUint(q.After, 10, 64); err != nil || before == 0 {
			return nil, "", ErrCursor
		}
	}
	if err := permit(&a, policy.Audit, q.Chart, ""); err != nil {
		return nil, "", err
	}
	if err := s.overlay.wait(ctx, s.Journal.End().Entry); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	walk := auditing{store: s, q: &q}
	if q.Chart != "" {
		err = s.Index.Entries(q.Chart, before, func(number, entry uint64) (bool, error) { return walk.visit(ctx, number, entry) })
	} else {
		err = s.everyEntry(before, func(entry uint64) (bool, error) { return walk.visit(ctx, entry, entry) })
	}
	if err != nil {
		return nil, "", err
	}
	if q.Detail != "" {
		a.Detail = q.Detail
	}
	a.Detail += fmt.Sprintf(" — %d entries", len(walk.events))
	if err := s.record(ctx, a, line{kind: verify.KindSearch, chart: q.Chart, detail: a.Detail, outcome: http.StatusOK}); err != nil {
		return nil, "", err
	}
	return walk.events, walk.next, nil
}

// AuditEvent releases one entry by its Audited.ID, and leaves one that says so. Errors: ErrNotFound, ErrUnavailable.
func (s *Store) AuditEvent(ctx context.Context, a Access, id string) (*Audited, error) {
	o, err := s.entryByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := permit(&a, policy.Audit, o.entry.Chart, ""); err != nil {
		return nil, err
	}
	e, err := s.audited(ctx, o)
	if err != nil {
		return nil, err
	}
	return e, s.record(ctx, a, line{kind: verify.KindRead, chart: o.entry.Chart, detail: a.Detail, outcome: http.StatusOK})
}

// everyEntry calls fn with all journal numbers below `before` (0: all), newest first.
func (s *Store) everyEntry(before uint64, fn func(entry uint64) (bool, error)) error {
	end := s.Journal.End().Entry
	if before == 0 || before > end {
		before = end
	}
	for n := before; n > 0; n-- {
		if more, err := fn(n - 1); err != nil || !more {
			return err
		}
	}
	return nil
}

// record writes one entry and waits until it is durable.
func (s *Store) record(ctx context.Context, a Access, l line) error {
	p, err := s.commit(a, s.Clock(), []line{l}, nil, nil, nil)
	if err != nil {
		return err
	}
	_, err = settle(ctx, p)
	return err
}

// auditing collects one page of entries.
type auditing struct {
	store    *Store
	q        *AuditQuery
	record   *journal.Record // of the entry visited last: its neighbours are visited next
	examined int
	events   []Audited
	next     string
}

// visit takes in one entry; position is its place in what is walked (the chart's number or the journal's), where a next page begins.
func (w *auditing) visit(ctx context.Context, position, entry uint64) (more bool, err error) {
	if len(w.events) >= w.q.Count || w.examined >= maxExamined {
		w.next = strconv.FormatUint(position+1, 10)
		return false, nil
	}
	w.examined++
	if r := w.record; r == nil || entry < r.First || entry >= r.First+uint64(len(r.Entries)) {
		if w.record, err = w.store.recordOf(entry); err != nil {
			return false, err
		}
	}
	o, err := w.store.openEntry(&w.record.Entries[entry-w.record.First], entry)
	if errors.Is(err, errErased) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: entry %d: %w", ErrDamaged, entry, err)
	}
	if !w.q.selects(o.entry) {
		return true, nil
	}
	e, err := w.store.audited(ctx, o)
	if err != nil {
		return false, err
	}
	w.events = append(w.events, *e)
	return true, nil
}

// selects tells whether an entry is asked for.
func (q *AuditQuery) selects(e *verify.Entry) bool {
	if len(q.Kinds) > 0 && !slices.Contains(q.Kinds, e.Kind) || len(q.Agents) > 0 && !slices.Contains(q.Agents, e.Actor) {
		return false
	}
	for i := range q.Dates {
		if !q.Dates[i].Holds(e.Time, e.Time) {
			return false
		}
	}
	return len(q.Entities) == 0 || slices.ContainsFunc(e.Targets, func(t verify.Target) bool {
		return slices.Contains(q.Entities, t.Ref)
	})
}

func (s *Store) audited(ctx context.Context, o *opened) (*Audited, error) {
	height, err := s.Anchors.Block(ctx, o.at)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return &Audited{ID: s.entryID(o.at), Entry: o.entry, Tag: o.from.Tag, Height: uint64(height)}, nil
}

// entryID names a journal entry for ever, as a FHIR id.
func (s *Store) entryID(entry uint64) string { return fmt.Sprintf("%s-%d", s.Org, entry) }

func (s *Store) entryByID(ctx context.Context, id string) (*opened, error) {
	org, number, ok := strings.Cut(id, "-")
	entry, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil || org != s.Org.String() || entry >= s.Journal.End().Entry {
		return nil, ErrNotFound
	}
	if err := s.overlay.wait(ctx, entry+1); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return s.openAt(entry)
}

// openAt opens the entry with a journal number.
func (s *Store) openAt(entry uint64) (*opened, error) {
	r, err := s.recordOf(entry)
	if err != nil {
		return nil, err
	}
	o, err := s.openEntry(&r.Entries[entry-r.First], entry)
	if errors.Is(err, errErased) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("%w: entry %d: %w", ErrDamaged, entry, err)
	}
	return o, nil
}

func (s *Store) recordOf(entry uint64) (*journal.Record, error) {
	at, err := s.Index.Locate(entry)
	if errors.Is(err, index.ErrNotFound) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	r, err := s.Journal.Read(at)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if entry < r.First || entry >= r.First+uint64(len(r.Entries)) {
		return nil, fmt.Errorf("%w: entry %d is not where the index says", ErrDamaged, entry)
	}
	return r, nil
}

// Minted leaves the entry for a token that was handed out.
func (s *Store) Minted(ctx context.Context, actor, role, purpose string) error {
	a := Access{Actor: "operator", Role: string(policy.Administrator), Purpose: string(policy.Administration)}
	return s.record(ctx, a, line{
		kind: verify.KindSystem, outcome: http.StatusCreated, detail: fmt.Sprintf("token for %s, %s, %s", actor, role, purpose),
	})
}
