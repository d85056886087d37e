package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/index/term"
)

var testNow = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func parse(p *Parameters, typ, raw string) (*Search, error) {
	pairs, err := Pairs(raw)
	if err != nil {
		return nil, err
	}
	var types []string
	if typ != "" {
		types = []string{typ}
	}
	return p.Parse(types, pairs, Options{Base: "http://here/fhir", Now: testNow, Terminology: lexicon{}})
}

// lexicon is a terminology of a few words.
type lexicon struct{}

func (lexicon) Members(valueSet string, limit int) ([]Code, error) {
	if valueSet != "http://set" {
		return nil, errors.New("the value set is not known")
	}
	return []Code{{"s", "a"}, {"s", "b"}}, nil
}

func (lexicon) Below(code Code, limit int) ([]Code, error) {
	return []Code{code, {code.System, code.Code + ".1"}}, nil
}

func (lexicon) Above(code Code, limit int) ([]Code, error) { return []Code{code}, nil }

func TestParse(t *testing.T) {
	p := New(definition.Base())
	tests := []struct{ typ, raw, want string }{
		{"Observation", "code=a", "code{code a}"},
		{"Observation", "code=s|a,|b,t|", "code{token s|a, token |b, system t}"},
		{"Observation", `code=s\|x|a\,b`, "code{token s|x|a,b}"},
		{"Observation", "status=|final", "status{code final}"},
		{"Observation", "code:not=a", "not code{code a}"},
		{"Observation", "_id:not=a,b&_count=1&_count=1", "not _id{code a, code b}"},
		{"Observation", "code:text=Blood%20Press", "code:text{begins blood press}"},
		{"Observation", "code:in=http://set", "code{token s|a, token s|b}"},
		{"Observation", "code:not-in=http://set", "not code{token s|a, token s|b}"},
		{"Observation", "code:below=s|a", "code{token s|a, token s|a.1}"},
		{"Observation", "code:above=s|a", "code{token s|a}"},
		{"Observation", "code:missing=true", "code:missing{absent}"},
		{"Observation", "code:missing=false", "not code:missing{absent}"},
		{"Patient", "identifier:of-type=s|MR|12", "identifier{of s|MR 12}"},
		{"Patient", "name=M%C3%BCller", "name{begins muller}"},
		{"Patient", "name:exact=M%C3%BCller", "name{exact Müller}"},
		{"Patient", "name:contains=lle", "name{contains lle}"},
		{"Patient", "_content=fever+cough", "_content:text{begins fever cough}"},
		{"ValueSet", "url:below=http://a/", "url{below http://a/}"},
		{"ValueSet", "url:above=http://a/b", "url{above http://a/b}"},
		{"ValueSet", "url=http://a", "url{exact http://a}"},
		{"Observation", "patient=1", "patient{exact Patient/1, exact http://here/fhir/Patient/1}"},
		{"Observation", "patient=http://here/fhir/Patient/1", "patient{exact Patient/1, exact http://here/fhir/Patient/1}"},
		{"Observation", "subject=http://there/Patient/1", "subject{exact http://there/Patient/1}"},
		{"Observation", "subject:Group=1", "subject{exact Group/1, exact http://here/fhir/Group/1}"},
		{"Observation", "subject:identifier=s|1", "subject{identifier s|1}"},
		{"Basic", "subject=1", "subject{id 1}"},
		{"CarePlan", "instantiates-canonical=http://a|1", "instantiates-canonical{exact http://a|1}"},
		{"Observation", "date=2020", "date{eq 2020-01-01T00:00:00.000..2020-12-31T23:59:59.999}"},
		{"Observation", "date=ge2020-05-01T10:00:00+03:00", "date{ge 2020-05-01T07:00:00.000..2020-05-01T07:00:00.999}"},
		{"Observation", "date=ap2025-12-22", "date{ap 2025-12-21T00:00:00.000..2025-12-23T23:59:59.999}"},
		{"RiskAssessment", "probability=100", "probability{eq 99.5..<100.5}"},
		{"RiskAssessment", "probability=5.40e-3", "probability{eq 0.005395..<0.005405}"},
		{"RiskAssessment", "probability=gt0.8", "probability{gt 0.8..0.8}"},
		{"RiskAssessment", "probability=ap-10", "probability{ap -11..-9}"},
		{"Observation", "value-quantity=lt5.4|http://unitsofmeasure.org|mg", "value-quantity{lt 5.4..5.4 http://unitsofmeasure.org|mg = 0.0054..0.0054 g}"},
		{"Observation", "value-quantity=5.4||mg", "value-quantity{eq 5.35..<5.45 any |mg}"},
		{"Observation", "value-quantity=5.4", "value-quantity{eq 5.35..<5.45 |}"},
		{"Observation", "code-value-quantity=s|a$gt5", "code-value-quantity{(token s|a, gt 5..5 |)}"},
		{"Observation", "_id=a,b", "_id{code a, code b}"},
		{"Observation", "_lastUpdated=2020-01-01", "_lastUpdated{eq 2020-01-01T00:00:00.000..2020-01-01T23:59:59.999}"},
		{"Observation", "subject:Patient.name=x", "subject->[Patient name{begins x}]"},
		{"Observation", "patient.organization.name=x", "patient->[Patient organization->[Organization name{begins x}]]"},
		{"Observation", "subject.name=x", "subject->[Patient name{begins x}; Location name{begins x}]"},
		{"Patient", "_has:Observation:patient:code=a", "<-Observation.patient[code{code a}]"},
		{"Patient", "_has:Observation:patient:_has:Provenance:target:agent=1", "<-Observation.patient[<-Provenance.target[agent{id 1, exact http://here/fhir/Practitioner/1, exact http://here/fhir/Organization/1, exact http://here/fhir/Device/1, exact http://here/fhir/Patient/1, exact http://here/fhir/PractitionerRole/1, exact http://here/fhir/RelatedPerson/1}]]"},
		{"Observation", "patient._has:Group:member:_id=g", "patient->[Patient <-Group.member[_id{code g}]]"},
		{"Patient", "_list=7", "<-List.item[_id{code 7}]"},
		{"Observation", "code=a&code=b", "code{code a} code{code b}"},
	}
	for _, test := range tests {
		s, err := parse(p, test.typ, test.raw)
		if err != nil {
			t.Errorf("%s?%s: %v", test.typ, test.raw, err)
			continue
		}
		if got := sayAll(s.Queries[0].All); sorted(got) != sorted(test.want) {
			t.Errorf("%s?%s\ngot  %s\nwant %s", test.typ, test.raw, got, test.want)
		}
	}
}

// sorted makes texts equal that differ in the order of the targets of a chain.
func sorted(s string) string {
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("[];,{} ", r) })
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func sayAll(list []term.Clause) string {
	var all []string
	for i := range list {
		all = append(all, sayClause(&list[i]))
	}
	return strings.Join(all, " ")
}

func sayClause(c *term.Clause) string {
	switch {
	case c.Chain != nil:
		var to []string
		for _, q := range c.Chain {
			to = append(to, q.Type+" "+sayAll(q.All))
		}
		return c.Param + "->[" + strings.Join(to, "; ") + "]"
	case c.Has != nil:
		return "<-" + c.Has.Query.Type + "." + c.Has.Param + "[" + sayAll(c.Has.Query.All) + "]"
	}
	var tests []string
	for i := range c.Any {
		tests = append(tests, sayTest(c.Kind, &c.Any[i]))
	}
	s := strings.Join(append([]string{c.Param}, c.Or...), "|")
	if c.Not {
		s = "not " + s
	}
	switch c.Kind {
	case term.Text:
		s += ":text"
	case term.Missing:
		s += ":missing"
	}
	return s + "{" + strings.Join(tests, ", ") + "}"
}

func sayTest(kind term.Kind, q *term.Test) string {
	if q.Parts != nil {
		var parts []string
		for i := range q.Parts {
			part := &q.Parts[i]
			of := term.Token
			if part.Low != 0 || part.High != 0 {
				of = term.Quantity
			}
			parts = append(parts, sayTest(of, part))
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	switch kind {
	case term.Date:
		return string(q.Prefix) + " " + instant(q.Lo) + ".." + instant(q.Hi)
	case term.Number, term.Quantity:
		high := fmt.Sprintf("%g", q.High)
		if len(high) > 12 {
			high = "<" + fmt.Sprintf("%.10g", q.High)
		}
		s := fmt.Sprintf("%s %g..%s", q.Prefix, q.Low, high)
		if kind == term.Number {
			return s
		}
		if q.Form == term.AnySystem {
			s += " any"
		}
		if s += " " + q.System + "|" + q.Code; q.Canonical != nil {
			s += fmt.Sprintf(" = %g..%g %s", q.Canonical.Low, q.Canonical.High, q.Canonical.Unit)
		}
		return s
	}
	switch q.Form {
	case term.AnySystem:
		return "code " + q.Code
	case term.AnyCode:
		return "system " + q.System
	case term.Begins:
		return "begins " + q.Folded
	case term.Contains:
		return "contains " + q.Folded
	case term.Above:
		return "above " + q.Value
	case term.Below:
		return "below " + q.Value
	case term.Identifier:
		return "identifier " + q.System + "|" + q.Code
	case term.OfType:
		return "of " + q.Of + " " + q.Code
	case term.IDOnly:
		return "id " + q.Value
	case term.Absent:
		return "absent"
	}
	if kind == term.Token {
		return "token " + q.System + "|" + q.Code
	}
	return "exact " + q.Value
}

func TestRefused(t *testing.T) {
	p := New(definition.Base())
	tests := []struct{ typ, raw, code, names string }{
		{"Patient", "colour=blue", "not-supported", "colour"},
		{"Patient", "name:fuzzy=x", "not-supported", "fuzzy"},
		{"Patient", "birthdate:exact=2020", "not-supported", "exact"},
		{"Patient", "birthdate=soon", "value", "birthdate"},
		{"Patient", "birthdate=xx2020", "value", "birthdate"},
		{"Patient", "name=", "value", "name"},
		{"Patient", "name=a,", "value", "name"},
		{"Patient", "active:missing=perhaps", "value", "active:missing"},
		{"Patient", "identifier=|", "value", "identifier"},
		{"Patient", "identifier:of-type=a|b", "value", "identifier:of-type"},
		{"Patient", "_id=a b", "value", "_id"},
		{"Patient", "organization=a/b", "value", "organization"},
		{"Patient", "name.given=x", "value", "name"},
		{"Basic", "subject.name=x", "value", "subject"},
		{"Patient", "organization.colour=x", "not-supported", "colour"},
		{"Patient", "_has:Observation:patient=x", "value", "_has"},
		{"Patient", "_has:Observation:colour:code=x", "not-supported", "colour"},
		{"Patient", "_has:Observation:encounter:code=x", "value", "encounter"},
		{"Patient", "_has:Nothing:patient:code=x", "not-supported", "Nothing"},
		{"Observation", "value-quantity=5.4|mg", "value", "value-quantity"},
		{"Observation", "value-quantity=many", "value", "value-quantity"},
		{"Observation", "value-quantity=1e999", "value", "value-quantity"},
		{"Observation", "code-value-quantity=a", "value", "code-value-quantity"},
		{"Observation", "code-value-quantity=a$b$c", "value", "code-value-quantity"},
		{"Observation", "code:in=http://other", "not-supported", "code:in"},
		{"Patient", "_sort=colour", "not-supported", "colour"},
		{"Patient", "_count=-1", "value", "_count"},
		{"Patient", "_total=perhaps", "value", "_total"},
		{"Patient", "_summary=short", "value", "_summary"},
		{"Patient", "_elements=colour", "value", "colour"},
		{"Patient", "_include=Patient", "value", "_include"},
		{"Patient", "_include=Patient:name", "not-supported", "name"},
		{"Patient", "_revinclude=*", "not-supported", "_revinclude"},
		{"Patient", "_contained=true", "not-supported", "_contained"},
		{"Patient", "_filter=name+eq+x", "not-supported", "_filter"},
		{"Patient", "_list=$current-problems", "not-supported", "functional"},
		{"Patient", "_summary=text&_include=Patient:organization", "value", "_summary"},
		{"Location", "near=1|2", "not-supported", "near"},
		{"Patient", "name=a;b", "value", "malformed"},
		{"Patient", "name=%zz", "value", "malformed"},
		{"Patient", "name=" + strings.Repeat("a,", MaxValues) + "a", "too-costly", "name"},
		{"Patient", strings.Repeat("name=a&", MaxParams+1), "too-costly", "parameters"},
		{"Patient", strings.Repeat("link.", MaxDepth+1) + "_id=a", "too-costly", "references"},
		{"Patient", "name=%FF", "value", "UTF-8"},
		{"Patient", "_sort=name&_sort=birthdate", "value", "_sort"},
		{"Patient", "_count=1&_count=2", "value", "_count"},
		{"Patient", "_format=json&_format=xml", "value", "_format"},
		{"Patient", "_id:not=a b", "value", "_id"},
		{"Patient", "_id:text=a", "not-supported", ":text"},
		{"", "name=x&_type=Patient,Colour", "not-supported", "Colour"},
		{"", "_sort=_id&_type=Patient,Group", "not-supported", "several types"},
		{"", "name=x", "not-supported", "name"},
	}
	for _, test := range tests {
		_, err := parse(p, test.typ, test.raw)
		var e *Error
		if !errors.As(err, &e) || e.Code != test.code || !strings.Contains(e.Text, test.names) {
			t.Errorf("%s?%.60s: %v, not %s naming %q", test.typ, test.raw, err, test.code, test.names)
		}
	}
}

func TestResultParameters(t *testing.T) {
	s, err := parse(New(definition.Base()), "Observation", "code=a,b&_count=5&_sort=-date,code&_total=accurate&_elements=code,value&_include=Observation:subject:Patient&_include:iterate=Patient:*&_revinclude=Provenance:target&_cursor=c&_format=json")
	if err != nil {
		t.Fatal(err)
	}
	r := s.Result
	if r.Count != 5 || r.Cursor != "c" || r.Total != "accurate" || !slices.Equal(r.Elements, []string{"code", "value"}) {
		t.Errorf("%+v", r)
	}
	want := []Include{{Type: "Observation", Param: "subject", Target: "Patient"}, {Type: "Patient", Iterate: true}, {Type: "Provenance", Param: "target", Reverse: true}}
	if !slices.Equal(r.Include, want) {
		t.Errorf("%+v", r.Include)
	}
	if got := s.Queries[0].Sort; len(got) != 2 || got[0] != (term.Sort{Param: "date", Kind: term.Date, Descending: true}) || got[1].Param != "code" {
		t.Errorf("%+v", got)
	}
	if len(s.Applied) != 9 || !s.Partly || !s.Shaped {
		t.Errorf("%d applied, partly %t, shaped %t", len(s.Applied), s.Partly, s.Shaped)
	}
}

func TestLenient(t *testing.T) {
	p := New(definition.Base())
	s, err := p.Parse([]string{"Patient"}, []Pair{{"colour", "blue"}, {"name", "x"}}, Options{Lenient: true})
	if err != nil || !slices.Equal(s.Ignored, []string{"colour"}) || len(s.Applied) != 1 || len(s.Queries[0].All) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, pair := range []Pair{{"name:fuzzy", "x"}, {"birthdate", "x"}, {"_filter", "x"}} { // these would be answered wrongly
		if _, err := p.Parse([]string{"Patient"}, []Pair{pair}, Options{Lenient: true}); err == nil {
			t.Errorf("%s is passed over", pair.Name)
		}
	}
}

func TestCompartments(t *testing.T) {
	p := New(definition.Base())
	s, err := p.Parse([]string{"Observation"}, []Pair{{"code", "a"}}, Options{Compartment: &Compartment{"Patient", "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sayAll(s.Queries[0].All), "subject|performer{exact Patient/1} code{code a}"; got != want {
		t.Errorf("got %s", got)
	}
	s, err = p.Parse(nil, nil, Options{Compartment: &Compartment{"Patient", "1"}})
	if err != nil || len(s.Queries) < 60 {
		t.Errorf("%d types, %v", len(s.Queries), err)
	}
	if _, err := p.Parse([]string{"Medication"}, nil, Options{Compartment: &Compartment{"Patient", "1"}}); err == nil {
		t.Error("Medication is in no compartment of a patient")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"Observation?code=s|a,b&date=ge2020&subject:Patient.name=x", "Patient?_has:Observation:patient:code=a&name:exact=%C3%BC",
		"Observation?code-value-quantity=a$gt5|u|c&_sort=-date", `Patient?name=a\,b\$\|\\`, "?_type=Patient&_id=1", "Patient?_include:iterate=*&_list=3",
		"Observation?value-quantity=5.4e-3||mg&_elements=code", "ValueSet?url:below=http://a&_total=none",
	} {
		f.Add(seed)
	}
	p := New(definition.Base())
	f.Fuzz(func(t *testing.T, s string) {
		typ, raw, _ := strings.Cut(s, "?")
		if p.Of(typ) == nil {
			typ = ""
		}
		search, err := parse(p, typ, raw)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code == "" || e.Text == "" {
				t.Fatalf("the error says nothing: %v", err)
			}
			return
		}
		for _, q := range search.Queries {
			if p.Of(q.Type) == nil {
				t.Fatal("a query of no type")
			}
			term.Find(&q, nil)
		}
	})
}
