package fhirpath

import (
	"errors"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

var seeds = []string{
	"name.given", "Patient.name.where(use = 'official').given.first()", "Observation.value as Quantity", "%resource.descendants().count() > 3",
	"(1 | 2.50 | 'x' | @2012-04-15T10:00:00.5+02:00 | @T10:30 | 4 'mg' | 2 weeks | {})", "-1.abs() + 3 mod 2 div 1 * 4 / 0",
	"iif($this.exists(), $index, $total)", "repeat(children())", "(1|2|3).aggregate($this + $total, 0)", "'a\\u0041\\n'.replaceMatches('(a+)', '$1')",
	"birthDate + 1 month < today()", "name.sort(-family, given.first())", "defineVariable('x', name).select(%x.given | %`x`.family)", "`div`.`mod`[0]",
	"Patient.deceased is boolean and active implies true xor false or {} in (1 | 2) contains 2", "a !~ b and c != d // e", "/* f */ contained.where(id = 'x').resolve() is Patient",
	"1.587.lowBoundary(6) ~ @2014.highBoundary(6)", "'x'.encode('base64').decode('base64').escape('html').toChars().join(',')", "type().name & 'x'", "extension(%`ext-x`).value.ofType(Quantity)",
	"2.power(10).log(2).sqrt().ln().exp().round(2)", "text.`div`.htmlChecks()", "'4 \\'mg\\''.toQuantity('g') = 4 'mg'", "conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')",
}

// FuzzCompile holds the parser to its promise: an error that says where, or an expression; strict compilation accepts no more.
func FuzzCompile(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	patient := definition.TypeOf("Patient")
	f.Fuzz(func(t *testing.T, expression string) {
		_, err := Compile(expression, Of(patient))
		var failure *Error
		if err != nil && (!errors.As(err, &failure) || failure.Offset < 0 || failure.Offset > len(expression) || failure.Reason == "") {
			t.Fatalf("%#v", err)
		}
		if _, strict := Compile(expression, Of(patient), Strict()); strict == nil && err != nil {
			t.Fatalf("strict accepts what is otherwise refused: %v", err)
		}
	})
}

const fuzzed = `{"resourceType":"Patient","id":"a","active":true,"birthDate":"1974-12-25","_birthDate":{"extension":[{"url":"x","valueDateTime":"1974-12-25T14:35:45-05:00"}]},
	"name":[{"use":"official","family":"Chalmers","given":["Peter",null],"_given":[null,{"id":"g"}]},{"given":["Jim"]}],"multipleBirthInteger":2,
	"contained":[{"resourceType":"Observation","id":"x","valueQuantity":{"value":1.50,"system":"http://unitsofmeasure.org","code":"mg"}}]}`

// FuzzEvaluate evaluates any expression on any document: it ends within its limits, without a panic, with the same result each time.
func FuzzEvaluate(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, []byte(fuzzed))
	}
	f.Fuzz(func(t *testing.T, expression string, document []byte) {
		var parsed tape.Tape
		if parsed.Parse(document, tape.Limits{}) != nil {
			return
		}
		kind := definition.TypeOfBytes(parsed.Root().Get("resourceType").Bytes())
		e, err := Compile(expression, Of(kind))
		if err != nil {
			return
		}
		run := Run{Environment: Environment{Limits: Limits{Steps: 20000, Items: 5000, Bytes: 10000}}}
		items, err := e.Evaluate(&run, Node(parsed.Root()))
		for _, it := range items {
			if len(it.Text()) > 1<<20 {
				t.Fatal("a result is larger than its limit")
			}
		}
		if err != nil && !errors.As(err, new(*Error)) {
			t.Fatalf("%#v", err)
		}
		if run.stack[0].node != parsed.Root() {
			t.Fatal("the focus was changed")
		}
		count := len(items)
		again, err2 := e.Evaluate(&run, Node(parsed.Root()))
		if len(again) != count || (err == nil) != (err2 == nil) {
			t.Fatal("two evaluations differ")
		}
	})
}
