package record

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// maxExamined bounds the entries that one page of an audit opens, and maxAudited the bytes of those it holds, which are several times as many
// once they are AuditEvents. A page may then hold fewer than asked for, and a Next.
const (
	maxExamined = 20_000
	maxAudited  = 1 << 20
)

// AuditEvents releases entries, newest first, and leaves one that says so. next continues; it is "" on the last page. What is damaged is
// among them without content. Errors: ErrCursor, ErrUnavailable.
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
	if err := takeRoom(ctx, min(int64(q.Count)*shownEntry, maxPage)); err != nil {
		return nil, "", err
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
	l := line{kind: verify.KindSearch, outcome: http.StatusOK, why: fmt.Sprintf("%d entries", len(walk.events)-walk.damaged)}
	if walk.damaged > 0 {
		l.why += fmt.Sprintf(", %d damaged", walk.damaged)
	}
	// A chart of which nothing is recorded stays so: to ask about it makes neither a key nor an entry of its own.
	if _, ok := s.vault.Lookup(q.Chart, vault.Log); ok {
		l.chart = q.Chart
	}
	if err := s.record(ctx, a, l); err != nil {
		return nil, "", err
	}
	return walk.events, walk.next, nil
}

// AuditEvent releases one entry by its Audited.ID, and leaves one that says so. Errors: ErrNotFound, ErrUnavailable.
func (s *Store) AuditEvent(ctx context.Context, a Access, id string) (*Audited, error) {
	o, err := s.entryByID(ctx, id)
	if err := mayAudit(&a, policy.Audit, o, err); err != nil {
		return nil, err
	}
	e, err := s.audited(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.record(ctx, a, line{kind: verify.KindRead, chart: o.entry.Chart, outcome: http.StatusOK}); err != nil {
		return nil, err
	}
	return e, nil
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

// record writes the entry of an access, and its parent where it needs one, and waits until they are durable.
func (s *Store) record(ctx context.Context, a Access, lines ...line) error {
	p, err := s.commit(ctx, a, s.Clock(), withParent(&a, lines), nil, nil, nil)
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
	size     int // of the entries among them, in bytes
	damaged  int // of events
	next     string
}

// visit takes in one entry; position is its place in what is walked (the chart's number or the journal's), where a next page begins.
func (w *auditing) visit(ctx context.Context, position, entry uint64) (more bool, err error) {
	if len(w.events) >= w.q.Count || w.examined >= maxExamined || w.size >= maxAudited {
		w.next = strconv.FormatUint(position+1, 10)
		return false, nil
	}
	w.examined++
	o, err := w.open(ctx, entry)
	switch {
	case errors.Is(err, ErrGone):
		return true, nil
	case errors.Is(err, ErrDamaged):
		w.store.Log.Error("an entry is damaged", "entry", entry, "error", err)
		w.damaged++
		w.events = append(w.events, Audited{ID: w.store.entryID(entry)})
		return true, nil
	case err != nil:
		return false, err
	case !w.q.selects(o.entry):
		return true, nil
	}
	e, err := w.store.audited(ctx, o)
	if err != nil {
		return false, err
	}
	w.events, w.size = append(w.events, *e), w.size+len(o.body)
	return true, nil
}

// open opens an entry, of the record at hand if that has it.
func (w *auditing) open(ctx context.Context, entry uint64) (o *opened, err error) {
	if r := w.record; r == nil || entry < r.First || entry >= r.First+uint64(len(r.Entries)) {
		if w.record, err = w.store.recordOf(ctx, entry); err != nil {
			return nil, err
		}
	}
	return w.store.openIn(w.record, entry)
}

// selects tells whether an entry is asked for.
func (q *AuditQuery) selects(e *verify.Entry) bool {
	if len(q.Kinds) > 0 && !slices.Contains(q.Kinds, e.Kind) || len(q.Agents) > 0 && !slices.Contains(q.Agents, e.Actor) {
		return false
	}
	for i := range q.Dates {
		if !q.Dates[i].Holds(&term.Term{Kind: term.Date, Lo: e.Time, Hi: e.Time}) {
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
	return s.openAt(ctx, entry)
}

// openAt opens the entry with a journal number.
func (s *Store) openAt(ctx context.Context, entry uint64) (*opened, error) {
	r, err := s.recordOf(ctx, entry)
	if err != nil {
		return nil, err
	}
	return s.openIn(r, entry)
}

// openIn opens an entry of a record that has it. Errors: ErrGone when its key was erased, ErrDamaged.
func (s *Store) openIn(r *journal.Record, entry uint64) (*opened, error) {
	o, err := s.openEntry(r, entry)
	if errors.Is(err, errErased) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("%w: entry %d: %w", ErrDamaged, entry, err)
	}
	return o, nil
}

// Minted leaves the entry for a token that was handed out.
func (s *Store) Minted(ctx context.Context, actor, role, purpose string) error {
	a := Access{
		Actor: "operator", Role: string(policy.Administrator), Purpose: string(policy.Administration),
		Detail: fmt.Sprintf("token for %s, %s, %s", actor, role, purpose),
	}
	return s.record(ctx, a, line{kind: verify.KindSystem, outcome: http.StatusCreated})
}
