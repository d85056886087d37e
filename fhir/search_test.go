package fhir

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/search"
)

func obs(id, patient, code, date string) exchange {
	body := fmt.Sprintf(`{"resourceType":"Observation","id":%q,"code":{"coding":[{"system":"http://loinc.org","code":%q},{"code":"local"}]},"subject":{"reference":"Patient/%s"},"effectiveDateTime":%q}`, id, code, patient, date)
	return exchange{do: "PUT /Observation/" + id, body: body, status: 201}
}

// searches are search strings for Observation and the ids they find among those of TestSearch.
var searches = map[string]string{
	"":                            "a b c",
	"code=718-7":                  "a c",
	"code=http://loinc.org|718-7": "a c",
	"code=http://loinc.org|":      "a b c",
	"code=|local":                 "a b c",
	"code=|718-7":                 "",
	"code=718-7,4548-4":           "a b c",
	"code=718-7&patient=p1":       "a",
	"patient=Patient/p1":          "a b",
	"patient:Patient=p2":          "c",
	"patient=http://h.example/fhir/Patient/p2": "c",
	"patient=p1,p2&code=4548-4":                "b",
	"subject=p2":                               "c",
	"subject:Group=p2":                         "",
	"date=2020":                                "a c",
	"date=2020-05-17":                          "a c",
	"date=ge2020-06":                           "b",
	"date=gt2020&date=lt2022":                  "b",
	"date=ne2021":                              "a c",
	"date=eb2020-05-18":                        "a c",
	"date=sa2020-05-17T22:00:00Z":              "b c",
	"date=2020-05-18T02:30:00+03:00":           "c",
	"date=ap2020-05":                           "a b c",
	"_id=a,c":                                  "a c",
	"_lastUpdated=ge2026-03-01T12:00:02Z":      "b c",
	"_lastUpdated=lt2026-03-01T12:00:02Z":      "a",
	"category=x":                               "",
}

func TestSearch(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		obs("a", "p1", "718-7", "2020-05-17"), obs("b", "p1", "4548-4", "2021"), obs("c", "p2", "718-7", "2020-05-17T23:30:00Z"),
		{do: "PUT /Organization/org", body: `{"resourceType":"Organization","id":"org","identifier":[{"value":"no-system"},{"system":"http://h","value":"a,b"}]}`, status: 201},
	})
	for query, want := range searches {
		w := g.send(&exchange{do: "GET /Observation?" + strings.NewReplacer("|", "%7C", "+", "%2B").Replace(query)})
		if got := ids(t, w.Body.Bytes()); w.Code != 200 || got != want {
			t.Errorf("%s: %d %q, want %q", query, w.Code, got, want)
		}
	}
	g.run(t, []exchange{
		{name: "the total alone", do: "GET /Observation?code=718-7&_summary=count&_count=5", status: 200, has: []string{`"total":2`, `_summary=count`}, hasNot: []string{`"entry"`, `"next"`}},
		{name: "no summary", do: "GET /Observation?code=4548-4&_summary=false", status: 200, has: []string{`"id":"b"`}},
		{name: "a summary", do: "GET /Observation?_id=b&_summary=true", status: 200, has: []string{`"id":"b"`, "SUBSETTED"}},
		{name: "a summary of another kind", do: "GET /Observation?_summary=short", status: 400, has: []string{"_summary is one of"}},
		{name: "one patient", do: "GET /Observation?patient=p1", status: 200,
			has:     []string{`"total":2`, `"relation":"self","url":"http://h.example/fhir/Observation?patient=p1"`, `"fullUrl":"http://h.example/fhir/Observation/a"`},
			entries: []string{"search of Patient/p1 Observation/a/1 Observation/b/1"}},
		{name: "two patients", do: "GET /Observation?code=718-7", status: 200,
			entries: []string{"search of Patient/p1 Observation/a/1", "search of Patient/p2 Observation/c/1", "search"}},
		{name: "nobody", do: "GET /Observation?code=none", status: 200, has: []string{`"total":0`}, hasNot: []string{`"entry"`}, entries: []string{"search"}},
		{name: "count alone", do: "GET /Observation?_count=0", status: 200, has: []string{`"total":3`}, hasNot: []string{`"entry"`}, entries: []string{"search"}},
		{name: "by form", do: "POST /Observation/_search", body: "code=718-7&patient=p2", header: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 200,
			has: []string{"/Observation/c", "url\":\"http://h.example/fhir/Observation?code=718-7&patient=p2"}, hasNot: []string{"/Observation/a"}},
		{name: "form and address", do: "POST /Observation/_search?patient=p1", body: "code=718-7", header: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 200,
			has: []string{"/Observation/a"}, hasNot: []string{"/Observation/c"}},
		{name: "no form", do: "POST /Observation/_search?patient=p2", status: 200, has: []string{"/Observation/c"}},
		{name: "form of another kind", do: "POST /Observation/_search", body: "{}", status: 415},
		{name: "escaped comma", do: "GET /Organization?identifier=http://h%7Ca%5C,b", status: 200, has: []string{`"total":1`}},
		{name: "no system", do: "GET /Organization?identifier=%7Cno-system", status: 200, has: []string{`"total":1`}},
		{name: "unknown", do: "GET /Observation?colour=5", status: 400, has: []string{"not-supported", "colour"}, entries: []string{"refuse 400"}},
		{name: "unknown, lenient", do: "GET /Observation?colour=5&code=4548-4", header: []string{"Prefer: handling=lenient"}, status: 200,
			has: []string{`"total":1`, `"url":"http://h.example/fhir/Observation?code=4548-4"`, `"mode":"outcome"`, "passed over: colour"}},
		{name: "modifier", do: "GET /Observation?code:in=x", status: 400},
		{name: "modifier, lenient", do: "GET /Observation?code:in=x", header: []string{"Prefer: handling=lenient"}, status: 400},
		{name: "empty value", do: "GET /Observation?patient=", status: 400},
		{name: "empty part", do: "GET /Observation?code=a,", status: 400},
		{name: "bad date", do: "GET /Observation?date=2020-13", status: 400},
		{name: "bad prefix", do: "GET /Observation?date=xx2020", status: 400},
		{name: "bad count", do: "GET /Observation?_count=-1", status: 400},
		{name: "bad reference", do: "GET /Observation?subject=a/b/c", status: 400},
		{name: "bad id", do: "GET /Observation?_id=a%20b", status: 400},
		{name: "bad escape", do: "GET /Observation?code=%zz", status: 400},
		{name: "no parameter of the type", do: "GET /Patient?code=x", status: 400},
		{name: "too many", do: "GET /Observation?" + strings.Repeat("code=a&", search.MaxParams+1), status: 400},
		{name: "too many values", do: "GET /Observation?code=" + strings.Repeat("a,", search.MaxValues) + "a", status: 400},
		{name: "too long", do: "GET /Observation?code=" + strings.Repeat("a", maxQuery), status: 414},
	})
}

func ids(tb testing.TB, bundle []byte) string {
	var b struct {
		Entry []struct {
			Resource struct{ ID string }
			Search   struct{ Mode string }
		}
	}
	if err := json.Unmarshal(bundle, &b); err != nil {
		tb.Fatalf("%v: %s", err, bundle)
	}
	var list []string
	for _, e := range b.Entry {
		if e.Search.Mode != "outcome" {
			list = append(list, e.Resource.ID)
		}
	}
	return strings.Join(list, " ")
}

func TestATotalThatWasNotCountedIsNotMissedSilently(t *testing.T) {
	g := newGate(t, Limits{})
	g.store.uncounted = true
	g.run(t, []exchange{
		{do: "GET /Observation?_summary=count", status: 200, has: []string{`"code":"too-costly"`, `"mode":"outcome"`}, hasNot: []string{`"total"`}},
		{do: "GET /Observation", status: 200, hasNot: []string{`"total"`, "too-costly"}},
	})
}

// TestPagesAreStable follows next links while others write: nothing is given twice, nothing that was there is left out.
func TestPagesAreStable(t *testing.T) {
	g := newGate(t, Limits{})
	var want []string
	for i := range 25 {
		id := fmt.Sprintf("o%02d", i)
		want = append(want, id)
		g.run(t, []exchange{obs(id, "p1", "x", "2020")})
	}
	next, got, pages := "/Observation?patient=p1&_count=4", []string(nil), 0
	for next != "" {
		w := g.send(&exchange{do: "GET " + next})
		got = append(got, strings.Fields(ids(t, w.Body.Bytes()))...)
		pages++
		g.run(t, []exchange{obs(fmt.Sprintf("a%02d", pages), "p1", "x", "2020")}) // sorts before all pages to come
		var b struct {
			Link []struct{ Relation, URL string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
		next = ""
		for _, l := range b.Link {
			if l.Relation == "next" {
				next = strings.TrimPrefix(l.URL, "http://h.example/fhir")
			}
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") || pages != 7 {
		t.Errorf("%d pages: %v", pages, got)
	}
}

// FuzzSearch holds the reading of search strings to this: it ends in a query within its limits or in a refusal of the client,
// and the self link, read again, means the same.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{"code=http%3A%2F%2Floinc.org%7C718-7,x&patient=p1&date=ge2020&_count=5", "subject:Group=a&_id=x", `identifier=a\,b\|c|d`, "_cursor=x&x=y", "date=ap1900&_lastUpdated=ne2020-01"} {
		f.Add(s)
	}
	s := newGate(f, Limits{}).Server
	f.Fuzz(func(t *testing.T, raw string) {
		q := &request{own: "http://h.example/fhir"}
		found, p := s.parseSearch(q, []string{"Observation"}, raw, true)
		if p != nil {
			if p.status != 400 {
				t.Errorf("%q: %v", raw, p)
			}
			return
		}
		if found.query.Count < 0 || found.query.Count > maxCount || len(found.query.All) > search.MaxParams {
			t.Errorf("%q: %+v", raw, found.query)
		}
		self := query(found.applied)
		if _, err := url.ParseQuery(self); err != nil {
			t.Errorf("%q: self link %q", raw, self)
		}
		again, p := s.parseSearch(q, []string{"Observation"}, self, false)
		if p != nil || len(again.query.All) != len(found.query.All) {
			t.Errorf("%q: self link %q: %v", raw, self, p)
		}
	})
}
