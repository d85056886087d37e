package fhir

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// idsOf goes through all pages of a search and gives "Type/id" of what it found, included resources after a plus sign.
func (g *gate) idsOf(t *testing.T, path string) (list []string) {
	t.Helper()
	for path != "" {
		var b struct {
			Link  []struct{ Relation, URL string }
			Entry []struct {
				Resource struct{ ResourceType, ID string }
				Search   struct{ Mode string }
			}
		}
		if err := json.Unmarshal(g.get(t, path, "", 200), &b); err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Entry {
			mark := ""
			if e.Search.Mode == "include" {
				mark = "+"
			}
			list = append(list, mark+e.Resource.ResourceType+"/"+e.Resource.ID)
		}
		path = ""
		for _, l := range b.Link {
			if l.Relation == "next" {
				u, err := url.Parse(l.URL)
				if err != nil {
					t.Fatal(err)
				}
				path = strings.TrimPrefix(u.RequestURI(), "/fhir")
			}
		}
	}
	return list
}

func TestEverything(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	put := func(ref, rest string) {
		t.Helper()
		typ, id, _ := strings.Cut(ref, "/")
		if w := g.send(&exchange{do: "PUT /" + ref, body: `{"resourceType":"` + typ + `","id":"` + id + `",` + rest + `}`}); w.Code >= 300 {
			t.Fatal(ref, w.Code, w.Body)
		}
	}
	observed := func(of, code, date string) string {
		return `"status":"final","code":{"coding":[{"system":"http://l","code":"` + code + `"}]},"subject":{"reference":"Patient/` + of + `"},"effectiveDateTime":"` + date + `"`
	}
	put("Organization/org", `"name":"H"`)
	put("Patient/a", `"active":true,"managingOrganization":{"reference":"Organization/org"}`)
	put("Patient/b", `"active":true`)
	put("Encounter/e1", `"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/a"}`)
	for i := range 5 {
		put(fmt.Sprintf("Observation/a%d", i), observed("a", fmt.Sprint(i%2), fmt.Sprintf("2024-01-0%d", i+1)))
	}
	put("Observation/b0", observed("b", "0", "2024-01-09"))
	put("Condition/c1", `"code":{"text":"x"},"subject":{"reference":"Patient/a"},"encounter":{"reference":"Encounter/e1"}`)

	all := []string{"+Organization/org", "Condition/c1", "Encounter/e1", "Observation/a0", "Observation/a1", "Observation/a2", "Observation/a3", "Observation/a4", "Patient/a"}
	for path, want := range map[string][]string{
		"/Patient/a/$everything":                                           all,
		"/Patient/a/$everything?_count=2":                                  append([]string{"+Patient/a"}, all...),
		"/Patient/a/$everything?_count=1&_type=Observation&end=2024-01-02": {"Observation/a0", "Observation/a1", "+Patient/a"},
		"/Patient/a/$everything?_type=Condition,Patient":                   {"+Organization/org", "Condition/c1", "Patient/a", "+Encounter/e1"},
		"/Patient/a/$everything?_type=Observation&start=2024-01-03":        {"Observation/a2", "Observation/a3", "Observation/a4", "+Patient/a"},
		"/Patient/a/$everything?_type=Observation&end=2024-01-02":          {"Observation/a0", "Observation/a1", "+Patient/a"},
		"/Patient/a/$everything?_since=2199-01-01T00:00:00Z":               nil,
		"/Patient/b/$everything":                                           {"Observation/b0", "Patient/b"},
		"/Encounter/e1/$everything":                                        {"Condition/c1", "Encounter/e1", "+Patient/a"},
		"/Observation/$lastn?patient=a":                                    {"Observation/a4", "Observation/a3"},
		"/Observation/$lastn?subject=Patient/a&max=2&code=http://l%7C0":    {"Observation/a4", "Observation/a2"},
		"/Observation/$lastn?patient=nobody":                               nil,
	} {
		got := g.idsOf(t, path)
		if !strings.Contains(path, "lastn") {
			slices.Sort(got)
			got = slices.Compact(got) // what is included may come with several pages
		}
		want = slices.Clone(want)
		if !strings.Contains(path, "lastn") {
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for path, status := range map[string]int{
		"/Patient/nobody/$everything": 404, "/Observation/a0/$everything": 404, "/Patient/a/$everything?x=1": 400, "/Patient/a/$everything?start=x": 400,
		"/Observation/$lastn": 400, "/Observation/$lastn?patient=a&max=0": 400, "/Patient/$lastn?patient=a": 404,
	} {
		g.get(t, path, "", status)
	}
	w := g.send(&exchange{do: "GET /Patient/a/$everything"})
	if left := g.entriesOf(t, w.Header().Get("X-Request-Id")); len(left) == 0 || len(left) > 4 {
		t.Errorf("it left %q", left)
	}
}
