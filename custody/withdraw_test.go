package custody

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// loseTail closes an owner, takes what its disk has of the journal beyond a place, and starts it again.
func (o *owner) loseTail(place journal.Cursor) *owner {
	o.c.t.Helper()
	o.close()
	dir := filepath.Join(o.dir, "journal")
	for number := o.journal.End().Segment; number > place.Segment; number-- {
		if err := os.Remove(journal.SegmentFile(dir, number)); err != nil {
			o.c.t.Fatal(err)
		}
	}
	if err := os.Truncate(journal.SegmentFile(dir, place.Segment), place.Offset); err != nil {
		o.c.t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "durable")); err != nil {
		o.c.t.Fatal(err)
	}
	again := o.own(2, journal.Options{})
	again.plans, again.tags = o.plans, o.tags
	if end := again.journal.End(); end != place {
		o.c.t.Fatalf("the journal ends at %s, want %s", end, place)
	}
	return again
}

// forked gives an owner that anchored a batch, wrote more to its custodian and lost that. place is where.
func forked(t *testing.T, opt journal.Options) (o *owner, m *member, place, lost journal.Cursor) {
	c := newCluster(t, 2)
	m = c.nodes[1]
	o = c.nodes[0].own(2, opt)
	o.start(Sources{})
	b := o.batch(3)
	statements := o.attest(b)
	if len(statements) != 1 {
		t.Fatal("not vouched for")
	}
	o.anchor(b, statements)
	place = o.journal.End()
	for range 8 {
		o.write(2)
	}
	return o, m, place, o.journal.End()
}

func (m *member) copied(t *testing.T, owner verify.OrgID) []byte {
	t.Helper()
	s, err := m.keeper.shelf(owner)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := s.mirror.last().Copy(0, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLostTailIsWithdrawn has a loss of power take records that the custodian already holds, which does not answer until others are in
// their places: nobody did wrong, so there is no alarm, and the custodian holds and vouches for what is there now.
func TestLostTailIsWithdrawn(t *testing.T) {
	t.Parallel()
	for name, records := range map[string]int{"fewer records since": 2, "as many": 8, "more": 20, "none yet": 0} {
		for _, segment := range []int64{0, 1 << 11} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o, m, place, lost := forked(t, journal.Options{SegmentSize: segment})
				m.stop()
				o = o.loseTail(place)
				for range records {
					o.append(record(&o.tags, 2)) // held by nobody
				}
				m.start(m.self.Peer)
				o.start(Sources{})
				eventually(t, "a write is held again", func() bool { return o.write(1).Copies == 1 })
				b := o.cut(place, o.journal.End())
				eventually(t, "it vouches for what is there now", func() bool { return len(o.attest(b)) == 1 })
				if diff := cmp.Diff([]string{}, m.alarms(t, o.self.Org)); diff != "" {
					t.Errorf("alarms: %s", diff)
				}
				g, err := o.journal.Frames(journal.Cursor{}, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(m.copied(t, o.self.Org), g.Frames) {
					t.Error("the custodian holds other bytes than the owner")
				}
				if got, want := o.withdrawn.Load(), lost.Entry-place.Entry; got != want {
					t.Errorf("the owner is told of %d entries withdrawn, want %d", got, want)
				}
				checkEvidence(t, o, m, max(1, int(lost.Segment)))
			})
		}
	}
}

// checkEvidence reads what was put aside: the owner's signed word, and bytes of that hash.
func checkEvidence(t *testing.T, o *owner, m *member, segments int) {
	t.Helper()
	kept, err := m.keeper.Status()
	if err != nil || len(kept) != 1 || kept[0].Withdrawn != segments {
		t.Fatalf("want %d runs put aside: %+v, %v", segments, kept, err)
	}
	files, err := filepath.Glob(filepath.Join(m.dir, "held", o.self.Org.String(), "withdrawn", "*"))
	if err != nil || len(files) != kept[0].Withdrawn {
		t.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		size := binary.BigEndian.Uint32(b)
		w := new(withdrawal)
		if err := wireDec.Unmarshal(b[4:4+size], w); err != nil {
			t.Fatal(err)
		}
		if hashOf(b[4+size:]) != w.Hash || !o.self.Key.Verify(w.signingBytes(testChain, o.self.Org, m.self.Org), w.Signature) {
			t.Errorf("%s proves nothing", name)
		}
	}
}

// TestWithdrawnStaysWithdrawn restarts the custodian after it.
func TestWithdrawnStaysWithdrawn(t *testing.T) {
	t.Parallel()
	o, m, place, _ := forked(t, journal.Options{})
	o = o.loseTail(place)
	o.start(Sources{})
	eventually(t, "withdrawn", func() bool { return m.heldOf(o.self.Org) == place.Offset })
	m.restart()
	if n := m.heldOf(o.self.Org); n != place.Offset {
		t.Errorf("%d bytes are held after the restart, want %d", n, place.Offset)
	}
	eventually(t, "held again", func() bool { return o.write(1).Copies == 1 })
}

// void signs a withdrawal of what is held in a range.
func (o *owner) void(t *testing.T, m *member, r journal.Range) *withdrawal {
	t.Helper()
	b := m.copied(t, o.self.Org)[r.Start.Offset:r.End.Offset]
	w := &withdrawal{Range: r, Hash: hashOf(b)}
	var err error
	if w.Signature, err = o.opt.Sign(w.signingBytes(testChain, o.self.Org, m.self.Org)); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWithdrawalRefusesFraud(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o, m, place, end := forked(t, journal.Options{})
	first := o.plans[0].Begin
	first.Offset = journal.SegmentHeader
	late := first
	late.Entry = place.Entry // as if no entry were concerned that was vouched for
	for name, c := range map[string]struct {
		r     journal.Range
		spoil func(*withdrawal)
		code  string
	}{
		"vouched for":        {journal.Range{Start: first, End: end}, nil, codeVouched},
		"all of it":          {journal.Range{End: end}, nil, codeVouched},
		"a false number":     {journal.Range{Start: late, End: end}, nil, codeDamaged},
		"out of the middle":  {journal.Range{Start: first, End: place}, nil, codeVouched},
		"other bytes":        {journal.Range{Start: place, End: end}, func(w *withdrawal) { w.Hash[0]++ }, codeForbidden},
		"not signed":         {journal.Range{Start: place, End: end}, func(w *withdrawal) { w.Signature = verify.Signature{} }, codeForbidden},
		"signed for another": {journal.Range{Start: place, End: end}, func(w *withdrawal) { w.Signature, _ = o.opt.Sign(w.signingBytes(testChain, o.self.Org, o.self.Org)) }, codeForbidden},
		"signed, but of other bytes": {journal.Range{Start: place, End: end}, func(w *withdrawal) {
			w.Hash[0]++
			w.Signature, _ = o.opt.Sign(w.signingBytes(testChain, o.self.Org, m.self.Org))
		}, codeUnknown},
		"nothing": {journal.Range{Start: end, End: end}, nil, codeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			w := o.void(t, m, c.r)
			if c.spoil != nil {
				c.spoil(w)
			}
			wantCode(t, o.repl.ask.withdraw(ctx, m.self.Org, w), c.code)
			if n := m.heldOf(o.self.Org); n != end.Offset {
				t.Errorf("%d bytes are held, want %d", n, end.Offset)
			}
		})
	}
	for _, code := range m.alarms(t, o.self.Org) {
		if code != codeVouched {
			t.Errorf("an alarm %q", code)
		}
	}
	if len(m.alarms(t, o.self.Org)) == 0 {
		t.Error("no alarm")
	}
}

// TestAnchoredEntriesAreNotWithdrawn has an owner withdraw entries that the custodian did not vouch for, and anchor them all the same.
func TestAnchoredEntriesAreNotWithdrawn(t *testing.T) {
	t.Parallel()
	o, m, place, end := forked(t, journal.Options{})
	b := o.cut(place, end)
	leaves := mustLeaves(t, o, &b.Batch)
	if err := o.repl.ask.withdraw(t.Context(), m.self.Org, o.void(t, m, journal.Range{Start: place, End: end})); err != nil {
		t.Fatal(err)
	}
	if got := m.alarms(t, o.self.Org); len(got) != 0 {
		t.Fatalf("alarms %v for what nobody vouched for", got)
	}
	anchored := o.anchor(b, nil)
	o.write(1)
	next := o.cut(end, o.journal.End())
	wantCode(t, o.askOne(m, next, tell(&o.plans[0], nil), tell(&anchored, leaves)), codeVouched)
	if diff := cmp.Diff([]string{codeVouched}, m.alarms(t, o.self.Org)); diff != "" {
		t.Errorf("alarms: %s", diff)
	}
}

func mustLeaves(t *testing.T, o *owner, b *Batch) []verify.Hash {
	t.Helper()
	leaves, err := leavesOf(t.Context(), o.journal, b)
	if err != nil {
		t.Fatal(err)
	}
	return leaves
}

// TestStopAmidWithdrawal has a custodian stop while it forgets withdrawn records: it still holds them, already knows their leaves, and takes
// the same word again.
func TestStopAmidWithdrawal(t *testing.T) {
	t.Parallel()
	o, m, place, end := forked(t, journal.Options{})
	b := o.cut(place, end)
	leaves := mustLeaves(t, o, &b.Batch)
	w := o.void(t, m, journal.Range{Start: place, End: end})
	s, err := m.keeper.shelf(o.self.Org)
	if err == nil {
		err = s.mirror.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := m.keeper.forget(s, w.Range, leaves); !errors.Is(err, journal.ErrClosed) {
		t.Fatalf("got %v, want %v", err, journal.ErrClosed)
	}
	m.restart()
	if n := m.heldOf(o.self.Org); n != end.Offset {
		t.Fatalf("%d bytes are held, want %d", n, end.Offset)
	}
	checkVoid := func() {
		t.Helper()
		var got []verify.Hash
		err := m.keeper.book.voided(o.self.Org, place.Entry, end.Entry, func(_ uint64, leaf verify.Hash) error {
			got = append(got, leaf)
			return nil
		})
		if diff := cmp.Diff(leaves, got); err != nil || diff != "" {
			t.Errorf("leaves noted: %s, %v", diff, err)
		}
	}
	checkVoid()
	if err := o.repl.ask.withdraw(t.Context(), m.self.Org, w); err != nil {
		t.Fatal(err)
	}
	checkVoid()
	if n := m.heldOf(o.self.Org); n != place.Offset {
		t.Errorf("%d bytes are held, want %d", n, place.Offset)
	}
}

// TestOnlyAnEndIsWithdrawn has an owner withdraw records out of the middle that nobody vouched for: nothing is noted of what stays.
func TestOnlyAnEndIsWithdrawn(t *testing.T) {
	t.Parallel()
	o, m, place, _ := forked(t, journal.Options{})
	g, err := o.journal.Frames(place, 1)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, o.repl.ask.withdraw(t.Context(), m.self.Org, o.void(t, m, journal.Range{Start: place, End: g.End})), codeUnknown)
	err = m.keeper.book.voided(o.self.Org, 0, g.End.Entry, func(number uint64, _ verify.Hash) error {
		t.Errorf("entry %d is noted as withdrawn", number)
		return nil
	})
	kept, err2 := m.keeper.Status()
	if err != nil || err2 != nil || kept[0].Withdrawn != 0 {
		t.Errorf("put aside: %+v, %v, %v", kept, err, err2)
	}
}
