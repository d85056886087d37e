package record_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// large is a body that is a ciphertext of its own.
func large(id string) string { return id + strings.Repeat(" large", 3<<20/6) }

// TestAPageEndsAfterSoManyBytes: whatever is asked for, no page of a search or history holds more than its bound and one resource; the
// pages together are everything, once.
func TestAPageEndsAfterSoManyBytes(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx := context.Background()
	var want []string
	for i := range 7 {
		id := fmt.Sprintf("o%d", i)
		want = append(want, id)
		for _, c := range []record.Change{change(record.OpUpdate, id, "Patient/a", large(id)), change(record.OpUpdate, "one", "Patient/b", large("one"))} {
			c.Terms = []term.Term{{Param: "code", Kind: term.Token, System: "s", Code: c.Chart}}
			_, err := s.store.Write(ctx, clinician, []record.Change{c})
			s.ok(err)
		}
	}
	fits := func(page *record.Page) {
		t.Helper()
		n := 0
		for i := range page.Versions {
			n += len(page.Versions[i].Body)
		}
		if n > record.MaxPage+len(large("o0")) {
			t.Errorf("a page of %d bytes", n)
		}
	}
	var found []string
	q := record.Query{Type: "Observation", Count: 1000, All: []term.Clause{{Param: "code", Kind: term.Token, Any: []term.Test{{System: "s", Code: "Patient/a"}}}}}
	for {
		page, err := s.store.Search(ctx, clinician, q)
		s.ok(err)
		fits(page)
		for i := range page.Versions {
			found = append(found, page.Versions[i].ID)
		}
		if page.Total != 7 {
			t.Errorf("total %d", page.Total)
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
	versions, after := 7, ""
	for {
		page, err := s.store.History(ctx, clinician, record.HistoryQuery{Types: []string{"Observation"}, ID: "one", Count: 1000, After: after})
		s.ok(err)
		fits(page)
		for i := range page.Versions {
			if page.Versions[i].Version != uint64(versions) || page.Total != 7 {
				t.Fatalf("version %d of %d stands where %d is due", page.Versions[i].Version, page.Total, versions)
			}
			versions--
		}
		if page.Next == "" {
			break
		}
		after = page.Next
	}
	if versions != 0 {
		t.Errorf("the history ends before version %d", versions)
	}
}

// TestRoomIsTakenBeforeOpening: no content is opened that there is no room for, and nothing of it is on the ledger; a page asks once for all that
// goes on it.
func TestRoomIsTakenBeforeOpening(t *testing.T) {
	s := newSite(t)
	defer s.close()
	for i := range 5 {
		id := fmt.Sprint("o", i)
		_, err := s.store.Write(context.Background(), clinician, []record.Change{change(record.OpCreate, id, "Patient/a", large(id))})
		s.ok(err)
	}
	s.close()
	s.open() // nothing is left in memory
	full, asked, room := errors.New("full"), []int64(nil), int64(0)
	ctx := record.WithRoom(context.Background(), func(n int64) error {
		if asked = append(asked, n); n > room {
			return full
		}
		return nil
	})
	search := func() (*record.Page, error) {
		return s.store.Search(ctx, clinician, record.Query{Type: "Observation", Count: 10})
	}
	before := len(s.entries()["Patient/a"])
	_, readErr := s.store.Read(ctx, clinician, "Observation", "o2", 0)
	_, searchErr := search()
	_, historyErr := s.store.History(ctx, clinician, record.HistoryQuery{Types: []string{"Observation"}, ID: "o2", Count: 10})
	if readErr != full || searchErr != full || historyErr != full || len(asked) != 3 || asked[0] < 3<<20 || asked[1] < record.MaxPage || asked[2] != asked[0] {
		t.Errorf("without room: %v, %v, %v, after asking for %d", readErr, searchErr, historyErr, asked)
	}
	if after := len(s.entries()["Patient/a"]); after != before {
		t.Errorf("%d entries of what was not given", after-before)
	}
	room = record.MaxPage + 4<<20
	if page, err := search(); err != nil || len(page.Versions) != 3 || page.Next == "" || page.Total != 5 || len(asked) != 4 {
		t.Errorf("with room: %v, after asking for %d", err, asked)
	}
}

// TestAnAuditPageEndsAfterSoManyBytes: entries that name much make the page shorter, and the pages together are everything, once.
func TestAnAuditPageEndsAfterSoManyBytes(t *testing.T) {
	s := newSite(t)
	defer s.close()
	ctx, a := context.Background(), clinician
	a.Detail = strings.Repeat("much ", 40<<10)
	auditor := record.Access{Actor: "auditor", Role: "auditor", Purpose: "HCOMPL"}
	const writes = 13
	for i := range writes {
		_, err := s.store.Write(ctx, a, []record.Change{change(record.OpCreate, fmt.Sprint(i), "Patient/a", "body")})
		s.ok(err)
	}
	pages, seen, after := 0, 0, ""
	for {
		events, next, err := s.store.AuditEvents(ctx, auditor, record.AuditQuery{Kinds: []verify.Kind{verify.KindCreate}, Count: 1000, After: after})
		s.ok(err)
		for i := range events {
			if seen++; events[i].Entry.Number != uint64(writes-seen) {
				t.Fatalf("entry %d stands where %d is due", events[i].Entry.Number, writes-seen)
			}
		}
		if size := len(events) * len(a.Detail); size > 2<<20 {
			t.Errorf("a page of %d bytes", size)
		}
		pages++
		if after = next; after == "" {
			break
		}
	}
	if seen != writes || pages < 2 {
		t.Errorf("%d entries on %d pages", seen, pages)
	}
}
