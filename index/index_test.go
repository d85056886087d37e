package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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
	if err := x.Apply(b); err != nil {
		t.Fatal(err)
	}
}

func search(t testing.TB, x *Index, typ string, from uint64, filters ...Filter) []string {
	t.Helper()
	var ids []string
	if rest, err := x.Search(t.Context(), typ, filters, from, 1<<20, func(id string, _ Version) (bool, error) {
		ids = append(ids, id)
		return true, nil
	}); err != nil || rest != 0 {
		t.Fatal(rest, err)
	}
	return ids
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
	code := func(v string) []Term { return []Term{{Param: "code", Kind: Token, Value: "loinc|" + v}} }
	put := func(number uint64, deleted bool, terms []Term) {
		apply(t, x, &Batch{Updates: []Update{{Type: "Observation", ID: "o1", Version: Version{Number: number, Deleted: deleted, Entry: 10 + number}, Terms: terms}}})
	}
	is := func(form Form, v string) Filter {
		return Filter{Param: "code", Kind: Token, Any: []Test{{Form: form, Value: v}}}
	}
	put(1, false, code("old"))
	put(2, false, code("new"))
	for _, tc := range []struct {
		f    Filter
		want int
	}{
		{is(Exact, "loinc|old"), 0}, {is(AnySystem, "old"), 0}, {is(Exact, "loinc|new"), 1}, {is(AnySystem, "new"), 1},
		{is(AnyCode, "loinc"), 1}, {is(AnyCode, "lo"), 0}, {is(Exact, "new"), 0},
	} {
		if got := search(t, x, "Observation", 0, tc.f); len(got) != tc.want {
			t.Errorf("%+v: %v, want %d", tc.f, got, tc.want)
		}
	}
	put(3, true, nil)
	if got := search(t, x, "Observation", 0); len(got) != 0 {
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
			Terms: []Term{{Param: "identifier", Kind: Token, Value: "urn:mrn|SECRET-MRN"}},
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

// TestSearchAgainstBruteForce compares searches with a plain filter over the same resources.
func TestSearchAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x := open(t, t.TempDir())
		defer x.Close()
		held := make(map[string][]Term)
		ids := rapid.SampledFrom([]string{"a", "a.b", "a-1", "b", "c", uuids[0], uuids[0] + "-a", uuids[1]})
		term := rapid.Custom(func(r *rapid.T) Term {
			if rapid.Bool().Draw(r, "date") {
				lo := rapid.Int64Range(-5, 5).Draw(r, "lo")
				return Term{Param: "date", Kind: Date, Lo: lo, Hi: lo + rapid.Int64Range(0, 4).Draw(r, "long")}
			}
			return Term{Param: rapid.SampledFrom([]string{"code", "cod"}).Draw(r, "param"), Kind: Token, Value: rapid.SampledFrom([]string{"s|1", "s|2", "|1", "t|1", uuids[1] + "|1"}).Draw(r, "value")}
		})
		version, row := make(map[string]uint64), make(map[string]uint64)
		for n := range rapid.Uint64Range(0, 12).Draw(r, "writes") {
			id := ids.Draw(r, "id")
			if version[id]++; version[id] == 1 {
				row[id] = 5 * n
			}
			terms, deleted := rapid.SliceOfN(term, 0, 3).Draw(r, "terms"), rapid.IntRange(0, 4).Draw(r, "deleted") == 0
			if deleted {
				delete(held, id)
				terms = nil
			} else {
				held[id] = terms
			}
			apply(t, x, &Batch{Updates: []Update{{Type: "T", ID: id, Version: Version{Number: version[id], Deleted: deleted, Entry: 5 * n}, Terms: terms}}})
		}
		var filters []Filter
		for range rapid.IntRange(0, 3).Draw(r, "filters") {
			if rapid.Bool().Draw(r, "by date") {
				filters = append(filters, Filter{Param: "date", Kind: Date, Any: []Test{{
					Prefix: rapid.SampledFrom([]Prefix{Equal, NotEqual, Greater, Less, GreaterOrEqual, LessOrEqual, StartsAfter, EndsBefore, Approximate}).Draw(r, "prefix"), Lo: rapid.Int64Range(-4, 2).Draw(r, "qlo"), Hi: rapid.Int64Range(2, 6).Draw(r, "qhi"),
				}}})
				continue
			}
			filters = append(filters, Filter{Param: "code", Kind: Token, Any: rapid.SliceOfN(rapid.SampledFrom([]Test{
				{Value: "s|1"}, {Value: "|1"}, {Form: AnySystem, Value: "1"}, {Form: AnySystem, Value: "2"}, {Form: AnyCode, Value: "s"}, {Form: AnyCode, Value: uuids[1]},
			}), 1, 2).Draw(r, "any")})
		}
		from := rapid.Uint64Range(0, 60).Draw(r, "from")
		var want []string
		for _, id := range slices.SortedFunc(maps.Keys(held), func(a, b string) int { return int(row[a]) - int(row[b]) }) {
			if row[id] >= from && !slices.ContainsFunc(filters, func(f Filter) bool { return !bruteForce(held[id], f) }) {
				want = append(want, id)
			}
		}
		if diff := cmp.Diff(want, search(t, x, "T", from, filters...)); diff != "" {
			t.Fatalf("filters %+v: %s", filters, diff)
		}
	})
}

func bruteForce(terms []Term, f Filter) bool {
	return slices.ContainsFunc(terms, func(t Term) bool {
		return t.Param == f.Param && slices.ContainsFunc(f.Any, func(q Test) bool {
			if t.Kind == Date {
				return q.Holds(t.Lo, t.Hi)
			}
			system, code, _ := cutLast(t.Value, '|')
			switch q.Form {
			case AnySystem:
				return code == q.Value
			case AnyCode:
				return system == q.Value
			}
			return t.Value == q.Value
		})
	})
}

func BenchmarkApply(b *testing.B) {
	x := open(b, b.TempDir())
	defer x.Close()
	terms := make([]Term, 10)
	for i := range terms {
		terms[i] = Term{Param: fmt.Sprintf("param%d", i), Kind: Token, Value: fmt.Sprintf("http://loinc.org|%d-4", i)}
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
	return entries, Update{Type: "Observation", ID: uuid("observation", n), Version: v, Terms: []Term{
		{Param: "subject", Kind: Reference, Value: patient}, {Param: "patient", Kind: Reference, Value: patient},
		{Param: "code", Kind: Token, Value: fmt.Sprintf("http://loinc.org|%d-4", 1000+n%50)},
		{Param: "category", Kind: Token, Value: "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"},
		{Param: "status", Kind: Token, Value: "|final"}, {Param: "date", Kind: Date, Lo: at / 1000 * 1000, Hi: at/1000*1000 + 999},
		{Param: "encounter", Kind: Reference, Value: "Encounter/" + uuid("encounter", n/10)},
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
	if err := x.db.Flush(); err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		_, u := observation(n % 1000)
		found := 0
		if _, err := x.Search(b.Context(), "Observation", []Filter{
			{Param: "patient", Kind: Reference, Any: []Test{{Value: u.Version.Chart}}}, {Param: "code", Kind: Token, Any: []Test{{Value: u.Terms[2].Value}}},
		}, 0, 1<<20, func(string, Version) (bool, error) { found++; return true, nil }); err != nil || found == 0 {
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
