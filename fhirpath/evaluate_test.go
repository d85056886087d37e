package fhirpath

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

const sample = `{"resourceType":"Patient","id":"p1","active":true,"birthDate":"1974-12-25","_birthDate":{"id":"b","extension":[
		{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1974-12-25T14:35:45-05:00"}]},
	"_gender":{"extension":[{"url":"http://example.org/why","valueCode":"unknown"}]},
	"name":[{"use":"official","family":"Chalmers","given":["Peter",null,"James"],"_given":[null,{"id":"g1"}]},{"use":"usual","given":["Jim"]}],
	"deceasedBoolean":false,"multipleBirthInteger":2,
	"contained":[{"resourceType":"Practitioner","id":"c1","active":false,"modifierExtension":[{"url":"http://example.org/m","valueCode":"x"}]}],
	"generalPractitioner":[{"reference":"#c1"},{"reference":"Organization/9"},{"reference":"urn:uuid:1"},{"type":"PractitionerRole","display":"x"},
		{"reference":"https://example.org/fhir/Practitioner/3/_history/2"},{"reference":"Practitioner?identifier=1|2"}],
	"extension":[{"url":"q","valueQuantity":{"value":72.0,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}},
		{"url":"c","valueQuantity":{"value":1,"comparator":"<","system":"http://unitsofmeasure.org","code":"kg"}},
		{"url":"o","valueQuantity":{"value":2,"unit":"boxes"}},{"url":"y","valueAge":{"value":1,"unit":"a","system":"http://unitsofmeasure.org","code":"a"}}]}`

func parsed(t testing.TB, src string) tape.Value {
	var document tape.Tape
	if err := document.Parse([]byte(src), tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	return document.Root()
}

// texts evaluates an expression and shows the result: texts, nodes with elements as JSON.
func texts(t testing.TB, run *Run, expression string, focus Item, options ...Option) []string {
	e, err := Compile(expression, options...)
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	items, err := e.Evaluate(run, focus)
	if err != nil {
		return []string{"error: " + err.Error()}
	}
	out := []string{}
	for _, it := range items {
		if it.Value().Kind() == tape.Object {
			out = append(out, it.TypeName())
		} else {
			out = append(out, it.Text())
		}
	}
	return out
}

func TestEvaluate(t *testing.T) {
	root := parsed(t, sample)
	for _, c := range []struct {
		expression string
		want       string // results, separated by |
	}{
		{"name.given", "Peter||James|Jim"},
		{"name.given.where(hasValue())", "Peter|James|Jim"},
		{"name.given.id", "g1"},
		{"birthDate.id & birthDate.extension.count().toString()", "b1"},
		{"gender.exists() and gender.hasValue().not()", "true"},
		{"gender.extension('http://example.org/why').value", "unknown"},
		{"birthDate.extension(%`ext-patient-birthTime`).value.toTime()", ""},
		{"deceased", "false"},
		{"deceased is boolean", "true"},
		{"deceased is dateTime", "false"},
		{"multipleBirth.ofType(integer) + 1", "3"},
		{"Patient.name.first().family", "Chalmers"},
		{"Observation.value", ""},
		{"generalPractitioner.where(resolve() is Practitioner).count()", "3"},
		{"generalPractitioner.resolve().active", "false"},
		{"generalPractitioner.where(resolve() is Organization).reference", "Organization/9"},
		{"generalPractitioner.where(resolve() is PractitionerRole).display", "x"},
		{"contained.type().name", "Practitioner"},
		{"contained.active", "false"},
		{"extension('q').value > 71 'kg'", "true"},
		{"extension('q').value = 72000 'g'", "true"},
		{"extension('q').value", "Quantity"},
		{"extension('q').value.toQuantity('g').toString()", "72000 'g'"},
		{"extension('c').value > 0 'kg'", ""},
		{"extension('c').value = extension('c').value", "true"},
		{"extension('o').value > 1 'kg'", ""},
		{"extension('y').value = 1 year", "true"},
		{"extension('y').value is Quantity", "true"},
		{"birthDate + extension('y').value", "1975-12-25"},
		{"defineVariable('n', name.first()).select(%n.family)", "Chalmers"},
		{"name.select(defineVariable('u', use).given.select($this & %u))", "Peterofficial|official|Jamesofficial|Jimusual"},
		{"defineVariable('x', 1).select(%x) + defineVariable('x', 2).select(%x)", "3"},
		{"name.given.where($index = 2)", "James"},
		{"(1 | 2 | 3).aggregate($total + $this, 0) & ''", "error"},
		{"2147483647 + 1", ""},
		{"1.50 + 1.5", "3.00"},
		{"0.1 + 0.2 = 0.3", "true"},
		{"1 / 3", "0.3333333333333333"},
		{"(-7) div 2", "-3"},
		{"(-7) mod 2", "-1"},
		{"@2024-01-31 + 1 month", "2024-02-29"},
		{"@2024-02-29 - 1 year", "2023-02-28"},
		{"@2024 + 13 months", "2025"},
		{"@T23:30 + 45 minutes", "00:15"},
		{"@2012-04-15T23:30:00+02:00 + 1 hour", "2012-04-16T00:30:00+02:00"},
		{"@2012-04-15T10:00:00Z + 250 milliseconds", "2012-04-15T10:00:00.25Z"},
		{"@9999-12-31 + 1 day", ""},
		{"@2012-04-15 < @2012-04-15T10:00:00", ""},
		{"@2012-04 < @2012-05-01", "true"},
		{"'سجل'.length()", "3"},
		{"'سجل'.substring(1, 1)", "ج"},
		{"'abc'.indexOf('c')", "2"},
		{"'a,b'.split(',')", "a|b"},
		{"coalesce({}, 2, 3)", "2"},
		{"{}.sum()", "error"},
		{"name.given.first(1)", "error"},
		{"now() = now()", "true"},
		{"today().toString()", "2026-03-01"},
		{"timeOfDay().toString()", "12:30:15.250"},
		{"%nobody", "error"},
		{"%weight * 2", "144.0"},
		{"%context.id & %resource.id & %rootResource.id", "p1p1p1"},
		{"id.memberOf('http://example.org/vs')", "true"},
		{"id.memberOf('http://example.org/unknown')", ""},
		{"id.subsumes('p1') and id.subsumedBy('p2').not()", "true"},
		{"id.subsumes('unknown')", ""},
		{"checkModifiers('http://example.org/m').id", "p1"},
		{"contained.checkModifiers('http://example.org/m').id", "c1"},
		{"contained.checkModifiers('http://example.org/n').id", "error"},
		{"$this.ofType(Patient).id", "p1"},
		{"(1 'kg' + 500 'g').toString()", "1.5 'kg'"},
		{"(1 'kg' - 0.5 'kg').toString()", "0.5 'kg'"},
		{"(1 'kg' + 1 's').toString()", ""},
		{"(1 week + 2 days).toString()", "1.2857142857142857 weeks"},
		{"(2 'm' * 3).toString()", "6 'm'"},
		{"6 'm' / 2 's' = 3 'm/s'", "true"},
		{"1 'm' / 0 's'", ""},
		{"5 = 5 '1'", "true"},
		{"5 '1' > 4", "true"},
		{"1 'kg' = 1 's'", ""},
		{"1 'kg' ~ 1000 'g' and 1 'kg' !~ 1 's'", "true"},
		{"2 years = 24 months", "true"},
		{"1 year = 365 days", ""},
		{"-(4 'mg') = -4 'mg'", "true"},
		{"@2014 + 25 months", "2016"},
		{"@2014 + 400 days", "2015"},
		{"@2014-01 + 65 days", "2014-03"},
		{"@2014-01-01 + 50 hours", "2014-01-03"},
		{"@T10 + 90 minutes", "11"},
		{"@2012-04-15 + 1 'kg'", "error"},
		{"@T10:30 + 1 day", "error"},
		{"@T10:30:00.000 - 11 hours", "23:30:00.000"},
		{"(true | false).anyTrue() and (true | false).anyFalse() and (true | false).allTrue().not()", "true"},
		{"{}.allTrue() and {}.anyTrue().not()", "true"},
		{"active.getValue() is Boolean and multipleBirth.getValue() is Integer and birthDate.getValue() is Date and id.getValue() is String", "true"},
		{"gender.getValue()", ""},
		{"name.first() ~ name.first() and name.first() !~ name.last() and name.last() !~ name.first()", "true"},
		{"extension ~ extension.tail().combine(extension.first())", "true"},
		{"extension = extension.tail().combine(extension.first())", "false"},
		{"'a  B' ~ 'A\\tb'", "false"},
		{"'a B' ~ 'A\\tb'", "true"},
		{"id.matches(id) and 'x'.matches(%resource.id).not()", "true"},
		{"'ab'.matches('(' & 'a')", "error"},
		{"'a-b'.replaceMatches('(\\\\w)-(\\\\w)', '$2-$1')", "b-a"},
		{"1.union(2).union(1)", "1|2"},
		{"name[0].given[{}]", ""},
		{"name[7]", ""},
		{"'1e3'.toDecimal()", ""},
		{"'+5'.toInteger()", "5"},
		{"'2012-04-15T10:00:00Z'.toDate()", "2012-04-15"},
		{"@2012-04-15T10:00:00Z.toDate().is(Date)", "true"},
		{"'T10:30'.toTime()", "10:30"},
		{"'yes'.toBoolean() and 'F'.toBoolean().not()", "true"},
		{"'5 mg'.toQuantity()", ""},
		{"'5'.toQuantity('kg')", ""},
		{"8.log(3)", "1.89278926071437"},
		{"2.power(0.5)", "1.4142135623731"},
		{"4.sqrt()", "2.0"},
		{"'a'.sqrt()", "error"},
		{"(1.5).round()", "2"},
		{"(-1.5).truncate()", "-1"},
		{"(-1.5 'mg').abs().toString()", "1.5 'mg'"},
		{"conformsTo('http://example.org/known')", "true"},
		{"conformsTo('http://example.org/other')", "error"},
		{"'x' & 1", "error"},
		{"name.given.single()", "error"},
		{"iif(name.given, 1)", "error"},
		{"(1 | 'a') < 2", "error"},
		{"1 | 2 = 2", "false"},
		{"descendants().where($this is HumanName).count()", "2"},
		{"birthDate.children().count()", "2"},
		{"gender.children().url", "http://example.org/why"},
		{"as(DomainResource).id", "p1"},
		{"'a' in name.given", "false"},
		{"(name.given | name.family).count()", "5"},
		{"name.exists(given = 'Jim')", "true"},
		{"name.all(given.exists())", "true"},
		{"extension.value.ofType(Quantity).count()", "4"},
		{"extension.value.ofType(Age).count()", "1"},
		{"text.`div`.htmlChecks()", ""},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a&nbsp;b</p></div>'.htmlChecks()", "true"},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><script/></div>'.htmlChecks()", "false"},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\" onclick=\"x\"/>'.htmlChecks()", "false"},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"java&#10;script:x\">b</a></div>'.htmlChecks()", "false"},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"#x\"><img src=\"data:image/png;base64,\" alt=\"\"/></a></div>'.htmlChecks()", "true"},
		{"'<div xmlns=\"http://www.w3.org/1999/xhtml\"/><div/>'.htmlChecks()", "false"},
		{"'<p xmlns=\"http://www.w3.org/1999/xhtml\"/>'.htmlChecks()", "false"},
	} {
		weight, _ := parseDecimal("72.0")
		run := Run{Environment: Environment{
			Now:       time.Date(2026, 3, 1, 12, 30, 15, 250e6, time.UTC),
			Variables: map[string][]Item{"weight": {DecimalItem(weight)}},
			MemberOf: func(it Item, valueSet string) (is, known bool, err error) {
				return it.Text() == "p1", strings.HasSuffix(valueSet, "/vs"), nil
			},
			ConformsTo: func(_ Item, profile string) (does, known bool, err error) {
				return true, strings.HasSuffix(profile, "/known"), nil
			},
			Subsumes: func(general, special Item) (does, known bool, err error) {
				return general.Text() == special.Text(), special.Text() != "unknown", nil
			},
		}}
		for _, options := range [][]Option{nil, {Of(definition.TypeOf("Patient"))}} {
			got := strings.Join(texts(t, &run, c.expression, Node(root), options...), "|")
			if got != c.want && !(c.want == "error" && strings.HasPrefix(got, "error")) {
				t.Errorf("%s: %q, want %q (type known: %v)", c.expression, got, c.want, options != nil)
			}
		}
	}
}

func TestResolve(t *testing.T) {
	other := parsed(t, `{"resourceType":"Organization","name":"Clinic"}`)
	run := Run{Environment: Environment{Resolve: func(reference string) (Item, error) {
		switch reference {
		case "Organization/9":
			return Node(other), nil
		case "urn:uuid:1":
			return Item{}, errors.New("secret")
		}
		return Item{}, nil
	}}}
	root := parsed(t, sample)
	got := texts(t, &run, "generalPractitioner.where(reference.startsWith('Org')).resolve().name", Node(root))
	if !slices.Equal(got, []string{"Clinic"}) {
		t.Error(got)
	}
	_, err := MustCompile("generalPractitioner.resolve()").Evaluate(&run, Node(root))
	if err == nil || strings.Contains(err.Error(), "secret") || errors.Unwrap(err) == nil {
		t.Error(err)
	}
}

func TestResultsAreNodes(t *testing.T) {
	src := sample
	root := parsed(t, src)
	var run Run
	items, err := MustCompile("name.given | birthDate | 1").Evaluate(&run, Node(root))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range items {
		place := ""
		if v := it.Value(); v.Exists() {
			place = v.Path() + "=" + src[v.Start():v.End()]
		}
		got = append(got, fmt.Sprint(it.TypeName(), " ", place))
	}
	want := []string{`string Patient.name[0].given[0]="Peter"`, "string Patient.name[0].given[1]=null", `string Patient.name[0].given[2]="James"`,
		`string Patient.name[1].given[0]="Jim"`, `date Patient.birthDate="1974-12-25"`, "Integer "}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	run.Release()
	if run.stack = run.stack[:cap(run.stack)]; len(run.stack) > 0 && run.stack[0].node.Exists() {
		t.Error("a released run holds a document")
	}
}

func TestTypesOfResults(t *testing.T) {
	observation := definition.TypeOf("Observation")
	e := MustCompile("(Observation.value as Quantity) | (Observation.value as SampledData)", Of(observation))
	types, ok := e.Types()
	if !ok || len(types) != 2 || types[0].Name != "Quantity" || types[1].Name != "SampledData" || e.Never() {
		t.Errorf("%v %v", types, ok)
	}
	if !MustCompile("Patient.name | Person.name", Of(observation)).Never() {
		t.Error("a patient's name in an Observation")
	}
	if _, ok := MustCompile("value.exists()", Of(observation)).Types(); ok {
		t.Error("a Boolean of System is a FHIR type")
	}
}

func TestRefusedWhenCompiled(t *testing.T) {
	patient := Of(definition.TypeOf("Patient"))
	for expression, stage := range map[string]Stage{
		"": Syntax, "1 +": Syntax, "(1": Syntax, "'a": Syntax, "a.": Syntax, "a..b": Syntax, "@2015-13-01": Syntax, "@": Syntax, "a[1": Syntax, "1 2": Syntax, "'\\x'": Syntax,
		"and": Syntax, "%": Syntax, "2147483648": Syntax, "a ? b": Syntax, "f(1,)": Syntax, "x is 1": Syntax, "x is Foo.Bar": Syntax, "$that": Syntax, "a.$this": Syntax,
		strings.Repeat("(", MaxNesting+1) + "1": Syntax, strings.Repeat("-", MaxNesting+1) + "1": Syntax, strings.Repeat("a.", MaxLength/2) + "a": Syntax,
		"foo()": Semantics, "count(1)": Semantics, "where()": Semantics, "x is Nothing": Semantics, "ofType(1)": Semantics, "'a' - 'b'": Semantics, "1.startsWith('a')": Semantics,
		"name.startsWith('a')": Semantics, "-'a'": Semantics, "'a' < 1": Semantics, "'a'.matches('(')": Semantics, "name['a']": Semantics, "defineVariable('resource')": Semantics,
		"'a'.matches('" + strings.Repeat("a", maxPattern+1) + "')": Semantics, "defineVariable(id)": Semantics,
	} {
		_, err := Compile(expression, patient)
		var failure *Error
		if !errors.As(err, &failure) || failure.Stage != stage {
			t.Errorf("%.40s: %v, want stage %d", expression, err, stage)
		}
	}
	for _, expression := range []string{"name.nothing", "Observation.value", "iif('a', 1, 2)", "children().first()", "descendants()[0]"} {
		if _, err := Compile(expression, patient); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
		if _, err := Compile(expression, patient, Strict()); err == nil {
			t.Errorf("%s: accepted as strict", expression)
		}
	}
}

func TestLimits(t *testing.T) {
	var big strings.Builder
	big.WriteString(`{"resourceType":"Bundle","entry":[`)
	for i := range 3000 {
		fmt.Fprintf(&big, `{"fullUrl":"urn:%d"},`, i)
	}
	big.WriteString(`{"fullUrl":"end"}]}`)
	root := parsed(t, big.String())
	for _, expression := range []string{
		"entry.select(%resource.entry)", "entry.select(%resource.entry.where(fullUrl = 'x'))", "entry.aggregate($total & $total & 'x', 'x')", "entry.aggregate($total.combine($total), 1)",
		"entry.fullUrl.aggregate($total.replace('x', 'xxxx'), 'x')", "(1).repeat($this + 1)",
		"entry.select('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('(a|b|c|d|e|f)*$'))", "entry.select(%resource.descendants())",
		"entry.select(%resource.entry.fullUrl.isDistinct())",
	} {
		run := Run{Environment: Environment{Limits: Limits{Steps: 100_000, Items: 50_000, Bytes: 1000}}}
		began := time.Now()
		_, err := MustCompile(expression).Evaluate(&run, Node(root))
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", expression, err)
		}
		t.Logf("%s: %v", expression, time.Since(began))
	}
	run := Run{}
	if got := texts(t, &run, "entry.fullUrl.isDistinct() and entry.repeat(fullUrl).count() = 3001 and (entry | entry).count() = 3001", Node(root)); !slices.Equal(got, []string{"true"}) {
		t.Error(got)
	}
}

// TestLargeSets holds sets with buckets to those without.
func TestLargeSets(t *testing.T) {
	var run Run
	for _, c := range []struct{ expression, want string }{
		{"(%n | %n.select($this + 0.0) | %n.select(toString()) | %n.select(toDecimal() / 1)).count()", "200"},
		{"%n.intersect(%n.where($this > 50)).count()", "49"},
		{"%n.exclude(%n.where($this > 50).select($this * 1.00)).count()", "51"},
		{"%n.where($this < 40).subsetOf(%n.select($this * 1.0)) and %n.supersetOf(%n.select($this + 1)).not()", "true"},
		{"%n.select(@2012-01-01T10:00:00Z + 1 hour | @2012-01-01T13:00:00+02:00).distinct().count()", "1"},
		{"%n.select(1000 'g' | 1 'kg').distinct().count()", "1"},
		{"%n.select(true | {}).isDistinct()", "false"},
	} {
		run.Variables = map[string][]Item{"n": nil}
		for i := range 100 {
			run.Variables["n"] = append(run.Variables["n"], Integer(int64(i)))
		}
		if got := texts(t, &run, c.expression, Item{}); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: %q, want %s", c.expression, got, c.want)
		}
	}
}

// TestAllocations holds what searches and invariants are made of to no allocation at all.
func TestAllocations(t *testing.T) {
	root := parsed(t, sample)
	var run Run
	for _, expression := range []string{
		"Patient.name.family", "Patient.name.where(use = 'official').given", "(Patient.deceased as boolean) | (Patient.deceased as dateTime)",
		"Patient.generalPractitioner.where(resolve() is Practitioner)", "(contact.empty() and link.empty()) implies (name.exists() or active)", "birthDate < @2000-01-01",
		"multipleBirth.ofType(integer) > 1", "name.all(family.exists() or given.exists())", "extension.value.ofType(Quantity).value", "descendants().count() > 3",
		"hasValue() or (children().count() > id.count())", "%resource.contained.id contains 'c1'", "extension('q').exists()",
	} {
		e := MustCompile(expression, Of(definition.TypeOf("Patient")))
		if n := testing.AllocsPerRun(100, func() {
			if _, err := e.Evaluate(&run, Node(root)); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations", expression, n)
		}
	}
}

// TestUntyped evaluates on JSON that is no FHIR.
func TestUntyped(t *testing.T) {
	root := parsed(t, `{"a":{"b":[1,2.50,"x",true,null,{"c":"y"}]},"_a":{"id":"z"}}`)
	var run Run
	for expression, want := range map[string]string{
		"a.b[0] + 1": "2", "a.b[1] * 2": "5.00", "a.b[2] & a.b[4].c": "xy", "a.b[3] and true": "true", "a.b.count()": "5", "a.type().name": "", "a is Patient": "false",
		"a.b[0] = 1 and a.b[1] = 2.5 and a.b[2] = 'x'": "true", "descendants().count()": "7", "a.b[4] = a.b[4]": "true", "a.b.distinct().count()": "5", "a.id": "",
	} {
		if got := strings.Join(texts(t, &run, expression, Node(root)), "|"); got != want {
			t.Errorf("%s: %q, want %q", expression, got, want)
		}
	}
	primitive := NodeOf(root.Get("a").Get("b").At(2), root.Get("_a"), definition.TypeOf("string"))
	if got := texts(t, &run, "$this & id", primitive, Of(definition.TypeOf("string"))); !slices.Equal(got, []string{"xz"}) {
		t.Error(got)
	}
	items, err := MustCompile("5 'mg' | 3 | 2.5 | true | @2012").Evaluate(&run, Item{})
	if err != nil || len(items) != 5 {
		t.Fatal(items, err)
	}
	quantity, _ := items[0].Quantity()
	number, _ := items[1].Int()
	decimal, _ := items[2].Decimal()
	truth, _ := items[3].Bool()
	year, _ := items[4].Temporal()
	if quantity.String() != "5 'mg'" || number != 3 || decimal.Scale() != 1 || decimal.Unscaled().Int64() != 25 || !truth || year.Year != 2012 {
		t.Error(quantity, number, decimal, truth, year)
	}
	run.Variables = map[string][]Item{"q": {QuantityItem(quantity)}, "y": {TemporalItem(year)}}
	if got := texts(t, &run, "(%q * 2).toString() & (%y + 1 year).toString()", Item{}); !slices.Equal(got, []string{"10 'mg'2013"}) {
		t.Error(got)
	}
}
