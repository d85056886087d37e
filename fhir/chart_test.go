package fhir

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/record"
)

func TestChartsAndCompartments(t *testing.T) {
	for body, want := range map[string]string{
		`{"resourceType":"Patient"}`: "Patient/new general",
		observation:                  "Patient/p1 general", // a code without a system is nobody\'s
		`{"resourceType":"Observation","subject":{"reference":"Group/1"},"performer":[{"reference":"Practitioner/1"},{"reference":"http://b/fhir/Patient/2"}]}`: "Patient/2 general",
		`{"resourceType":"Coverage","payor":[{"reference":"Patient/1"}],"beneficiary":{"reference":"Patient/2/_history/4"}}`:                                    "Patient/2 general",
		`{"resourceType":"Appointment","participant":[{"actor":{"reference":"Practitioner/1"}},{"actor":{"reference":"Patient/3"}}]}`:                           "Patient/3 general",
		`{"resourceType":"Group","member":[{"entity":{"reference":"Patient/3"}}]}`:                                                                              " general",
		document("document", "urn:uuid:1", "Patient/4"):                                                                                                         "Patient/4 general",
		document("document", "http://b/fhir/Composition/1", "Patient/4"):                                                                                        "Patient/4 general",
		document("document", "urn:uuid:1", "http://b/fhir/Patient/4"):                                                                                           "Patient/4 general",
		document("document", "http://other/fhir/Composition/1", "Patient/4"):                                                                                    " general", // somebody else there
		document("document", "http://other/fhir/Composition/1", "http://b/fhir/Patient/4"):                                                                      "Patient/4 general",
		document("document", "urn:uuid:1", "urn:uuid:2"):                                                                                                        " general",
		document("document", "urn:uuid:1", "Group/4"):                                                                                                           " general",
		document("collection", "urn:uuid:1", "Patient/4"):                                                                                                       " general",
		`{"resourceType":"Organization"}`:                                                                                                                       " general",
		`{"resourceType":"Task","for":{"reference":"Patient/4"}}`:                                                                                               "Patient/4 general",
		`{"resourceType":"MedicationRequest","subject":{"reference":"Patient/4"}}`:                                                                              "Patient/4 medications",
		`{"resourceType":"ImagingStudy","subject":{"reference":"Patient/4"}}`:                                                                                   "Patient/4 imaging",
		`{"resourceType":"MolecularSequence","patient":{"reference":"Patient/4"}}`:                                                                              "Patient/4 genomic",
		`{"resourceType":"DiagnosticReport","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"RAD"}]}],"subject":{"reference":"http://elsewhere/Patient/4"}}`:               " imaging",
		`{"resourceType":"Observation","category":[{"text":"x"},{"coding":[{"system":"http://ward.example","code":"CT"},{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"GE"}]}]}`:                " genomic",
		`{"resourceType":"Observation","category":[{"coding":[{"system":"http://ward.example","code":"CT"},{"code":"GE"},{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"LAB"}]}]}`: " general",
		`{"resourceType":"Observation","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"laboratory"}]}]}`:                                                                  " general",
		labelled(`"resourceType":"Condition"`, act("PSY")):                                                                                                                        " mental",
		labelled(`"resourceType":"Observation",`+labs, act("HIV")):                                                                                                                " sexual",
		labelled(`"resourceType":"MedicationRequest"`, act("ETHUD")):                                                                                                              " mental",
		labelled(`"resourceType":"FamilyMemberHistory"`, act("GDIS")):                                                                                                             " genomic",
		labelled(`"resourceType":"Observation",`+labs, act("GDIS"), act("STD"), act("MH")):                                                                                        " mental", // whatever their order
		labelled(`"resourceType":"Observation",`+labs, act("GDIS"), act("STD")):                                                                                                   " sexual",
		labelled(`"resourceType":"Observation",`+labs, `{"system":"http://ward.example","code":"MH"}`, `{"code":"MH"}`):                                                           " labs",
		labelled(`"resourceType":"Observation",`+labs, `{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}`, act("NOAUTH")):                         " labs",
		`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient"}},{"resource":` + labelled(`"resourceType":"Condition"`, act("SEX")) + `}]}`: " sexual",
	} {
		q := &request{body: parsed(t, body)}
		r, p := newGate(t, Limits{}).inspect(q.body, nil)
		if p != nil {
			t.Fatal(p)
		}
		change, err := newGate(t, Limits{}).changeOf(&request{}, r, record.OpCreate, "new", &resolver{base: "http://b/fhir"}, "")
		if got := change.Chart + " " + change.Compartment.String(); err != nil || got != want {
			t.Errorf("%.60s: %q, want %q, %v", body, got, want, err)
		}
	}
}

const labs = `"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}]`

// labelled is a resource with security labels.
func labelled(members string, labels ...string) string {
	return `{` + members + `,"meta":{"security":[` + strings.Join(labels, ",") + `]}}`
}

func act(code string) string {
	return `{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"` + code + `"}`
}

// document is a Bundle that begins with a Composition.
func document(typ, fullURL, subject string) string {
	return `{"resourceType":"Bundle","type":"` + typ + `","entry":[{"fullUrl":"` + fullURL + `","resource":{"resourceType":"Composition","status":"final",
		"type":{"text":"x"},"date":"2026","author":[{"display":"x"}],"title":"x","subject":{"reference":"` + subject + `"}}}]}`
}

func TestNewIDsAscend(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	a, b := newID(at), newID(at.Add(time.Millisecond))
	if a >= b || !isID(a) || len(a) != 36 || a[14] != '7' {
		t.Errorf("%s, %s", a, b)
	}
}

// TestChartsAreNamedByTheServersOwnBase: behind a proxy, what the client calls the server is the proxy's name for it, or a lie.
func TestChartsAreNamedByTheServersOwnBase(t *testing.T) {
	about := func(id, patient string) string {
		return `{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"text":"x"},"subject":{"reference":"` + patient + `"}}`
	}
	for _, c := range []struct{ base, host, patient, chart, location string }{
		{"https://records.example/fhir", "127.0.0.1:8080", "https://records.example/fhir/Patient/1", "Patient/1", "https://records.example/fhir/Observation"},
		{"https://records.example/fhir", "127.0.0.1:8080", "Patient/1", "Patient/1", "https://records.example/fhir/Observation"},
		{"https://records.example/fhir", "evil.example", "http://evil.example/fhir/Patient/1", "", "https://records.example/fhir/Observation"},
		{"", "evil.example", "http://evil.example/fhir/Patient/1", "", "http://evil.example/fhir/Observation"},
		{"", "evil.example", "Patient/1", "Patient/1", "http://evil.example/fhir/Observation"},
	} {
		m := newMemory()
		s := New(Config{Store: m, Auth: tokens{}, Prefix: "/fhir", Base: c.base})
		send := func(method, path, body string) string {
			r := httptest.NewRequest(method, "http://"+c.host+"/fhir"+path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer dr.amal")
			r.Header.Set("Content-Type", "application/fhir+json")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code >= 300 {
				t.Fatalf("%+v: %d %s", c, w.Code, w.Body)
			}
			return w.Header().Get("Location") + w.Body.String()
		}
		for body, path := range map[string]string{
			about("o1", c.patient): "/Observation/o1",
			`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + about("o2", c.patient) + `,"request":{"method":"PUT","url":"Observation/o2"}}]}`: "",
		} {
			method := http.MethodPut
			if path == "" {
				method = http.MethodPost
			}
			send(method, path, body)
			if last := m.entries[len(m.entries)-1]; last.Entry.Chart != c.chart {
				t.Errorf("%+v %s: sealed in chart %q", c, path, last.Entry.Chart)
			}
		}
		if found := send(http.MethodGet, "/Observation?_count=1", ""); !strings.Contains(found, `"relation":"next","url":"`+c.location) {
			t.Errorf("%+v: %s", c, found)
		}
		audit := "/AuditEvent"
		if c.chart != "" {
			audit += "?patient=" + c.chart
		}
		events := send(http.MethodGet, audit, "")
		if strings.Contains(events, `"address":"evil.example"`) || c.base != "" && c.chart != "" && !strings.Contains(events, `"address":"records.example"`) {
			t.Errorf("%+v: %s", c, events)
		}
	}
}
