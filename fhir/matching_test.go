package fhir

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/record"
)

// matched asks who may be somebody and gives "id grade" of each, the most likely first, and the request.
func (g *gate) matched(t *testing.T, a record.Access, body string) (list []string, request string) {
	t.Helper()
	w := g.ask(a, "POST /Patient/$match", body)
	if w.Code != 200 {
		t.Fatalf("%d %.300s", w.Code, w.Body)
	}
	var b struct {
		Entry []struct {
			Resource struct{ ResourceType, ID string }
			Search   struct {
				Mode      string
				Score     float64
				Extension []struct{ URL, ValueCode string }
			}
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	score := 1.0
	for _, e := range b.Entry {
		if e.Search.Mode == "outcome" {
			list = append(list, "outcome")
			continue
		}
		if e.Search.Score > score || e.Search.Score <= 0 {
			t.Errorf("%s has the score %v after %v", e.Resource.ID, e.Search.Score, score)
		}
		score = e.Search.Score
		if len(e.Search.Extension) != 1 || e.Search.Extension[0].URL != "http://hl7.org/fhir/StructureDefinition/match-grade" {
			t.Errorf("%s has no grade", e.Resource.ID)
		}
		list = append(list, e.Resource.ID+" "+e.Search.Extension[0].ValueCode)
	}
	return list, w.Header().Get("X-Request-Id")
}

func TestMatch(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	put := func(id, rest string) {
		t.Helper()
		if w := g.send(&exchange{do: "PUT /Patient/" + id, body: `{"resourceType":"Patient","id":"` + id + `",` + rest + `}`}); w.Code >= 300 {
			t.Fatal(id, w.Code, w.Body)
		}
	}
	put("text", `"name":[{"text":"محمد بن عبدالله بن أحمد العتيبي"}],"birthDate":"1980-03-12","gender":"male"`)
	put("brother", `"name":[{"given":["خالد","عبد الله","أحمد"],"family":"العتيبي"}],"birthDate":"1982-07-01","gender":"male","telecom":[{"system":"phone","value":"+966 50 123 4567"}]`)
	put("latin", `"name":[{"given":["Fatimah"],"family":"Al-Harbi"}],"birthDate":"1990-11-05","gender":"female","identifier":[{"system":"urn:id","value":"10"}]`)
	put("else", `"name":[{"given":["Fatimah"],"family":"Smith"}],"birthDate":"1960-01-01","gender":"female"`)
	clinician := record.Access{Actor: "dr", Role: "clinician", Purpose: "TREAT"}
	parameters := func(resource string, more ...string) string {
		return `{"resourceType":"Parameters","parameter":[` + strings.Join(append([]string{`{"name":"resource","resource":{"resourceType":"Patient",` + resource + `}}`}, more...), ",") + `]}`
	}
	const certainly, mohammed = `{"name":"onlyCertainMatches","valueBoolean":true}`, `"name":[{"given":["Mohammed","Abdullah","Ahmad"],"family":"Alotaibi"}],"gender":"male",`
	for body, want := range map[string][]string{
		parameters(mohammed + `"birthDate":"1980-03-12"`):                                                                                  {"text certain"},
		parameters(mohammed+`"birthDate":"1980-12-03"`, certainly):                                                                         nil,
		parameters(mohammed + `"birthDate":"١٩٨٠-١٢-٠٣"`):                                                                                  {"text probable"},
		parameters(mohammed + `"birthDate":"1980-03-13"`):                                                                                  {"text probable"},
		parameters(`"name":[{"text":"العتيبي محمد"}],"birthDate":"1980-03-12"`):                                                            {"text probable"},
		parameters(`"name":[{"text":"خالد العتيبى"}],"telecom":[{"value":"0501234567"}]`):                                                  {"brother possible"},
		parameters(`"name":[{"text":"فاطمه الحربي"}],"birthDate":"1990-11-05","identifier":[{"system":"urn:id","value":"10"}]`, certainly): {"latin certain"},
		parameters(`"name":[{"text":"سلطان"}],"birthDate":"1990-11-05"`):                                                                   nil,
		`{"resourceType":"Patient","name":[{"given":["Fatima"],"family":"Alharbi"}],"birthDate":"1990-11-05"}`:                             {"latin probable"},
	} {
		got, request := g.matched(t, clinician, body)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
		var left []string
		for _, one := range want {
			id, _, _ := strings.Cut(one, " ")
			left = append(left, "Patient/"+id+": search search-type <POST Patient/$match> Patient/"+id+"/_history/1")
		}
		if left == nil {
			left = []string{": search search-type <POST Patient/$match — 0 resources of 0 charts>"}
		}
		if diff := cmp.Diff(left, g.entriesOf(t, request)); diff != "" {
			t.Errorf("%s left %s", body, diff)
		}
	}
	// Who may see one chart alone is told of nobody else.
	other := record.Access{Actor: "Patient/else", Role: "patient", Purpose: "PATRQT", Chart: "Patient/else"}
	if got, _ := g.matched(t, other, parameters(mohammed+`"birthDate":"1980-03-12"`)); got != nil {
		t.Errorf("another's patient: %q", got)
	}
	for body, status := range map[string]int{
		"": 400, "{}": 400, `{"resourceType":"Observation"}`: 400, parameters(`"birthDate":"1980-01-01"`): 400, parameters(mohammed+`"active":true`, `{"name":"x","valueString":"y"}`): 400,
		`{"resourceType":"Parameters","parameter":[{"name":"count","valueInteger":3}]}`: 400, parameters(mohammed+`"active":true`, `{"name":"count","valueInteger":-1}`): 400,
	} {
		if w := g.send(&exchange{do: "POST /Patient/$match", body: body}); w.Code != status {
			t.Errorf("%s: %d, want %d: %.200s", body, w.Code, status, w.Body)
		}
	}
	if w := g.ask(record.Access{Actor: "aud", Role: "auditor", Purpose: "HCOMPL"}, "POST /Patient/$match", parameters(mohammed+`"active":true`)); w.Code != 403 {
		t.Errorf("an auditor: %d", w.Code)
	}
	g.refusesDuplicates(t, `{"resourceType":"Patient",`+mohammed+`"birthDate":"1980-03-12"}`)
	if got, _ := g.matched(t, clinician, parameters(mohammed+`"birthDate":"1980-03-12"`, certainly)); !slices.Equal(got, []string{"outcome"}) {
		t.Errorf("two who are certain: %q", got)
	}
	if got, _ := g.matched(t, clinician, parameters(mohammed+`"birthDate":"1980-03-12"`, `{"name":"count","valueInteger":1}`)); len(got) != 2 || got[1] != "outcome" {
		t.Errorf("one of two: %q", got)
	}
}

// refusesDuplicates creates somebody who is known.
func (g *gate) refusesDuplicates(t *testing.T, body string) {
	t.Helper()
	w := g.send(&exchange{do: "POST /Patient", body: body, header: []string{"Prefer: duplicates=refuse"}})
	want := []string{"Patient/text: search create <POST Patient> Patient/text/_history/1", ": create 409 <POST Patient — duplicate>"}
	if got := g.entriesOf(t, w.Header().Get("X-Request-Id")); w.Code != 409 || len(got) != 2 || !strings.HasPrefix(got[0], "Patient/text: search") || !strings.HasPrefix(got[1], ": create 409") {
		t.Errorf("%d %s, and left %q, want %q", w.Code, w.Body, got, want)
	}
	stranger := strings.Replace(body, "1980-03-12", "1985-03-12", 1)
	for _, one := range []string{stranger, body} {
		e := exchange{do: "POST /Patient", body: one}
		if one == stranger {
			e.header = []string{"Prefer: duplicates=refuse"}
		}
		if w := g.send(&e); w.Code != 201 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// BenchmarkMatch asks who somebody is, whose names are the most frequent ones, among thousands in the record itself.
func BenchmarkMatch(b *testing.B) {
	g, stop := realGate(b, b.TempDir(), true)
	defer stop()
	given, family := []string{"محمد", "أحمد", "علي", "عبدالله", "خالد", "Mohammed", "Ahmed", "Ali"}, []string{"العتيبي", "الحربي", "القحطاني", "Alotaibi", "Alharbi", "Smith"}
	const people = 20_000
	for n := 0; n < people; {
		var list []string
		for range 1000 {
			list = append(list, fmt.Sprintf(`{"resource":{"resourceType":"Patient","name":[{"given":["%s","%s"],"family":"%s"}],"gender":"male","birthDate":"%d-%02d-%02d"},"request":{"method":"POST","url":"Patient"}}`,
				given[n%8], given[n/8%8], family[n/64%6], 1940+n%83, 1+n%12, 1+n%28))
			n++
		}
		if w := g.send(&exchange{do: "POST ", body: `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(list, ",") + `]}`}); w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		w := g.send(&exchange{do: "POST /Patient/$match", body: `{"resourceType":"Patient","name":[{"text":"محمد بن أحمد العتيبي"}],"gender":"male","birthDate":"1980-03-12"}`})
		if w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.ReportMetric(people, "patients")
}
