package record_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// TestEachForItself writes the same changes again and again: what is so already stays as it is, what is refused keeps nothing else back, and there is
// one entry for each version and none for what was not written.
func TestEachForItself(t *testing.T) {
	s := newSite(t)
	defer func() { s.close() }()
	ctx := context.Background()
	first := clinician
	first.Request = [16]byte{7}
	known := change(record.OpUpdate, "never", "Patient/a", "x")
	known.Known = true
	wrong := change(record.OpUpdate, "moved", "Patient/a", "x")
	wrong.Compartment = 0
	list := []record.Change{
		change(record.OpUpdate, "a", "Patient/a", "one"), known, change(record.OpUpdate, "b", "Patient/b", "two"), wrong,
		change(record.OpUpdate, "a", "Patient/a", "other"),
	}
	each, err := s.store.WriteEach(ctx, first, list, false)
	s.ok(err)
	if each[0].Op != record.OpCreate || !errors.Is(each[1].Err, record.ErrNotFound) || each[2].Op != record.OpCreate || each[3].Err == nil || !errors.Is(each[4].Err, record.ErrRepeated) {
		t.Fatalf("%+v", each)
	}
	for _, reopened := range []bool{false, true} { // from what is on its way into the index, and from the index
		if reopened {
			s.close()
			s.open()
		}
		each, err = s.store.WriteEach(ctx, first, list[:4], true)
		s.ok(err)
		if !each[0].Same || !each[0].Mine || each[0].Op != record.OpCreate || !each[2].Mine {
			t.Errorf("again, by the same request: %+v", each)
		}
		each, err = s.store.WriteEach(ctx, first, list[4:], false)
		s.ok(err)
		if !errors.Is(each[0].Err, record.ErrRepeated) {
			t.Errorf("otherwise, by the same request: %+v", each)
		}
		second := first
		second.Request = [16]byte{8}
		each, err = s.store.WriteEach(ctx, second, list[:1], false)
		s.ok(err)
		if !each[0].Same || each[0].Mine || each[0].Op != 0 {
			t.Errorf("by another request: %+v", each)
		}
	}
	third := first
	third.Request = [16]byte{9}
	repeats := list[4]
	repeats.Repeats = true
	each, err = s.store.WriteEach(ctx, third, []record.Change{repeats}, false)
	s.ok(err)
	if !errors.Is(each[0].Err, record.ErrRepeated) {
		t.Errorf("%+v", each)
	}
	moved := change(record.OpUpdate, "b", "Patient/a", "two") // the same bytes in another chart are another version
	each, err = s.store.WriteEach(ctx, third, []record.Change{list[4], moved}, false)
	s.ok(err)
	if each[0].Op != record.OpUpdate || each[1].Op != record.OpUpdate || each[1].Same {
		t.Errorf("%+v", each)
	}
	auditor := record.Access{Actor: "auditor", Role: "auditor"}
	each, err = s.store.WriteEach(ctx, auditor, list[:1], false)
	s.ok(err)
	if !errors.Is(each[0].Err, record.ErrForbidden) { // not that it is so already
		t.Errorf("%+v", each)
	}
	entries := s.entries()
	if a, b := entries["Patient/a"], entries["Patient/b"]; len(a) != 3 || len(b) != 2 || a[1].Kind != verify.KindUpdate || a[1].Targets[0].Version != 2 {
		t.Errorf("entries: %d and %d", len(a), len(b))
	}
}
