package term

import (
	"math"
	"slices"
	"testing"
)

func TestHolds(t *testing.T) {
	mrn := Term{Kind: Token, System: "urn:mrn", Code: "7", Of: "v2|MR"}
	to := Term{Kind: Reference, Value: "Patient/1/_history/2", System: "urn:mrn", Code: "7"}
	away := Term{Kind: Reference, Value: "https://else.where/Patient/1"}
	year := Term{Kind: Date, Lo: 100, Hi: 199}
	name := Term{Kind: String, Value: "Ibn Sīnā", Folded: "ibn sina"}
	dose := Term{Kind: Quantity, Low: 5, High: 5, System: "ucum", Code: "mg", Unit: "milligram", Canonical: &Canonical{0.005, 0.005, "g"}}
	url := Term{Kind: URI, Value: "http://acme.org/fhir/ValueSet/123"}
	pair := Term{Kind: Composite, Parts: []Term{{Kind: Token, System: "loinc", Code: "8480-6"}, {Kind: Number, Low: 120, High: 120}}}
	text := Term{Kind: Text, Folded: "essential hypertension of an adult"}
	for i, tc := range []struct {
		term Term
		test Test
		want bool
	}{
		{mrn, Test{System: "urn:mrn", Code: "7"}, true},
		{mrn, Test{Code: "7"}, false},
		{Term{Kind: Token, Code: "7"}, Test{Code: "7"}, true},
		{mrn, Test{Form: AnySystem, Code: "7"}, true},
		{mrn, Test{Form: AnyCode, System: "urn:mrn"}, true},
		{mrn, Test{Form: OfType, Of: "v2|MR", Code: "7"}, true},
		{mrn, Test{Form: OfType, Of: "v2|SS", Code: "7"}, false},
		{mrn, Test{Form: Begins}, false},
		{to, Test{Value: "Patient/1"}, true},
		{to, Test{Value: "Patient/1/_history/2"}, true},
		{to, Test{Value: "Patient/1/_history/1"}, false},
		{to, Test{Form: IDOnly, Value: "1"}, true},
		{away, Test{Form: IDOnly, Value: "1"}, false},
		{away, Test{Value: "https://else.where/Patient/1"}, true},
		{to, Test{Form: Identifier, System: "urn:mrn", Code: "7"}, true},
		{away, Test{Form: Identifier}, false},
		{year, Test{Prefix: Equal, Lo: 100, Hi: 199}, true},
		{year, Test{Prefix: Equal, Lo: 101, Hi: 300}, false},
		{year, Test{Prefix: NotEqual, Lo: 101, Hi: 300}, true},
		{year, Test{Prefix: Greater, Lo: 150, Hi: 150}, true},
		{year, Test{Prefix: Less, Lo: 150, Hi: 150}, true},
		{year, Test{Prefix: GreaterOrEqual, Lo: 100, Hi: 199}, true},
		{year, Test{Prefix: LessOrEqual, Lo: 99, Hi: 99}, false},
		{year, Test{Prefix: StartsAfter, Lo: 0, Hi: 99}, true},
		{year, Test{Prefix: EndsBefore, Lo: 199, Hi: 299}, false},
		{year, Test{Prefix: Approximate, Lo: 199, Hi: 299}, true},
		{Term{Kind: Date, Lo: Past, Hi: Future}, Test{Prefix: Greater, Lo: 1, Hi: 1}, true},
		{name, Test{Value: "Ibn Sīnā"}, true},
		{name, Test{Value: "ibn sina"}, false},
		{name, Test{Form: Begins, Folded: "ibn s"}, true},
		{name, Test{Form: Contains, Folded: "sina"}, true},
		{dose, Test{Low: 4.5, High: 5.5}, true},
		{dose, Test{Low: 4.5, High: 5.5, System: "ucum", Code: "mg"}, true},
		{dose, Test{Form: AnySystem, Low: 4.5, High: 5.5, Code: "milligram"}, true},
		{dose, Test{Low: 0.0045, High: 0.0055, System: "ucum", Code: "g"}, false},
		{dose, Test{Low: 0.0045, High: 0.0055, System: "ucum", Code: "g", Canonical: &Canonical{0.0045, 0.0055, "g"}}, true},
		{dose, Test{Prefix: Greater, Low: 5, High: 5, System: "ucum", Code: "kg", Canonical: &Canonical{5000, 5000, "g"}}, false},
		{url, Test{Form: Below, Value: "http://acme.org/fhir/"}, true},
		{url, Test{Form: Below, Value: "http://acme.org/fhir"}, true},
		{url, Test{Form: Below, Value: "http://acme.org/fh"}, false},
		{url, Test{Form: Above, Value: "http://acme.org/fhir/ValueSet/123/_history/5"}, true},
		{url, Test{Form: Above, Value: "http://acme.org/fhir/ValueSet/1234"}, false},
		{pair, Test{Parts: []Test{{Form: AnySystem, Code: "8480-6"}, {Prefix: Greater, Low: 110, High: 110}}}, true},
		{pair, Test{Parts: []Test{{Form: AnySystem, Code: "8480-6"}, {Prefix: Less, Low: 110, High: 110}}}, false},
		{pair, Test{Parts: []Test{{Form: AnySystem, Code: "8480-6"}}}, false},
		{text, Test{Form: Begins, Folded: "hyper adult"}, true},
		{text, Test{Form: Begins, Folded: "hypertensive"}, true}, // agrees in ten characters
		{text, Test{Form: Begins, Folded: "hyper of adults"}, false},
		{text, Test{Form: Begins, Folded: "es"}, false},
		{text, Test{Form: Begins, Folded: ""}, false},
		{Term{Kind: Missing}, Test{Form: Absent}, true},
	} {
		if got := tc.test.Holds(&tc.term); got != tc.want {
			t.Errorf("%d: %+v of %+v: %v", i, tc.test, tc.term, got)
		}
	}
}

func TestFind(t *testing.T) {
	all := []Resource{
		{Type: "Patient", ID: "1", Terms: []Term{{Param: "name", Kind: String, Folded: "sina"}}},
		{Type: "Patient", ID: "2", Terms: []Term{{Param: "name", Kind: String, Folded: "rushd"}, {Param: "name", Kind: String, Folded: "zuhr"}}},
		{Type: "Observation", ID: "a", Terms: []Term{{Param: "subject", Kind: Reference, Value: "Patient/1"}, {Param: "code", Kind: Token, Code: "x"}}},
		{Type: "Observation", ID: "b", Terms: []Term{{Param: "subject", Kind: Reference, Value: "Patient/2/_history/1"}}},
		{Type: "Patient", ID: "3"},
	}
	name := func(s string) Clause {
		return Clause{Param: "name", Kind: String, Any: []Test{{Form: Begins, Folded: s}}}
	}
	for i, tc := range []struct {
		q    Query
		want []int
	}{
		{Query{Type: "Patient"}, []int{0, 1, 4}},
		{Query{Type: "Patient", Sort: []Sort{{Param: "name", Kind: String}}}, []int{1, 0, 4}},
		{Query{Type: "Patient", Sort: []Sort{{Param: "name", Kind: String, Descending: true}}}, []int{1, 0, 4}},
		{Query{Type: "Patient", All: []Clause{{Param: "name", Kind: String, Not: true, Any: []Test{{Form: Begins, Folded: "sina"}}}}}, []int{1, 4}},
		{Query{Type: "Observation", All: []Clause{{Param: "subject", Kind: Reference, Chain: []Query{{Type: "Patient", All: []Clause{name("rush")}}}}}}, []int{3}},
		{Query{Type: "Patient", All: []Clause{{Has: &Has{Param: "subject", Query: Query{Type: "Observation", All: []Clause{{Param: "code", Kind: Token, Any: []Test{{Code: "x"}}}}}}}}}, []int{0}},
		{Query{Type: "Patient", All: []Clause{{Not: true, Has: &Has{Param: "subject", Query: Query{Type: "Observation"}}}}}, []int{4}},
		{Query{Type: "Patient", All: []Clause{{Param: ParamID, Kind: Token, Any: []Test{{Code: "2"}, {Code: "9"}}}}}, []int{1}},
	} {
		if got := Find(&tc.q, all); !slices.Equal(got, tc.want) {
			t.Errorf("%d: %v, want %v", i, got, tc.want)
		}
	}
}

func TestOrder(t *testing.T) {
	floats := []float64{math.Inf(-1), -math.MaxFloat64, -1, -1e-300, 0, 1e-300, 0.5, 1, 2, math.MaxFloat64, math.Inf(1)}
	for i := 1; i < len(floats); i++ {
		if OrderedFloat(floats[i-1]) >= OrderedFloat(floats[i]) {
			t.Errorf("%v is not before %v", floats[i-1], floats[i])
		}
	}
	if OrderedFloat(0) != OrderedFloat(math.Copysign(0, -1)) {
		t.Error("there are two zeros")
	}
	for _, n := range []int64{Past, -5, 0, 7} {
		if Ordered(n) >= Ordered(n+1) {
			t.Errorf("%d is not before %d", n, n+1)
		}
	}
}
