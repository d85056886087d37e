package record_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/index"
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
			c.Terms = []index.Term{{Param: "code", Kind: index.Token, Value: "s|" + c.Chart}}
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
	q := record.Query{Type: "Observation", Count: 1000, Filters: []index.Filter{{Param: "code", Kind: index.Token, Any: []index.Test{{Value: "s|Patient/a"}}}}}
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
	versions, before := 7, uint64(0)
	for {
		page, err := s.store.History(ctx, clinician, "Observation", "one", 1000, before)
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
		_, err = fmt.Sscan(page.Next, &before)
		s.ok(err)
	}
	if versions != 0 {
		t.Errorf("the history ends before version %d", versions)
	}
}

// TestRoomIsTakenBeforeOpening: no content is opened that there is no room for; a page ends where there is none, and a read gives nothing.
func TestRoomIsTakenBeforeOpening(t *testing.T) {
	s := newSite(t)
	defer s.close()
	for _, c := range []record.Change{change(record.OpCreate, "o1", "Patient/a", "small"), change(record.OpCreate, "o2", "Patient/a", large("o2"))} {
		_, err := s.store.Write(context.Background(), clinician, []record.Change{c})
		s.ok(err)
	}
	s.close()
	s.open() // nothing is left in memory
	full, asked, room := fmt.Errorf("full"), int64(0), int64(0)
	ctx := record.WithRoom(context.Background(), func(n int64, more bool) error {
		asked += n
		if more != (asked > n) {
			t.Errorf("%d bytes asked for: more is %v", n, more)
		}
		if asked > room {
			return full
		}
		return nil
	})
	if _, err := s.store.Read(ctx, clinician, "Observation", "o2", 0); err != full {
		t.Errorf("a read without room: %v", err)
	}
	if asked < 3<<20 {
		t.Errorf("%d bytes asked for", asked)
	}
	asked, room = 0, 1<<20
	page, err := s.store.Search(ctx, clinician, record.Query{Type: "Observation", Count: 10})
	s.ok(err)
	if len(page.Versions) != 1 || page.Next == "" || page.Total != 2 {
		t.Errorf("%d versions of %d, next %q", len(page.Versions), page.Total, page.Next)
	}
	for chart, entries := range s.entries() {
		if last := entries[len(entries)-1]; chart == "Patient/a" && (len(entries) != 3 || len(last.Targets) != 1 || last.Targets[0].Ref != "Observation/o1") {
			t.Errorf("%d entries, the last of %v", len(entries), last.Targets)
		}
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
