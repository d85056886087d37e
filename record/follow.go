package record

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// follow takes the journal into the index, from a position on, until the store is closed. A damaged segment is healed on the way; while that
// cannot be done the index stands still. When it fails for good, or stands still, the store goes on answering reads by id, and refuses what
// needs the index.
func (s *Store) follow(ctx context.Context, from journal.Cursor) {
	defer close(s.done)
	healing := journal.Healing{Heal: s.healSegment, Stalled: s.stalled}
	err := healing.Through(ctx, s.Journal.Follow, from, func(records []journal.Located) error { return s.project(ctx, records) })
	if ctx.Err() == nil { // Follow only ends with an error
		err = s.condemn(err)
		s.Log.Error("the index has stopped following the journal", "error", err)
		s.overlay.fail(fmt.Errorf("%w: the index has stopped: %w", ErrUnavailable, err))
	}
}

// condemn has an index in which damage was met made anew at the next start: it holds nothing of its own, and would meet it again.
func (s *Store) condemn(err error) error {
	if errors.Is(err, index.ErrDamaged) {
		err = errors.Join(err, s.Index.Condemn())
	}
	return err
}

func (s *Store) stalled(err error) {
	if err == nil {
		s.Log.Info("the index follows the journal again")
		s.overlay.stall(nil)
		return
	}
	s.Log.Error("the index stands still", "error", err)
	s.overlay.stall(fmt.Errorf("%w: the index stands still: %w", ErrUnavailable, err))
}

func (s *Store) project(ctx context.Context, records []journal.Located) error {
	var b *index.Batch
	if err := s.lasting(ctx, func() (err error) { b, err = s.projected(ctx, records); return err }); err != nil {
		return err
	}
	if refs := s.governed(b.Updates); refs != nil {
		if err := s.govern(ctx, refs); err != nil {
			return err
		}
	}
	s.overlay.applied(b.Position.Entry)
	s.charts.forget(b.Position.Entry)
	s.overlay.rest(ctx, s.Journal.End().Entry)
	return nil
}

// projected brings records into the index, by the rules of one moment. After an error it may be done again.
func (s *Store) projected(ctx context.Context, records []journal.Located) (*index.Batch, error) {
	s.ruling.RLock()
	defer s.ruling.RUnlock()
	var b index.Batch
	heads := make(heads)
	for i := range records {
		at := &records[i]
		b.Records = append(b.Records, at.At)
		if err := s.projectRecord(ctx, &b, heads, at); err != nil {
			return nil, fmt.Errorf("journal segment %d, offset %d: %w", at.At.Segment, at.At.Offset, err)
		}
		b.Position = at.Next
	}
	return &b, s.Index.Apply(ctx, &b)
}

// lasting reads and changes the index, and waits for one whose database is away.
func (s *Store) lasting(ctx context.Context, do func() error) error {
	for stalled := false; ; {
		err := do()
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if away := errors.Is(err, index.ErrAway); away != stalled {
			stalled = away
			s.stalled(err)
		}
		if !stalled {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// heads are those of the charts that a batch continues.
type heads map[string]index.Chart

// goOn moves a chart's head past an entry, if the entry is the very next one, and gives the leaf before it. What does not continue a chart
// never comes into the index: an entry that comes again would set its chart, and its resource, back. A chart of which nothing
// is there begins with any number: the entries before may have been erased.
func (h heads) goOn(x *index.Index, chart string, number uint64, leaf verify.Hash) (prev *verify.Hash, err error) {
	head, ok := h[chart]
	if !ok {
		if head, err = x.Chart(chart); err != nil {
			return nil, err
		}
	}
	if number != head.Next && head.Next > 0 {
		return nil, fmt.Errorf("%w: entry %d of a chart stands where entry %d is due", errEntry, number, head.Next)
	}
	h[chart] = index.Chart{Next: number + 1, Last: leaf}
	if head.Next == 0 && number > 0 {
		return nil, nil
	}
	return &head.Last, nil
}

func (s *Store) projectRecord(ctx context.Context, b *index.Batch, heads heads, at *journal.Located) error {
	places := newPlaces(at)
	for i := range at.Record.Entries {
		e, n := &at.Record.Entries[i], at.Record.First+uint64(i)
		slot, number := s.vault.OpenGuide(e.Tag, e.Guide)
		key, chart, _, ok := s.vault.Slot(slot)
		if !ok {
			if err := s.noKey(slot, nil); err != nil {
				return fmt.Errorf("entry %d: %w", n, err)
			}
			continue // erased: the chart and all its entries are gone
		}
		if key.Tag(number) != e.Tag {
			return errEntry
		}
		leaf := e.Leaf()
		prev, err := heads.goOn(s.Index, chart, number, leaf)
		if err != nil {
			return err
		}
		b.Entries = append(b.Entries, index.Counted{Chart: chart, Number: number, Leaf: leaf, Entry: n})
		u, err := s.update(ctx, n, prev, places)
		if err != nil {
			return err
		}
		if u != nil {
			file(u)
			b.Updates = append(b.Updates, *u)
		}
	}
	return nil
}

// update gives what an entry changes in the index. What was written a moment ago is still at hand; otherwise the entry, and for
// its terms the content, is opened again.
func (s *Store) update(ctx context.Context, n uint64, prev *verify.Hash, at *places) (*index.Update, error) {
	if w := s.overlay.entry(n); w != nil {
		u := &index.Update{Type: w.typ, ID: w.id, Version: w.version, Terms: w.terms}
		u.Version.Place = at.of(u.Version.Blob)
		if w.rules != s.number() && !u.Version.Deleted { // they have changed since the gate read it
			return s.terms(ctx, u)
		}
		return u, nil
	}
	if s.overlay.isLook(n) {
		return nil, nil
	}
	o, err := s.openEntry(at.at.Record, n)
	if err != nil {
		return nil, err
	}
	if prev != nil && o.entry.Prev != *prev {
		return nil, fmt.Errorf("%w: it does not follow the chart's last entry", errEntry)
	}
	t, typ, id, ok := brought(o.entry)
	if !ok {
		return nil, nil
	}
	u := &index.Update{Type: typ, ID: id, Version: index.Version{
		Number: t.Version, Time: o.entry.Time, Deleted: o.entry.Kind == verify.KindDelete, Created: o.entry.Kind == verify.KindCreate,
		Chart: o.entry.Chart, Slot: t.Slot, Blob: t.Blob, Place: at.of(t.Blob), Entry: n,
	}}
	if u.Version.Deleted {
		return u, nil
	}
	return s.terms(ctx, u)
}

// number tells the rules of now from others.
func (s *Store) number() uint64 {
	if s.Rules == nil {
		return 0
	}
	return s.Rules.Number()
}

// terms opens a version for what it is found by.
func (s *Store) terms(ctx context.Context, u *index.Update) (*index.Update, error) {
	v, err := s.open(ctx, u.Type, u.ID, &u.Version)
	switch {
	case ctx.Err() != nil: // a repair that was broken off tells nothing of the content
		return nil, context.Cause(ctx)
	case errors.Is(err, ErrGone):
		return u, nil
	case err != nil:
		// Damage in one resource must not keep all others from being found: it stays readable by id, where it is named.
		s.unread(u, "it does not open", err)
		return u, nil
	}
	if u.Terms, err = s.Extract(u.Type, v.Body); err != nil { // stored under older rules; the error may show of the content
		s.unread(u, "this version of the program can make no search terms of it", nil)
	}
	return u, nil
}

// brought gives the version of a resource that an entry brought, if it brought one. An update without a ciphertext says that the resource left the chart for
// another: the entry there brings it. What says that something was written, and names no version, changes nothing that is found: it is in the journal, and
// must not keep what comes behind it from being found.
func brought(e *verify.Entry) (t verify.Target, typ, id string, ok bool) {
	if len(e.Targets) != 1 {
		return t, "", "", false
	}
	t = e.Targets[0]
	switch e.Kind {
	case verify.KindCreate, verify.KindUpdate:
		ok = !t.Blob.IsZero()
	case verify.KindDelete:
		ok = true
	}
	typ, id, named := strings.Cut(t.Ref, "/")
	return t, typ, id, ok && named
}

// places finds ciphertexts inside a journal record by their hash.
type places struct {
	at     *journal.Located
	byHash map[verify.Hash]index.Place
}

func newPlaces(at *journal.Located) *places { return &places{at: at} }

func (p *places) of(blob verify.Hash) index.Place {
	if p.byHash == nil {
		p.byHash = make(map[verify.Hash]index.Place, len(p.at.Record.Blobs))
		for _, b := range p.at.Record.BlobSpans() {
			offset := p.at.At.Offset + journal.FrameHeader + int64(b.Offset)
			p.byHash[b.Hash] = index.Place{Segment: p.at.At.Segment, Offset: offset, Length: uint32(b.Length)}
		}
	}
	return p.byHash[blob]
}
