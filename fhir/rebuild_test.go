package fhir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
)

// TestASearchThatMayMissSomethingSaysSo, with matches and without, and as a warning.
func TestASearchThatMayMissSomethingSaysSo(t *testing.T) {
	g := newGate(t, Limits{})
	g.send(&exchange{do: "PUT /Patient/p1", body: patient})
	g.send(&exchange{do: "PUT /Observation/o1", body: observation})
	for _, missing := range []bool{false, true} {
		g.store.missing = missing
		for _, path := range []string{"/Observation?patient=p1", "/Observation?patient=p2", "/Observation?patient=p1&_summary=count"} {
			body := g.get(t, path, "", http.StatusOK)
			if got := strings.Contains(string(body), `"severity":"warning","code":"incomplete"`); got != missing {
				t.Errorf("%s: said %v, want %v: %s", path, got, missing, body)
			}
		}
	}
}

// TestTermsFollowTheRules pins the terms of some resources that go through each way of making them, and that a new parameter changes the rules.
func TestTermsFollowTheRules(t *testing.T) {
	h := sha256.New()
	for _, body := range []string{
		patient, observation,
		`{"resourceType":"Encounter","id":"e","status":"finished","class":{"system":"s","code":"AMB"},"subject":{"reference":"Patient/p1"},"period":{"start":"2020-01-01","end":"2020-02"}}`,
		`{"resourceType":"Condition","id":"c","code":{"coding":[{"system":"s","code":"c"},{"code":"d"}],"text":"t"},"subject":{"reference":"http://h.example/fhir/Patient/p1"},"onsetDateTime":"2020-03-04T05:06:07Z","recordedDate":"2021"}`,
		`{"resourceType":"Practitioner","id":"d","name":[{"family":"F","given":["G"]}],"identifier":[{"value":"7"}]}`,
	} {
		terms, err := termsOf(parameters(), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%+v\n", terms)
	}
	const want = "6e432600436b836f"
	if got := hex.EncodeToString(h.Sum(nil)[:8]); got != want {
		t.Errorf("the terms are %s, want %s: raise \"making\" as well, so that every index is made anew", got, want)
	}
	before := TermsRules(parameters())
	if !bytes.Equal(before, TermsRules(parameters())) {
		t.Fatal("the rules differ from themselves")
	}
	own := &definition.SearchParameter{URL: "http://h.example/new", Code: "new", Base: []string{"Observation"}, Type: "token", Expression: "Observation.status"}
	if bytes.Equal(parameters().Rules(), search.New(definition.Base(), own).Rules()) {
		t.Error("a new parameter does not change the rules")
	}
}
