package fhir

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/record"
)

// historyBundle is what a test reads of a history.
type historyBundle struct {
	Type  string
	Total *int
	Link  []struct{ Relation, URL string }
	Entry []struct {
		FullURL  string
		Resource *struct{ ResourceType, ID string }
		Request  struct{ Method, URL string }
		Response struct{ Status, Etag, LastModified string }
	}
}

func (b *historyBundle) next() string {
	for _, l := range b.Link {
		if l.Relation == "next" {
			_, path, _ := strings.Cut(l.URL, "/fhir")
			return path
		}
	}
	return ""
}

// lines tells a history's entries as "METHOD Type/id etag".
func (b *historyBundle) lines() (list []string) {
	for _, e := range b.Entry {
		parts := strings.Split(e.FullURL, "/")
		list = append(list, e.Request.Method+" "+strings.Join(parts[len(parts)-2:], "/")+" "+strings.Trim(strings.TrimPrefix(e.Response.Etag, "W/"), `"`))
	}
	return list
}

func (g *gate) historyOf(t *testing.T, path string) *historyBundle {
	t.Helper()
	b := new(historyBundle)
	if err := json.Unmarshal(g.get(t, path, "", http.StatusOK), b); err != nil || b.Type != "history" {
		t.Fatal(path, err)
	}
	for _, e := range b.Entry {
		if (e.Request.Method == "DELETE") != (e.Resource == nil) || e.Response.LastModified == "" || e.Response.Status == "" || e.Request.URL == "" {
			t.Errorf("%s: %+v", path, e)
		}
	}
	return b
}

// TestHistories asks for all versions of a resource, of a type and of everything, over the record itself.
func TestHistories(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	observed := func(of string) string {
		return `{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/` + of + `"}}`
	}
	for _, do := range [][2]string{
		{"PUT /Patient/a", person("a", "1")}, {"PUT /Patient/b", person("b", "2")}, {"PUT /Observation/o1", observed("a")}, {"PUT /Patient/a", person("a", "3")},
		{"DELETE /Patient/b", ""}, {"PUT /Observation/o1", observed("a")}, {"PUT /Basic/x", `{"resourceType":"Basic","id":"x","code":{"text":"x"}}`},
	} {
		if w := g.send(&exchange{do: do[0], body: do[1]}); w.Code >= 300 {
			t.Fatal(do, w.Code, w.Body)
		}
		time.Sleep(2 * time.Millisecond) // times are told apart by milliseconds
	}
	all := []string{"POST Basic/x 1", "PUT Observation/o1 2", "DELETE Patient/b 2", "PUT Patient/a 2", "POST Observation/o1 1", "POST Patient/b 1", "POST Patient/a 1"}
	only := func(prefix string) (list []string) {
		for _, line := range all {
			if strings.Contains(line, " "+prefix) {
				list = append(list, line)
			}
		}
		return list
	}
	for path, want := range map[string][]string{
		"/_history": all, "/Patient/_history": only("Patient/"), "/Observation/_history": only("Observation/"), "/Device/_history": nil,
		"/Patient/b/_history": only("Patient/b"), "/_history?_since=2100-01-01T00:00:00Z": nil, "/_history?_since=2020-01-01T00:00:00Z": all,
		"/_history?_at=2020": nil, "/Patient/_history?_at=2100": {"DELETE Patient/b 2", "PUT Patient/a 2"}, "/Patient/b/_history?_at=2100": {"DELETE Patient/b 2"},
		"/Patient/a/_history?_since=2100-01-01T00:00:00Z": nil,
	} {
		b := g.historyOf(t, path)
		if got := b.lines(); !slices.Equal(got, want) || b.Total == nil || *b.Total != len(want) {
			t.Errorf("%s: %q, want %q (%v)", path, got, want, b.Total)
		}
		if self := b.Link[0]; self.Relation != "self" || !strings.Contains(self.URL, strings.Split(path, "?")[0]) {
			t.Errorf("%s: %+v", path, self)
		}
	}
	g.pagesOfHistory(t, all)
	g.sinceAMoment(t)
	for path, status := range map[string]int{
		"/_history?_since=yesterday": 400, "/_history?_at=x": 400, "/_history?_sort=_lastUpdated": 400, "/Patient/_history?_cursor=7~7~ab": 400, "/AuditEvent/_history": 404,
		"/Parameters/_history": 404, "/Nothing/_history": 404,
	} {
		g.get(t, path, "", status)
	}
	if w := g.send(&exchange{do: "DELETE /Patient/_history"}); w.Code != 404 {
		t.Error(w.Code, w.Body)
	}
	// Each chart that is shown has one entry, which names all that was shown of it, and the organisation's own says how much it was.
	w := g.send(&exchange{do: "GET /_history"})
	got := g.entriesOf(t, w.Header().Get("X-Request-Id"))
	if text := strings.Join(got, "\n"); len(got) != 3 || !strings.Contains(text, "history-system") || !strings.Contains(text, "Patient/a/_history/1") || !strings.Contains(text, "Basic/x/_history/1") {
		t.Errorf("entries %q", got)
	}
	// Who may know one chart is shown that one.
	limited := record.Access{Actor: "Patient/a", Role: "patient", Purpose: "PATRQT", Chart: "Patient/a"}
	if got := g.ask(limited, "GET /_history", "").Body.String(); strings.Contains(got, "Patient/b") || !strings.Contains(got, `"total":4`) {
		t.Errorf("a patient is shown %s", got)
	}
	if w := g.ask(record.Access{Actor: "x", Role: "administrator", Purpose: "HSYSADMIN"}, "GET /Patient/_history", ""); w.Code != 403 {
		t.Error(w.Code)
	}
	batch := g.send(&exchange{do: "POST /", body: bundleOf("batch", entryOf("", "GET", "_history", ""), entryOf("", "GET", "Patient/_history?_count=1", ""))})
	if n := strings.Count(batch.Body.String(), `"type":"history"`); n != 2 {
		t.Errorf("%d histories in a batch: %s", n, batch.Body)
	}
}

// pagesOfHistory goes through a history page by page while others write: what was there is shown once.
func (g *gate) pagesOfHistory(t *testing.T, all []string) {
	t.Helper()
	var got []string
	for path, n := "/_history?_count=2", 0; path != ""; n++ {
		b := g.historyOf(t, path)
		if len(b.Entry) > 2 || b.Total == nil || *b.Total != len(all) {
			t.Fatalf("%s: %d entries, total %v", path, len(b.Entry), b.Total)
		}
		got, path = append(got, b.lines()...), b.next()
		if w := g.send(&exchange{do: fmt.Sprintf("PUT /Basic/later%d", n), body: fmt.Sprintf(`{"resourceType":"Basic","id":"later%d","code":{"text":"x"}}`, n)}); w.Code != 201 {
			t.Fatal(w.Code)
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("page by page %q, want %q", got, all)
	}
}

// sinceAMoment asks for what came after one version, and for what was there then.
func (g *gate) sinceAMoment(t *testing.T) {
	t.Helper()
	moment := ""
	for _, e := range g.historyOf(t, "/Observation/_history").Entry {
		if strings.Contains(e.Response.Etag, "1") {
			moment = e.Response.LastModified
		}
	}
	for path, want := range map[string]string{
		"/Patient/_history?_at=" + moment: "POST Patient/b 1,POST Patient/a 1", "/Observation/o1/_history?_at=" + moment: "POST Observation/o1 1",
		"/Patient/_history?_since=" + moment: "DELETE Patient/b 2,PUT Patient/a 2",
	} {
		if got := strings.Join(g.historyOf(t, path).lines(), ","); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
