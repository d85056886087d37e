package index

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// TestAppliedAgain applies records that are in already: neither the current version, nor its terms, nor the position change.
func TestAppliedAgain(t *testing.T) {
	x := open(t, t.TempDir())
	defer x.Close()
	update := func(number uint64, code string) *Batch {
		return &Batch{
			Records: []journal.Cursor{{Entry: number - 1}}, Position: journal.Cursor{Entry: number},
			Updates: []Update{{Type: "Observation", ID: "a", Version: Version{Number: number, Created: number == 1, Entry: number - 1},
				Terms: []term.Term{tokenTerm("code", "s|"+code)}}},
		}
	}
	apply(t, x, update(1, "one"))
	apply(t, x, update(2, "two"))
	apply(t, x, update(1, "one"))
	if v, err := x.Current("Observation", "a"); err != nil || v.Number != 2 {
		t.Errorf("version %d is the current one: %v", v.Number, err)
	}
	if at, err := x.Position(); err != nil || at.Entry != 2 {
		t.Errorf("it goes on from %d: %v", at.Entry, err)
	}
	if ids := search(t, x, "Observation", coded("s|one")); len(ids) != 0 {
		t.Errorf("found by what it no longer says: %v", ids)
	}
}

// TestRuns follows a journal in batches of all sizes, some of them again: every entry of every chart and every record is found, newest first.
func TestRuns(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir := t.TempDir()
		x := open(t, dir)
		defer func() { x.Close() }()
		charts := []string{"", "Patient/a", "Patient/a\x01", "Patient/" + uuids[0]}
		var made Batch
		at, count := journal.Cursor{}, map[string][]uint64{}
		for range rapid.IntRange(1, 300).Draw(r, "records") {
			made.Records = append(made.Records, at)
			for range rapid.Uint64Range(0, 2).Draw(r, "entries") {
				chart := rapid.SampledFrom(charts).Draw(r, "chart")
				made.Entries = append(made.Entries, Counted{Chart: chart, Number: uint64(len(count[chart])), Leaf: verify.Hash{byte(at.Entry)}, Entry: at.Entry})
				count[chart] = append(count[chart], at.Entry)
				at.Entry++
			}
			at.Offset += rapid.Int64Range(1, 3000).Draw(r, "bytes")
			if rapid.IntRange(0, 30).Draw(r, "new segment") == 0 {
				at = journal.Cursor{Segment: at.Segment + 1, Entry: at.Entry}
			}
		}
		for done := 0; done < len(made.Records); {
			from := max(0, done-rapid.SampledFrom([]int{0, 0, 5}).Draw(r, "again"))
			done = min(len(made.Records), done+rapid.IntRange(1, 90).Draw(r, "batch"))
			b := Batch{Records: made.Records[from:done], Position: at}
			if done < len(made.Records) {
				b.Position = made.Records[done]
			}
			for _, e := range made.Entries {
				if e.Entry >= made.Records[from].Entry && e.Entry < b.Position.Entry {
					b.Entries = append(b.Entries, e)
				}
			}
			apply(t, x, &b)
			if rapid.IntRange(0, 5).Draw(r, "stop") == 0 {
				if err := x.Close(); err != nil {
					r.Fatal(err)
				}
				x = open(t, dir)
			}
		}
		for n := range at.Entry {
			i, _ := slices.BinarySearchFunc(made.Records, n+1, func(c journal.Cursor, n uint64) int { return cmp.Compare(c.Entry, n) })
			if got, err := x.Locate(n); err != nil || got != made.Records[i-1] {
				r.Fatalf("entry %d is at %+v, %v; want %+v", n, got, err, made.Records[i-1])
			}
		}
		for _, chart := range charts {
			want, before := slices.Clone(count[chart]), rapid.Uint64Range(0, 200).Draw(r, "before")
			if head, err := x.Chart(chart); err != nil || head.Next != uint64(len(want)) {
				r.Fatalf("chart %q is at %d, %v; want %d", chart, head.Next, err, len(want))
			}
			if before > 0 && before < uint64(len(want)) {
				want = want[:before]
			}
			if err := x.Entries(chart, before, func(number, entry uint64) (bool, error) {
				if number != uint64(len(want)-1) || entry != want[number] {
					r.Fatalf("chart %q: entry %d is %d", chart, number, entry)
				}
				want = want[:number]
				return true, nil
			}); err != nil || len(want) > 0 {
				r.Fatalf("chart %q: %d entries are missing, %v", chart, len(want), err)
			}
		}
	})
}

// TestNamesForTypes uses up the names with units, which anybody may think up: a type that comes afterwards is taken in and found all the same.
func TestNamesForTypes(t *testing.T) {
	x := open(t, t.TempDir())
	defer x.Close()
	update := func(typ string, entry uint64, terms []term.Term) *Batch {
		return &Batch{
			Records: []journal.Cursor{{Entry: entry}}, Position: journal.Cursor{Entry: entry + 1},
			Updates: []Update{{Type: typ, ID: "a", Version: Version{Number: 1, Created: true, Entry: entry}, Terms: terms}},
		}
	}
	units := make([]term.Term, maxNames+1)
	for i := range units {
		units[i] = term.Term{Param: "value", Kind: term.Quantity, Low: 1, High: 1, Unit: fmt.Sprintf("unit %d", i)}
	}
	apply(t, x, update("Observation", 0, units))
	apply(t, x, update("Patient", 1, []term.Term{tokenTerm("code", "s|one")}))
	if ids := search(t, x, "Patient", coded("s|one")); len(ids) != 1 {
		t.Errorf("found %v", ids)
	}
	if ids := search(t, x, "Observation", term.Clause{Param: "value", Kind: term.Quantity,
		Any: []term.Test{{Form: term.AnySystem, Low: 1, High: 1, Code: fmt.Sprintf("unit %d", maxNames)}}}); len(ids) != 1 {
		t.Errorf("by a unit that got no name %v are found", ids)
	}
}
