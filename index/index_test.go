package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

func open(t testing.TB, dir string) *Index {
	t.Helper()
	x, err := Open(dir, bytes.Repeat([]byte{7}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func apply(t testing.TB, x *Index, b *Batch) {
	t.Helper()
	if err := x.Apply(context.Background(), b); err != nil {
		t.Fatal(err)
	}
}

func search(t testing.TB, x *Index, typ string, clauses ...term.Clause) []string {
	t.Helper()
	ids, rest := find(t, x, &Search{Query: term.Query{Type: typ, All: clauses}, Bound: 1 << 20})
	if rest != nil {
		t.Fatal("the search ended early")
	}
	return ids
}

func find(t testing.TB, x *Index, s *Search) (ids []string, rest *Point) {
	t.Helper()
	rest, err := x.Search(t.Context(), s, func(m Match) (bool, error) {
		ids = append(ids, m.ID)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids, rest
}

// token makes a test of "system|code", "code", or "system|".
func token(v string) term.Test {
	system, code, ok := strings.Cut(v, "|")
	switch {
	case !ok:
		return term.Test{Form: term.AnySystem, Code: v}
	case code == "":
		return term.Test{Form: term.AnyCode, System: system}
	}
	return term.Test{System: system, Code: code}
}

func coded(values ...string) term.Clause {
	c := term.Clause{Param: "code", Kind: term.Token}
	for _, v := range values {
		c.Any = append(c.Any, token(v))
	}
	return c
}

func tokenTerm(param, v string) term.Term {
	system, code, _ := strings.Cut(v, "|")
	return term.Term{Param: param, Kind: term.Token, System: system, Code: code}
}

func TestPositionAndChartsSurviveReopening(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	at := journal.Cursor{Segment: 2, Offset: 99, Entry: 12}
	apply(t, x, &Batch{
		Records:  []journal.Cursor{{Segment: 1, Offset: 40, Entry: 3}, {Segment: 2, Offset: 64, Entry: 9}},
		Entries:  []Counted{{Chart: "Patient/a", Number: 0, Leaf: verify.Hash{1}, Entry: 3}, {Chart: "Patient/a", Number: 1, Leaf: verify.Hash{2}, Entry: 9}},
		Position: at,
	})
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir)
	defer x.Close()
	if got, err := x.Position(); err != nil || got != at {
		t.Errorf("position %v, %v; want %v", got, err, at)
	}
	if got, err := x.Chart("Patient/a"); err != nil || got != (Chart{Next: 2, Last: verify.Hash{2}}) {
		t.Errorf("chart %v, %v", got, err)
	}
	if got, err := x.Chart("Patient/b"); err != nil || got != (Chart{}) {
		t.Errorf("unknown chart %v, %v", got, err)
	}
	if got, err := x.Locate(8); err != nil || got != (journal.Cursor{Segment: 1, Offset: 40, Entry: 3}) {
		t.Errorf("locate %v, %v", got, err)
	}
	var walked []uint64
	if err := x.Entries("Patient/a", 0, func(_, entry uint64) (bool, error) {
		walked = append(walked, entry)
		return true, nil
	}); err != nil || !slices.Equal(walked, []uint64{9, 3}) {
		t.Errorf("walked %v, %v; want newest first", walked, err)
	}
}

func TestUpdateReplacesTerms(t *testing.T) {
	x := open(t, t.TempDir())
	defer x.Close()
	put := func(number uint64, deleted bool, terms []term.Term) {
		apply(t, x, &Batch{Updates: []Update{{Type: "Observation", ID: "o1", Version: Version{Number: number, Deleted: deleted, Entry: 10 + number}, Terms: terms}}})
	}
	put(1, false, code("old"))
	put(2, false, code("new"))
	for v, want := range map[string]int{"s|old": 0, "old": 0, "s|new": 1, "new": 1, "s|": 1, "sn|": 0, "|new": 0} {
		if got := search(t, x, "Observation", coded(v)); len(got) != want {
			t.Errorf("%s: %v, want %d", v, got, want)
		}
	}
	put(3, true, nil)
	if got := search(t, x, "Observation"); len(got) != 0 {
		t.Errorf("a deleted resource is found: %v", got)
	}
	history, err := x.History("Observation", "o1", 0, 10)
	if err != nil || len(history) != 3 || history[0].Number != 3 || !history[0].Deleted || history[2].Number != 1 {
		t.Errorf("history %+v, %v", history, err)
	}
	if history, _ = x.History("Observation", "o1", 3, 1); len(history) != 1 || history[0].Number != 2 {
		t.Errorf("history before 3: %+v", history)
	}
}

// TestNothingReadableAtRest greps every byte of every file for what was indexed.
func TestNothingReadableAtRest(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir)
	for i := range 2000 {
		apply(t, x, &Batch{Updates: []Update{{
			Type: "Patient", ID: fmt.Sprintf("secret-id-%d", i), Version: Version{Number: 1, Entry: uint64(i), Chart: "Patient/secret-chart"},
			Terms: []term.Term{{Param: "identifier", Kind: term.Token, System: "urn:mrn", Code: "SECRET-MRN"}},
		}}})
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, word := range []string{"secret-id", "SECRET-MRN", "secret-chart", "identifier", "Patient"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s holds %q", path, word)
			}
		}
		files++
		return err
	})
	if err != nil || files < 3 {
		t.Fatalf("%d files, %v", files, err)
	}
	if _, err := Open(dir, bytes.Repeat([]byte{8}, KeySize)); err == nil {
		t.Error("another key opens the index")
	}
}

func BenchmarkApply(b *testing.B) {
	x := open(b, b.TempDir())
	defer x.Close()
	terms := make([]term.Term, 10)
	for i := range terms {
		terms[i] = term.Term{Param: fmt.Sprintf("param%d", i), Kind: term.Token, System: "http://loinc.org", Code: fmt.Sprintf("%d-4", i)}
	}
	const run = 100
	for n := 0; b.Loop(); n++ {
		var batch Batch
		for i := range run {
			batch.Updates = append(batch.Updates, Update{Type: "Observation", ID: fmt.Sprintf("%012d", n*run+i), Version: Version{Number: 1, Entry: uint64(n*run + i)}, Terms: terms})
		}
		apply(b, x, &batch)
	}
	b.ReportMetric(float64(b.N*run)/b.Elapsed().Seconds(), "resources/s")
}

// observation makes the entries and the terms that a laboratory result leaves, and one read of it.
func observation(n int) (entries []Counted, u Update) {
	uuid := func(kind string, n int) string { // as the FHIR gate makes them, of version 7
		h := verify.Commit(new([32]byte), fmt.Append(nil, kind, n))
		binary.BigEndian.PutUint64(h[:], uint64(1795000000000+n*1009)<<16|0x7000|uint64(h[6]))
		return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
	}
	patient, at := "Patient/"+uuid("patient", n%200), int64(1795000000000+n*1009)
	leaf := verify.Commit(new([32]byte), fmt.Append(nil, n))
	for i := range 2 {
		entries = append(entries, Counted{Chart: patient, Number: uint64(n/200*2 + i), Leaf: leaf, Entry: uint64(2*n + i)})
	}
	v := Version{Number: 1, Time: at + int64(leaf[1]%3), Created: true, Chart: patient, Slot: uint64(n % 200 * 2), Blob: leaf, Place: Place{3, int64(n%20000) * 3000, 1400}, Entry: uint64(2 * n)}
	return entries, Update{Type: "Observation", ID: uuid("observation", n), Version: v, Terms: []term.Term{
		{Param: "subject", Kind: term.Reference, Value: patient}, {Param: "patient", Kind: term.Reference, Value: patient},
		tokenTerm("code", fmt.Sprintf("http://loinc.org|%d-4", 1000+n%50)),
		tokenTerm("category", "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"),
		tokenTerm("status", "|final"), {Param: "date", Kind: term.Date, Lo: at / 1000 * 1000, Hi: at/1000*1000 + 999},
		{Param: "encounter", Kind: term.Reference, Value: "Encounter/" + uuid("encounter", n/10)},
	}}
}

// BenchmarkObservations measures laboratory results, each with its read, and the bytes that one takes on disk.
func BenchmarkObservations(b *testing.B) {
	dir := b.TempDir()
	x := open(b, dir)
	const run = 50
	n := 0
	for b.Loop() {
		var batch Batch
		for range run {
			entries, u := observation(n)
			for _, e := range entries {
				batch.Records = append(batch.Records, journal.Cursor{Segment: 3, Offset: int64(e.Entry) * 900, Entry: e.Entry})
			}
			batch.Entries, batch.Updates = append(batch.Entries, entries...), append(batch.Updates, u)
			n++
		}
		apply(b, x, &batch)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "resources/s")
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
	size := int64(0)
	tables, _ := filepath.Glob(filepath.Join(dir, "*.sst"))
	for _, f := range tables {
		if info, err := os.Stat(f); err == nil {
			size += info.Size()
		}
	}
	b.ReportMetric(float64(size)/float64(n), "B/resource")
}

// BenchmarkSearch measures a patient's results of one code among 20,000.
func BenchmarkSearch(b *testing.B) {
	x := open(b, b.TempDir())
	defer x.Close()
	for n := 0; n < 20_000; n += 100 {
		var batch Batch
		for i := range 100 {
			_, u := observation(n + i)
			batch.Updates = append(batch.Updates, u)
		}
		apply(b, x, &batch)
	}
	if err := x.rows.(*embedded).db.Flush(); err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		_, u := observation(n % 1000)
		found := 0
		s := &Search{Bound: 1 << 20, Query: term.Query{Type: "Observation", All: []term.Clause{
			{Param: "patient", Kind: term.Reference, Any: []term.Test{{Value: u.Version.Chart}}},
			{Param: "code", Kind: term.Token, Any: []term.Test{{System: u.Terms[2].System, Code: u.Terms[2].Code}}},
		}}}
		if _, err := x.Search(b.Context(), s, func(Match) (bool, error) { found++; return true, nil }); err != nil || found == 0 {
			b.Fatal(found, err)
		}
	}
}

func BenchmarkCurrent(b *testing.B) {
	x := open(b, b.TempDir())
	defer x.Close()
	for n := range 1000 {
		var batch Batch
		for i := range 100 {
			batch.Updates = append(batch.Updates, Update{Type: "Observation", ID: fmt.Sprintf("%012d", n*100+i), Version: Version{Number: 1, Entry: uint64(n*100 + i)}})
		}
		apply(b, x, &batch)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := x.Current("Observation", fmt.Sprintf("%012d", i*7919%100_000)); err != nil {
			b.Fatal(err)
		}
	}
}
