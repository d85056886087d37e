package index

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
)

// rich is an Observation with about as many terms as all of R4's parameters give it.
func rich(n int) (entries []Counted, u Update) {
	entries, u = observation(n)
	value := 60 + float64(n*7919%900)/10
	low, high := value-0.05, value+0.05
	quantity := term.Term{Kind: term.Quantity, Low: low, High: high, System: "http://unitsofmeasure.org", Code: "mg/dL", Unit: "mg/dL", Canonical: &term.Canonical{Low: low * 10, High: high * 10, Unit: "g.m-3"}}
	code := u.Terms[2]
	for _, param := range []string{"value-quantity", "combo-value-quantity"} {
		q := quantity
		q.Param = param
		u.Terms = append(u.Terms, q)
	}
	for _, param := range []string{"code-value-quantity", "combo-code-value-quantity"} {
		u.Terms = append(u.Terms, term.Term{Param: param, Kind: term.Composite, Parts: []term.Term{{Kind: term.Token, System: code.System, Code: code.Code}, quantity}})
	}
	combo := code
	combo.Param = "combo-code"
	u.Terms = append(u.Terms, combo)
	for _, param := range []string{"based-on", "component-code", "component-data-absent-reason", "data-absent-reason", "derived-from", "device", "focus", "has-member", "identifier", "method", "part-of"} {
		u.Terms = append(u.Terms, term.Term{Param: param, Kind: term.Missing})
	}
	return entries, u
}

func fill(tb testing.TB, x *Index, from, to int) {
	for n := from; n < to; n += 100 {
		var b Batch
		for i := n; i < min(n+100, to); i++ {
			entries, u := rich(i)
			for _, e := range entries {
				b.Records = append(b.Records, journal.Cursor{Segment: 3, Offset: int64(e.Entry) * 900, Entry: e.Entry})
			}
			b.Entries, b.Updates = append(b.Entries, entries...), append(b.Updates, u)
		}
		apply(tb, x, &b)
	}
}

// BenchmarkRich measures Observations of some 25 terms each, and the bytes that one takes on disk.
func BenchmarkRich(b *testing.B) {
	dir := b.TempDir()
	x := open(b, dir)
	n := 0
	for b.Loop() {
		fill(b, x, n, n+100)
		n += 100
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

// BenchmarkQueries measures the first page of ten of searches of all classes, among 40,000 Observations of 200 patients.
func BenchmarkQueries(b *testing.B) {
	x := open(b, b.TempDir())
	defer x.Close()
	for n := 0; n < 200; n++ {
		_, u := observation(n)
		id := u.Version.Chart[len("Patient/"):]
		name := fmt.Sprintf("name%03d", n)
		apply(b, x, &Batch{Updates: []Update{{Type: "Patient", ID: id, Version: Version{Number: 1, Entry: uint64(n)},
			Terms: []term.Term{{Param: "name", Kind: term.String, Value: name, Folded: name}, {Param: "gender", Kind: term.Token, Code: []string{"male", "female"}[n%2]}}}}})
	}
	const many = 40_000
	fill(b, x, 0, many)
	_, u := rich(many / 2)
	at := u.Terms[5].Lo
	day := int64(86_400_000)
	clause := func(param string, kind term.Kind, q term.Test) term.Clause {
		return term.Clause{Param: param, Kind: kind, Any: []term.Test{q}}
	}
	final := clause("status", term.Token, term.Test{Code: "final"})
	patient := clause("patient", term.Reference, term.Test{Value: u.Version.Chart})
	code := clause("code", term.Token, term.Test{System: u.Terms[2].System, Code: u.Terms[2].Code})
	recent := clause("date", term.Date, term.Test{Prefix: term.GreaterOrEqual, Lo: at, Hi: at + day - 1})
	value := clause("value-quantity", term.Quantity, term.Test{Prefix: term.Greater, Low: 140, High: 140})
	named := clause("name", term.String, term.Test{Form: term.Begins, Folded: "name1"})
	male := clause("gender", term.Token, term.Test{Code: "male"})
	if err := x.rows.(*embedded).db.Flush(); err != nil {
		b.Fatal(err)
	}
	for name, q := range map[string]term.Query{
		"status":           {All: []term.Clause{final}},
		"patient and code": {All: []term.Clause{patient, code}},
		"date":             {All: []term.Clause{recent, final}},
		"value":            {All: []term.Clause{code, value}},
		"composite": {All: []term.Clause{clause("code-value-quantity", term.Composite, term.Test{Parts: []term.Test{
			{System: u.Terms[2].System, Code: u.Terms[2].Code, Kind: term.Token}, {Prefix: term.Greater, Low: 140, High: 140, Kind: term.Quantity}}})}},
		"chain":   {All: []term.Clause{{Param: "subject", Kind: term.Reference, Chain: []term.Query{{Type: "Patient", All: []term.Clause{named}}}}, code}},
		"has":     {Type: "Patient", All: []term.Clause{male, {Has: &term.Has{Param: "subject", Query: term.Query{Type: "Observation", All: []term.Clause{code, value}}}}}},
		"sorted":  {All: []term.Clause{patient}, Sort: []term.Sort{{Param: "date", Kind: term.Date, Descending: true}}},
		"missing": {All: []term.Clause{clause("method", term.Missing, term.Test{Form: term.Absent}), code}},
	} {
		if q.Type == "" {
			q.Type = "Observation"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				n := 0
				if _, err := x.Search(b.Context(), &Search{Query: q, Bound: 50_000}, func(Match) (bool, error) { n++; return n < 10, nil }); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
		b.Run(name+" counted", func(b *testing.B) {
			for b.Loop() {
				if n, err := x.Count(b.Context(), &Search{Query: q, Bound: 1 << 20}); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
}
