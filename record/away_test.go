package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/rows"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// database keeps the rows of an index in memory, and may be away.
type database struct {
	mu   sync.Mutex
	rows map[string][]byte
	away bool
	vain int // how often it was asked while it was away
}

func (d *database) leave(away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = away
}

func (d *database) asked() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.vain
}

// now gives what is there.
func (d *database) now() (map[string][]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		d.vain++
		return nil, fmt.Errorf("%w: for the test", index.ErrAway)
	}
	return maps.Clone(d.rows), nil
}

func (d *database) Get(_ context.Context, key []byte) ([]byte, error) {
	all, err := d.now()
	return all[string(key)], err
}

func (d *database) Gets(_ context.Context, keys [][]byte, fn func(int, []byte) error) error {
	all, err := d.now()
	for i := 0; i < len(keys) && err == nil; i++ {
		err = fn(i, all[string(keys[i])])
	}
	return err
}

func (d *database) Scan(_ context.Context, ranges []rows.Range, fn func(int, []byte, []byte) (bool, error)) error {
	all, err := d.now()
	keys := slices.Sorted(maps.Keys(all))
	for i, r := range ranges {
		within := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k < string(r.From) || r.To != nil && k >= string(r.To) })
		if r.Reverse {
			slices.Reverse(within)
		}
		if r.Limit > 0 {
			within = within[:min(len(within), r.Limit)]
		}
		for more, n := true, 0; err == nil && more && n < len(within); n++ {
			more, err = fn(i, []byte(within[n]), bytes.Clone(all[within[n]]))
		}
	}
	return err
}

func (d *database) Apply(_ context.Context, b *rows.Batch) (err error) {
	all, err := d.now()
	for i := 0; i < len(b.Ops) && err == nil; i++ {
		op := &b.Ops[i]
		switch op.Kind {
		case rows.Set:
			all[string(op.Key)] = bytes.Clone(op.Value)
		case rows.Delete:
			delete(all, string(op.Key))
		case rows.Merge:
			all[string(op.Key)], err = index.Merge(op.Key, all[string(op.Key)], op.Value)
		}
	}
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.rows = all
	}
	return err
}

func (d *database) Snapshot(context.Context) (rows.Snapshot, error) {
	all, err := d.now()
	return &database{rows: all}, err
}

// put exchanges all that is there.
func (d *database) put(rows map[string][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rows = maps.Clone(rows)
}

func (d *database) Check(context.Context) error { return nil }
func (d *database) Close() error                { return nil }

// TestTheIndexGoesOnWhenItsDatabaseIsBack has the database of the index go away before a record is followed, so that what is read first for it fails: the index
// stands still, and goes on by itself.
func TestTheIndexGoesOnWhenItsDatabaseIsBack(t *testing.T) {
	db := &database{rows: map[string][]byte{}}
	s := newSite(t, db)
	defer s.close()
	ctx := t.Context()
	_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "a", "Patient/1", "one")})
	s.ok(err)
	for s.store.Lag() > 0 {
		time.Sleep(time.Millisecond)
	}
	db.leave(true)
	s.ok(s.store.Enter(ctx, clinician, verify.KindSystem, "Patient/1")) // of a chart that is known, so that the follower is the first who reads
	for db.asked() == 0 {
		time.Sleep(time.Millisecond)
	}
	db.leave(false)
	for until := time.Now().Add(20 * time.Second); s.store.Lag() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the index does not go on")
		}
	}
	_, err = s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, "b", "Patient/2", "one")})
	s.ok(err)
	if page, err := s.store.Search(ctx, clinician, record.Query{Type: "Observation", Count: 10}); err != nil || len(page.Versions) != 2 {
		t.Errorf("found %+v, %v", page, err)
	}
}

// TestADatabaseThatLostWhatItHadGivesNoNumberTwice has the database of the index go back to what it was before a write, as another server may that takes its place:
// neither a version nor an entry is numbered by what it says then.
func TestADatabaseThatLostWhatItHadGivesNoNumberTwice(t *testing.T) {
	db := &database{rows: map[string][]byte{}}
	s := newSite(t, db)
	ctx := t.Context()
	write := func(id, chart string) error {
		_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpUpdate, id, chart, "one")})
		for err == nil && s.store.Lag() > 0 {
			time.Sleep(time.Millisecond)
		}
		return err
	}
	s.ok(write("a", "Patient/1"))
	before, err := db.now()
	s.ok(err)
	s.ok(write("a", "Patient/1"))
	s.ok(write("b", "Patient/1"))
	after, err := db.now()
	s.ok(err)
	db.put(before)
	for _, id := range []string{"a", "b"} {
		if err := write(id, "Patient/1"); !errors.Is(err, record.ErrUnavailable) {
			t.Errorf("%s is written by what the database says: %v", id, err)
		}
	}
	db.put(after)
	if err := write("a", "Patient/1"); err != nil {
		t.Error(err)
	}
	s.close()
	db.put(map[string][]byte{})
	s.open()
	defer s.close()
	if v, err := s.index.Current("Observation", "a"); err != nil || v.Number != 3 {
		t.Errorf("made anew, it has version %d: %v", v.Number, err)
	}
}
