package fhir

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func person(id, number string) string {
	if id != "" {
		id = `"id":"` + id + `",`
	}
	return `{"resourceType":"Patient",` + id + `"identifier":[{"system":"http://h","value":"` + number + `"}]}`
}

func TestConditionalUpdate(t *testing.T) {
	g := newGate(t, Limits{})
	w := g.send(&exchange{do: "PUT /Patient?identifier=http://h|1", body: person("", "1")})
	location := strings.TrimPrefix(w.Header().Get("Location"), "http://h.example/fhir/Patient/")
	id, _, _ := strings.Cut(location, "/_history/1")
	if w.Code != http.StatusCreated || !isID(id) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	g.run(t, []exchange{
		{name: "one matches", do: "PUT /Patient?identifier=http://h|1", body: person("", "1"), status: 200, has: []string{`Etag: W/"2"`, "/Patient/" + id + "/_history/2"},
			entries: []string{"search of Patient/" + id + " Patient/" + id + "/1", "update of Patient/" + id + " Patient/" + id + "/2"}},
		{name: "with its id", do: "PUT /Patient?identifier=http://h|1", body: person(id, "1"), status: 200, has: []string{`Etag: W/"3"`}},
		{name: "with another id", do: "PUT /Patient?identifier=http://h|1", body: person("x", "1"), status: 400, has: []string{`"expression":["Patient.id"]`}},
		{name: "its version", do: "PUT /Patient?identifier=http://h|1", body: person("", "1"), header: []string{`If-Match: W/"3"`}, status: 200, has: []string{`Etag: W/"4"`}},
		{name: "a stale version", do: "PUT /Patient?identifier=http://h|1", body: person("", "1"), header: []string{`If-Match: W/"3"`}, status: 412, has: []string{"conflict"}},
		{name: "a version of nothing", do: "PUT /Patient?identifier=http://h|9", body: person("", "9"), header: []string{`If-Match: W/"1"`}, status: 412},
		{name: "only if there is none", do: "PUT /Patient?identifier=http://h|1", body: person("", "1"), header: []string{"If-None-Match: *"}, status: 412},
		{name: "none matches, under an id", do: "PUT /Patient?identifier=http://h|2", body: person("two", "2"), status: 201, has: []string{"/Patient/two/_history/1"}, entries: []string{"search", "create of Patient/two Patient/two/1"}},
		{name: "none matches, and the id is taken", do: "PUT /Patient?identifier=http://h|3", body: person("two", "3"), status: 409, has: []string{"duplicate"}},
		{name: "two of them", do: "PUT /Patient/also", body: person("also", "2"), status: 201},
		{name: "several match", do: "PUT /Patient?identifier=http://h|2", body: person("", "2"), status: 412, has: []string{"multiple-matches"}},
		{name: "no criteria", do: "PUT /Patient", body: person("", "2"), status: 405, has: []string{"Allow: "}},
		{name: "unknown criteria", do: "PUT /Patient?shoe=7", body: person("", "2"), status: 400},
		{name: "criteria that shape", do: "PUT /Patient?_count=7", body: person("", "2"), status: 400},
		{name: "in a batch", do: "POST /", body: bundleOf("batch", entryOf("", "PUT", "Patient?identifier=http://h|1", person("", "1")), entryOf("", "PUT", "Patient?identifier=http://h|2", person("", "2"))),
			status: 200, has: []string{`"location":"Patient/` + id + `/_history/5"`, `"status":"412 Precondition Failed"`}},
	})
}

func TestConditionalDelete(t *testing.T) {
	g := newGate(t, Limits{})
	var puts []exchange
	for _, id := range []string{"a", "b", "c"} {
		puts = append(puts, exchange{do: "PUT /Patient/" + id, body: person(id, "1"), status: 201})
	}
	g.run(t, puts)
	g.run(t, []exchange{
		{name: "several", do: "DELETE /Patient?identifier=http://h|1", status: 412, has: []string{"multiple-matches"}},
		{name: "more than allowed", do: "DELETE /Patient?identifier=http://h|1&_count=2", status: 412, has: []string{"more than 2"}},
		{name: "no number", do: "DELETE /Patient?identifier=http://h|1&_count=all", status: 400},
		{name: "one, of another version", do: "DELETE /Patient?_id=a", header: []string{`If-Match: W/"2"`}, status: 412},
		{name: "one", do: "DELETE /Patient?_id=a", header: []string{`If-Match: W/"1"`}, status: 204, has: []string{`Etag: W/"2"`}, entries: []string{"search of Patient/a Patient/a/1", "delete of Patient/a Patient/a/2"}},
		{name: "none", do: "DELETE /Patient?_id=a", status: 204, hasNot: []string{"Etag", "Sijil-Ack"}, entries: []string{"search"}},
		{name: "several, as many", do: "DELETE /Patient?identifier=http://h|1&_count=2", header: []string{"Prefer: return=OperationOutcome"}, status: 200, has: []string{"deleted: 2"},
			entries: []string{"search of Patient/b Patient/b/1", "search of Patient/c Patient/c/1", "search", "delete of Patient/b Patient/b/2", "delete of Patient/c Patient/c/2"}},
		{do: "GET /Patient/c", status: 410},
	})
	several := newGate(t, Limits{Deletes: 2})
	several.run(t, append(puts[:2:2],
		exchange{name: "the node allows it", do: "DELETE /Patient?identifier=http://h|1", status: 204},
		exchange{do: "GET /Patient/b", status: 410}))
}

func TestServerIDs(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{{do: "PUT /Patient/p1", body: patient, status: 201}})
	g.ServerIDs = true
	g.run(t, []exchange{
		{name: "what is there", do: "PUT /Patient/p1", body: patient, status: 200},
		{name: "what never was", do: "PUT /Patient/p2", body: person("p2", "2"), status: 405, has: []string{"not-supported"}, entries: []string{"refuse 405"}},
		{name: "in a transaction", do: "POST /", body: bundleOf("transaction", entryOf("", "PUT", "Patient/p2", person("p2", "2"))), status: 405, has: []string{"Bundle.entry[0]"}},
		{name: "on criteria", do: "PUT /Patient?identifier=http://h|3", body: person("p3", "3"), status: 405},
		{name: "on criteria, without an id", do: "PUT /Patient?identifier=http://h|3", body: person("", "3"), status: 201},
		{do: "GET /metadata", status: 200, has: []string{`"updateCreate":false`}, hasNot: []string{`"updateCreate":true`}},
	})
}

// TestConditionsInATransaction does by criteria what a transaction does by id, in the order of verbs: what is deleted first is not found.
func TestConditionsInATransaction(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Patient/a", body: person("a", "1"), status: 201},
		{do: "PUT /Patient/b", body: person("b", "2"), status: 201},
		{do: "PUT /Patient/c", body: person("c", "3"), status: 201},
	})
	about := func(ref string) string { return `{"resourceType":"Basic","subject":{"reference":"` + ref + `"}}` }
	body := bundleOf("transaction",
		entryOf("urn:uuid:11111111-1111-4111-8111-111111111111", "PUT", "Patient?identifier=http://h|1", person("", "1")),
		entryOf("", "POST", "Basic", about("urn:uuid:11111111-1111-4111-8111-111111111111")),
		entryOf("", "DELETE", "Patient?identifier=http://h|2", ""),
		entryOf("", "DELETE", "Patient/c", ""),
		entryOf("", "POST", "Patient", person("", "3"), `"ifNoneExist":"identifier=http://h|3"`),
		entryOf("", "DELETE", "Patient?identifier=http://h|9", ""),
		entryOf("", "POST", "Patient", person("", "2"), `"ifNoneExist":"identifier=http://h|2"`))
	w := g.send(&exchange{do: "POST /", body: body})
	var b struct {
		Entry []struct {
			Response struct{ Status, Location, Etag string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || len(b.Entry) != 7 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for i, want := range []string{"200 OK Patient/a/_history/2", "201 Created Basic/", "204 No Content ", "204 No Content ", "201 Created Patient/", "204 No Content ", "201 Created Patient/"} {
		r := b.Entry[i].Response
		if !strings.HasPrefix(r.Status+" "+r.Location, want) {
			t.Errorf("entry %d: %+v, want %s", i, r, want)
		}
	}
	if got := g.served(t, "Basic"); !strings.Contains(got, `"Patient/a"`) {
		t.Error(got)
	}
	g.run(t, []exchange{{do: "GET /Patient/b", status: 410}, {do: "GET /Patient/c", status: 410}, {do: "GET /Patient/a", status: 200, has: []string{`"versionId":"2"`}}})
}

// TestConditionalReferencesInATransaction refers to what the transaction itself makes, or makes otherwise than it was.
func TestConditionalReferencesInATransaction(t *testing.T) {
	about := func(ref string) string { return `{"resourceType":"Basic","subject":{"reference":"` + ref + `"}}` }
	basic := entryOf("", "POST", "Basic", about("Patient?identifier=http://h|7"))
	for name, c := range map[string]struct {
		entries []string
		status  int
		want    string
	}{
		"created":                       {[]string{basic, entryOf("", "POST", "Patient", person("", "7"))}, 200, `"reference":"Patient/`},
		"created under an id":           {[]string{basic, entryOf("", "PUT", "Patient/seven", person("seven", "7"))}, 200, `"reference":"Patient/seven"`},
		"updated to match":              {[]string{entryOf("", "PUT", "Patient/a", person("a", "7")), basic}, 200, `"reference":"Patient/a"`},
		"updated not to match any more": {[]string{entryOf("", "PUT", "Patient/a", person("a", "7")), entryOf("", "POST", "Basic", about("Patient?identifier=http://h|1"))}, 422, "matches no resource"},
		"created twice":                 {[]string{basic, entryOf("", "POST", "Patient", person("", "7")), entryOf("", "POST", "Patient", person("", "7"))}, 412, "multiple-matches"},
		"created beside one":            {[]string{entryOf("", "POST", "Basic", about("Patient?identifier=http://h|1")), entryOf("", "POST", "Patient", person("", "1"))}, 412, "multiple-matches"},
		"made by its own condition":     {[]string{basic, entryOf("", "POST", "Patient", person("", "7"), `"ifNoneExist":"identifier=http://h|7"`)}, 200, `"reference":"Patient/`},
	} {
		g := newGate(t, Limits{})
		g.run(t, []exchange{{do: "PUT /Patient/a", body: person("a", "1"), status: 201}})
		w := g.send(&exchange{do: "POST /", body: bundleOf("transaction", c.entries...)})
		got := w.Body.String()
		if w.Code == 200 {
			got = g.served(t, "Basic")
		}
		if w.Code != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, c.status, got)
		}
	}
}

// TestConditionalWritesAtOnce lets many write on one condition: one creates, all others update, and no version is lost.
func TestConditionalWritesAtOnce(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() {
			if w := g.send(&exchange{do: "PUT /Patient?identifier=http://h|1", body: person("", "1")}); w.Code >= 300 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	wait.Wait()
	var b struct {
		Total int
		Entry []struct {
			Resource struct{ Meta struct{ VersionID string } }
		}
	}
	if err := json.Unmarshal(g.get(t, "/Patient?identifier=http://h|1", "", 200), &b); err != nil || b.Total != 1 || b.Entry[0].Resource.Meta.VersionID != "40" {
		t.Errorf("%+v %v", b, err)
	}
}
