package custody

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// forge makes a journal of the same shape, without the owner's key, and gives its bytes.
func forge(t *testing.T, key journal.Key) []byte {
	t.Helper()
	j, err := journal.Open(t.TempDir(), journal.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	tags := uint64(1000)
	for range 30 {
		p, err := j.Append(record(&tags, 1))
		if err == nil {
			_, err = p.Wait(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	g, err := j.Frames(journal.Cursor{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return g.Frames
}

// lie makes a member claim an end and give frames of its own wherever it is asked.
func (m *member) lie(t *testing.T, end journal.Cursor, frames []byte) {
	m.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == pathHeld:
			answerCBOR(w, held{Ranges: []journal.Range{{End: end}}})
		case r.URL.Path == pathJournal && r.Method == http.MethodGet:
			at, err := cursorOf(r)
			if err != nil || at.Offset >= int64(len(frames)) {
				answer(w, at, nil)
				return true
			}
			answer(w, journal.Cursor{Segment: at.Segment, Offset: int64(len(frames)), Entry: 30}, frames[at.Offset:])
		default:
			return false
		}
		return true
	})
}

func answer(w http.ResponseWriter, end journal.Cursor, frames []byte) {
	w.Header().Set(headerEnd, end.String())
	answerBytes(w, "application/octet-stream", frames)
}

// TestFalseTailIsNotTaken has every custodian but one offer invented records, well-formed and beyond the owner's end, to an owner that lost
// part of its journal: it gets its own bytes back, and nothing else.
func TestFalseTailIsNotTaken(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 4)
	o := c.nodes[0].own(4, journal.Options{})
	o.start(Sources{})
	for range 10 {
		o.write(1)
	}
	end := o.journal.End()
	eventually(t, "every custodian holds all", func() bool {
		for _, m := range c.nodes[1:] {
			if m.heldOf(o.self.Org) != end.Offset {
				return false
			}
		}
		return true
	})
	far := journal.Cursor{Segment: math.MaxUint32, Offset: 1 << 40, Entry: 1 << 60}
	o.custodian(0, 0).lie(t, far, forge(t, journal.Key{}))
	o.custodian(0, 1).lie(t, far, forge(t, journal.Key{9}))
	honest := o.custodian(0, 2)

	f := o.fetcher()
	h := f.Holdings(ctx)
	if h.End() != far {
		t.Fatalf("the lie was not told: %s", h.End())
	}
	f.Prove(ctx, &h, journal.Cursor{}, nil)
	if h.End() != end || len(h.False) != 2 || h.Held[honest.self.Org] == nil {
		t.Fatalf("believed up to %s, want %s; false %v, silent %v", h.End(), end, h.False, h.Silent)
	}
	dir := filepath.Join(t.TempDir(), "journal")
	// Even were the claims believed, nothing but the owner's bytes would come.
	if err := f.Extend(ctx, dir, journal.Cursor{}, end, nil); err != nil {
		t.Fatal(err)
	}
	var got journal.Cursor
	if err := journal.Scan(dir, journal.Cursor{}, func(at journal.Located) error { got = at.Next; return nil }); err != nil || got != end {
		t.Errorf("the journal ends at %s, want %s: %v", got, end, err)
	}
	if err := f.Extend(ctx, dir, end, far, nil); !errors.Is(err, ErrNowhere) {
		t.Errorf("beyond the end: %v", err)
	}
	// Without its key the owner believes nobody.
	if err := NewFetcher(o.self.Org, o.client, c.members).Extend(ctx, filepath.Join(t.TempDir(), "none"), journal.Cursor{}, end, nil); !errors.Is(err, journal.ErrSeal) {
		t.Errorf("without a key: %v", err)
	}
}

// TestStalledAnswerEnds has a custodian begin an answer and never go on.
func TestStalledAnswerEnds(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	o.write(1)
	c.nodes[1].intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != pathJournal || r.Method != http.MethodGet {
			return false
		}
		w.Header().Set("Content-Length", strconv.Itoa(journal.MaxFrames))
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	f := o.fetcher()
	h := f.Holdings(ctx)
	f.Prove(ctx, &h, journal.Cursor{}, nil)
	if ctx.Err() != nil || h.Silent[c.nodes[1].self.Org] == nil || len(h.Held) != 0 {
		t.Errorf("%v, %+v", ctx.Err(), h)
	}
}

// TestHostilePagesHideNone has one custodian claim the highest versions, another numbers that never end.
func TestHostilePagesHideNone(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := newCluster(t, 4)
	o := c.nodes[0].own(4, journal.Options{})
	pages := []Page{{TopPage, 3, []byte("top")}, {7, 2, []byte("seven")}}
	if err := o.repl.ask.putPages(ctx, c.nodes[3].self.Org, pages); err != nil {
		t.Fatal(err)
	}
	asked := 0
	c.nodes[1].intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != pathPages || r.Method != http.MethodGet {
			return false
		}
		from, _ := strconv.ParseUint(r.URL.Query().Get("from"), 10, 64)
		asked++
		list := []Page{{7, math.MaxUint64, []byte("garbage")}, {math.MaxUint64, 1, []byte("the last")}}
		if from > 0 {
			list = list[1:]
		}
		answerCBOR(w, list)
		return true
	})
	big := make([]byte, maxPage)
	c.nodes[2].intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != pathPages || r.Method != http.MethodGet {
			return false
		}
		from, _ := strconv.ParseUint(r.URL.Query().Get("from"), 10, 64)
		answerCBOR(w, []Page{{from + 100, 1, big}, {from + 101, 1, big}, {from + 102, 1, big}})
		return true
	})
	f := o.fetcher()
	f.maxPageBytes = 8 << 20
	got, err := f.Pages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found, size := 0, 0
	for i, p := range got {
		size += len(p.Sealed)
		for _, want := range pages {
			if p.Number == want.Number && bytes.Equal(p.Sealed, want.Sealed) {
				found++
			}
		}
		if i > 0 && got[i-1].Number > p.Number {
			t.Error("not in order")
		}
	}
	if found != len(pages) || size > 9<<20 || asked != 1 {
		t.Errorf("%d of %d true pages among %d of %d bytes, after %d questions", found, len(pages), len(got), size, asked)
	}
}

func FuzzHeldPages(f *testing.F) {
	f.Add(uint64(0), must(wireEnc.Marshal([]Page{{1, 2, []byte("x")}, {2, 1, []byte("y")}})))
	f.Add(uint64(5), must(wireEnc.Marshal([]Page{{math.MaxUint64, 2, []byte("x")}, {0, 1, []byte("y")}})))
	f.Fuzz(func(t *testing.T, from uint64, b []byte) {
		pages, err := decodeHeldPages(b, from)
		if err != nil {
			return
		}
		for i, p := range pages {
			if p.Number < from || i > 0 && p.Number <= pages[i-1].Number || len(p.Sealed) > maxPage {
				t.Fatalf("page %d after %d", p.Number, from)
			}
		}
	})
}

// FuzzHoldings reads what a member says that it holds: whatever it is, the furthest claim is one of the claims.
func FuzzHoldings(f *testing.F) {
	at := func(n uint32) journal.Cursor { return journal.Cursor{Segment: n, Offset: int64(n), Entry: uint64(n)} }
	f.Add(must(wireEnc.Marshal(held{Ranges: []journal.Range{{Start: at(1), End: at(2)}, {Start: at(9), End: at(3)}}})))
	f.Fuzz(func(t *testing.T, b []byte) {
		var claimed held
		if wireDec.Unmarshal(b, &claimed) != nil {
			return
		}
		h := Holdings{Held: map[verify.OrgID][]journal.Range{{1}: claimed.Ranges}}
		for _, r := range claimed.Ranges {
			if r.End.Compare(h.End()) > 0 {
				t.Fatal(fmt.Sprint(r, h.End()))
			}
		}
	})
}

// TestDrippingCustodianDoesNotStandInTheWay has the first custodians in order begin true answers and give a byte of them now and then: the
// honest one is asked beside them, and an answer that drips ends.
func TestDrippingCustodianDoesNotStandInTheWay(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4)
	o := c.nodes[0].own(4, journal.Options{})
	o.start(Sources{})
	for range 10 {
		o.write(1)
	}
	end := o.journal.End()
	honest := o.custodian(0, 2)
	eventually(t, "the honest custodian holds all", func() bool { return honest.heldOf(o.self.Org) == end.Offset })
	g, err := o.journal.Frames(journal.Cursor{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for place := range 2 {
		o.custodian(0, place).intercept(func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != pathJournal || r.Method != http.MethodGet {
				return false
			}
			w.Header().Set(headerEnd, g.End.String())
			w.Header().Set("Content-Length", strconv.Itoa(len(g.Frames)))
			for i := range g.Frames {
				if _, err := w.Write(g.Frames[i : i+1]); err != nil || http.NewResponseController(w).Flush() != nil {
					break
				}
				select {
				case <-r.Context().Done():
					return true
				case <-time.After(100 * time.Millisecond):
				}
			}
			return true
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "journal")
	if err := o.fetcher().Extend(ctx, dir, journal.Cursor{}, end, nil); err != nil {
		t.Fatal(err)
	}
	_, _, err = asker{o.client}.frames(ctx, o.custodian(0, 0).self.Org, journal.Cursor{})
	if !errors.Is(err, errStalled) {
		t.Errorf("a dripping answer: %v", err)
	}
}
