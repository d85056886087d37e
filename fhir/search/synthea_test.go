package search

import (
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// syntheaPatterns are the bundles of which counts are known.
var syntheaPatterns = []string{"data/fhir/synthea/smart-2019/0-*.json.gz", "data/fhir/synthea/smart-2019/[AB]*.json.gz"}

// syntheaCounts are how many resources of these bundles match, counted in their JSON by a program in another language that knows no search.
var syntheaCounts = []struct {
	search string
	count  int
}{
	{"Observation?code=http://loinc.org|8302-2", 57},
	{"Observation?code=8302-2,29463-7", 114},
	{"Observation?code:not=8302-2", 762},
	{"Observation?category=vital-signs", 279},
	{"Observation?status=final&category=laboratory", 475},
	{"Observation?combo-code=8480-6", 57},
	{"Observation?component-code=8480-6", 57},
	{"Observation?date=2010", 10},
	{"Encounter?date=2010", 3},
	{"Observation?date=ge2010-06", 700},
	{"Encounter?date=ge2010-06", 101},
	{"Observation?date=lt2005-01-01", 54},
	{"Encounter?date=lt2005-01-01", 21},
	{"Observation?date=ne2012", 717},
	{"Encounter?date=ne2012", 129},
	{"Observation?date=sa2015", 349},
	{"Encounter?date=sa2015", 59},
	{"Observation?date=eb2000-01-01T00:00:00Z", 0},
	{"Encounter?date=eb2000-01-01T00:00:00Z", 11},
	{"Observation?date=ge2010&date=lt2012", 58},
	{"Observation?value-quantity=gt100", 162},
	{"Observation?value-quantity=ge1|http://unitsofmeasure.org|m&code=8302-2", 40},
	{"Observation?value-quantity=lt50||kg", 28},
	{"Observation?value-quantity=lt20000|http://unitsofmeasure.org|g", 32},
	{"Observation?code-value-quantity=8302-2$gt180", 9},
	{"Observation?component-code-value-quantity=http://loinc.org|8480-6$gt120", 30},
	{"Observation?combo-value-quantity=gt140", 92},
	{"Observation?value-concept:missing=false", 59},
	{"Observation?value-quantity:missing=true", 116},
	{"Observation?value-string:missing=true", 760},
	{"Observation?code:text=body", 161},
	{"Patient?gender=female", 3},
	{"Patient?gender=http://hl7.org/fhir/administrative-gender|male", 3},
	{"Patient?gender:not=male", 3},
	{"Patient?family=W", 1},
	{"Patient?name=a", 5},
	{"Patient?given:contains=LE", 1},
	{"Patient?family:exact=Welch", 1},
	{"Patient?birthdate=lt1960", 2},
	{"Patient?address-city=B", 1},
	{"Patient?death-date:missing=false", 2},
	{"Patient?deceased=true", 2},
	{"Patient?identifier=http://hl7.org/fhir/sid/us-ssn|", 6},
	{"Patient?identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|SS|999-93-4328", 1},
	{"Observation?subject=Patient/829bb06a-42b9-433d-a8f6-560727c63da9", 44},
	{"Encounter?patient=829bb06a-42b9-433d-a8f6-560727c63da9", 10},
	{"Condition?patient:Patient=829bb06a-42b9-433d-a8f6-560727c63da9", 7},
	{"Observation?patient.gender=female&code=8302-2", 35},
	{"Condition?subject:Patient.birthdate=lt1960", 12},
	{"Condition?encounter.class=EMER", 9},
	{"Observation?encounter.service-provider.name=n", 223},
	{"Patient?_has:Condition:patient:code=444814009", 4},
	{"Patient?_has:Encounter:patient:_has:Condition:encounter:code=444814009", 4},
	{"Patient?_id=829bb06a-42b9-433d-a8f6-560727c63da9,0c2a34a4-d948-4917-98b8-f44a77e459d8", 2},
	{"Organization?name:contains=hosp", 49},
	{"Claim?use=claim", 186},
	{"Claim?created=2010", 4},
	{"Condition?onset-date=ge2000", 25},
	{"Condition?clinical-status=active", 20},
	{"Condition?abatement-date:missing=true", 20},
	{"Procedure?date=lt2010", 10},
	{"Condition?_content=sinusitis", 8},
}

func TestSyntheaCounts(t *testing.T) {
	p := New(definition.Base())
	all := loadSynthea(t, p)
	for _, test := range syntheaCounts {
		typ, raw, _ := strings.Cut(test.search, "?")
		s, err := parse(p, typ, strings.ReplaceAll(raw, "|", "%7C"))
		if err != nil {
			t.Errorf("%s: %v", test.search, err)
			continue
		}
		if got := len(term.Find(&s.Queries[0], all)); got != test.count {
			t.Errorf("%s finds %d, not %d", test.search, got, test.count)
		}
	}
}

// loadSynthea gives the resources of the bundles with their terms, references resolved as a transaction does that keeps their ids.
func loadSynthea(t testing.TB, p *Parameters) (all []term.Resource) {
	names := map[string]string{}
	for pass := range 2 {
		for _, pattern := range syntheaPatterns {
			for _, name := range shared.Files(pattern) {
				b, err := shared.Read(name)
				if err != nil {
					t.Fatal(err)
				}
				var doc tape.Tape
				if err := doc.Parse(b, bundleLimits); err != nil {
					t.Fatal(err)
				}
				for e := doc.Root().Get("entry").First(); e.Exists(); e = e.Next() {
					r := e.Get("resource")
					typ, id := r.Get("resourceType").Text(), r.Get("id").Text()
					if pass == 0 {
						names[e.Get("fullUrl").Text()] = typ + "/" + id
						continue
					}
					resolved := map[int]string{}
					resolve(r, names, resolved)
					all = append(all, term.Resource{Type: typ, ID: id, Updated: time.Now().UnixMilli(), Terms: p.Of(typ).Terms(nil, r, resolved)})
				}
			}
		}
	}
	if len(all) == 0 {
		t.Skip("the shared data are not there")
	}
	return all
}

func resolve(v tape.Value, names map[string]string, resolved map[int]string) {
	if v.Named("reference") {
		if to, ok := names[v.Text()]; ok {
			resolved[v.Start()] = to
		}
	}
	for m := v.First(); m.Exists(); m = m.Next() {
		resolve(m, names, resolved)
	}
}
