package index

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
)

// TestUnread: a resource that could not be read is listed until its terms are known or it has another version, and late terms of an old version
// change nothing.
func TestUnread(t *testing.T) {
	x := open(t, t.TempDir())
	defer x.Close()
	at := uint64(0)
	update := func(typ, id string, number uint64, unread bool) {
		t.Helper()
		b := &Batch{
			Records: []journal.Cursor{{Entry: at}}, Position: journal.Cursor{Entry: at + 1},
			Updates: []Update{{Type: typ, ID: id, Version: Version{Number: number, Entry: at, Created: number == 1}, Unread: unread}},
		}
		if !unread {
			b.Updates[0].Terms = code(fmt.Sprint("v", number))
		}
		apply(t, x, b)
		at++
	}
	list := func(typ string, from Ref, limit int) []Ref {
		t.Helper()
		list, err := x.Unread(typ, from, limit)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	const uuid = "0193f00d-0000-7000-8000-000000000001"
	update("Observation", "a", 1, true)
	update("Observation", "b", 1, false)
	update("Observation", uuid, 1, true)
	update("Patient", "a", 1, true)
	all := []Ref{{"Observation", "a"}, {"Observation", uuid}, {"Patient", "a"}}
	if got := list("", Ref{}, 10); !slices.Equal(got, all) {
		t.Errorf("listed %v, want %v", got, all)
	}
	var paged []Ref
	for from := (Ref{}); ; from = paged[len(paged)-1] {
		page := list("", from, 1)
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
	}
	if !slices.Equal(paged, all) {
		t.Errorf("page by page %v, want %v", paged, all)
	}
	if got := list("Observation", Ref{}, 10); !slices.Equal(got, all[:2]) {
		t.Errorf("of one type %v", got)
	}

	if err := errors.Join(x.Read("Observation", uuid, 1, code("v1")), x.Read("Observation", "b", 1, code("other"))); err != nil {
		t.Fatal(err)
	}
	update("Observation", "a", 2, false)
	if err := x.Read("Observation", "a", 1, code("old")); err != nil {
		t.Fatal(err)
	}
	if got := list("", Ref{}, 10); !slices.Equal(got, all[2:]) {
		t.Errorf("left are %v", got)
	}
	for value, want := range map[string][]string{"v1": {"b", uuid}, "v2": {"a"}, "old": nil, "other": nil} {
		got := search(t, x, "Observation", coded("s|"+value))
		if !slices.Equal(got, want) {
			t.Errorf("by %s: %v, want %v", value, got, want)
		}
	}
}

func code(value string) []term.Term { return []term.Term{tokenTerm("code", "s|"+value)} }

// TestAgree: an index that holds something keeps to the rules it was made by.
func TestAgree(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	agree := func(rules string, want error) {
		t.Helper()
		if err := x.Agree([]byte(rules)); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: %v, want %v", rules, err, want)
		}
	}
	agree("one", nil)
	agree("two", nil) // nothing is in it yet
	apply(t, x, &Batch{Records: []journal.Cursor{{}}, Position: journal.Cursor{Entry: 1}})
	agree("two", nil)
	agree("one", ErrOutdated)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir)
	defer x.Close()
	agree("two", nil)
	agree("", ErrOutdated)
}
