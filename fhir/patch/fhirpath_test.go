package patch

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/xml"
)

func toXML(t testing.TB, json []byte) []byte {
	t.Helper()
	b, err := xml.FromJSON(nil, value(t, string(json)), false)
	if err != nil {
		t.Fatalf("%s: %v", json, err)
	}
	return b
}

func fromXML(t testing.TB, src []byte) []byte {
	t.Helper()
	b, _, err := xml.ToJSON(src, xml.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return b
}

// The official cases of FHIRPath Patch.
func TestOfficialFHIRPath(t *testing.T) {
	ran := 0
	for c := official(t, "fhir-patch-tests.xml").First(); c.Exists(); c = c.Next() {
		if c.Kind() != xml.Element {
			continue
		}
		ran++
		name := attribute(c, "name")
		input, _ := inside(c, "input")
		diff, _ := inside(c, "diff")
		got, err := applyFHIRPath(fromXML(t, bytes.TrimSpace(input)), value(t, string(fromXML(t, bytes.TrimSpace(diff)))), Limits{})
		if _, failure := inside(c, "error"); failure.Exists() {
			if kindOf(err) != Impossible || !strings.Contains(err.Error(), "leads to nothing") {
				t.Errorf("%s: %v instead of: %s", name, err, attribute(failure, "msg"))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, _ := inside(c, "output")
		if a, b := canon(t, toXML(t, got)), canon(t, bytes.TrimSpace(want)); noComments(a) != noComments(b) {
			t.Errorf("%s:\n%s\n%s", name, a, b)
		}
	}
	if ran != 33 {
		t.Errorf("%d cases", ran)
	}
}

func noComments(s string) string {
	for {
		before, rest, ok := strings.Cut(s, "<!--")
		if !ok {
			return s
		}
		_, after, _ := strings.Cut(rest, "-->")
		s = before + after
	}
}

// op writes an operation. Parts are name, member and value by turns.
func op(parts ...string) string {
	var b strings.Builder
	b.WriteString(`{"name":"operation","part":[`)
	for i := 0; i+2 < len(parts); i += 3 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"name":"` + parts[i] + `","` + parts[i+1] + `":` + parts[i+2] + `}`)
	}
	return b.String() + "]}"
}

func operation1(typ, path string, more ...string) string {
	return op(append([]string{"type", "valueCode", `"` + typ + `"`, "path", "valueString", string(tape.AppendQuoted(nil, path))}, more...)...)
}

func TestFHIRPath(t *testing.T) {
	const doc = `{ "resourceType" : "Patient", "id":"p","active":true, "_birthDate":{"id":"b"}, "birthDate":"1970-01-01","deceasedBoolean":false,` +
		`"name":[{"given":["a","b"],"_given":[null,{"id":"g"}],"family":"f"},{"family":"h"}],"extension":[{"url":"u","valueDecimal":1.00}]}`
	for _, c := range []struct {
		patch, has, hasNot string
		kind               Kind
	}{
		{operation1("replace", "Patient.active", "value", "valueBoolean", "false"), `{ "resourceType" : "Patient", "id":"p","active":false, "_birthDate":{"id":"b"}`, "", 0},
		{operation1("replace", "Patient.birthDate", "value", "valueDate", `"1971"`), `"birthDate":"1971"`, `"_birthDate"`, 0},
		{operation1("replace", "Patient.deceased", "value", "valueDateTime", `"2020"`), `"deceasedDateTime":"2020"`, "deceasedBoolean", 0},
		{operation1("add", "Patient", "name", "valueString", `"multipleBirth"`, "value", "valueInteger", "2"), `"multipleBirthInteger":2`, "", 0},
		{operation1("add", "Patient", "name", "valueString", `"multipleBirth[x]"`, "value", "valueBoolean", "true"), `"multipleBirthBoolean":true`, "", 0},
		{operation1("add", "Patient", "name", "valueString", `"deceased"`, "value", "valueDateTime", `"2020"`), "", "", Impossible},
		{operation1("add", "Patient", "name", "valueString", `"multipleBirth"`, "value", "valueString", `"2"`), "", "", Impossible},
		{operation1("add", "Patient", "name", "valueString", `"active"`, "value", "valueBoolean", `true`), "", "", Impossible},
		{operation1("add", "Patient", "name", "valueString", `"nothing"`, "value", "valueBoolean", `true`), "", "", Impossible},
		{operation1("add", "Patient.name[1]", "name", "valueString", `"given"`, "value", "valueString", `"x"`), `{"family":"h","given":["x"]}`, "", 0},
		{operation1("insert", "Patient.name[0].given", "index", "valueInteger", "0", "value", "valueString", `"x"`), `"given":["x","a","b"],"_given":[null,null,{"id":"g"}]`, "", 0},
		{operation1("insert", "Patient.name[1].given", "index", "valueInteger", "0", "value", "valueString", `"x"`), `{"family":"h","given":["x"]}`, "", 0},
		{operation1("insert", "Patient.name[1].given", "index", "valueInteger", "1", "value", "valueString", `"x"`), ``, "", Impossible},
		{operation1("insert", "Patient.active", "index", "valueInteger", "0", "value", "valueBoolean", `true`), ``, "", Impossible},
		{operation1("delete", "Patient.name[0].given[1]"), `"given":["a"],"family"`, `_given`, 0},
		{operation1("delete", "Patient.name[0].given[0]"), `"given":["b"],"_given":[{"id":"g"}],"family"`, ``, 0},
		{operation1("delete", "Patient.birthDate"), `"deceasedBoolean"`, `birthDate`, 0},
		{operation1("delete", "Patient.gender"), doc, ``, 0},
		{operation1("delete", "Patient.name[0].given[1].id"), `"given":["a","b"],"family"`, `_given`, 0},
		{operation1("delete", "Patient.name[1].family"), `"family":"f"}],"ext`, `"h"`, 0},
		{operation1("delete", "Patient.birthDate.id"), `"birthDate":"1970-01-01"`, `_birthDate`, 0},
		{operation1("delete", "Patient.name"), ``, ``, Impossible},
		{operation1("delete", "Patient"), ``, ``, Impossible},
		{operation1("delete", "Patient.name.where(family = 'h')"), `"family":"f"}],"ext`, `"h"`, 0},
		{operation1("delete", "1 + 1"), ``, ``, Impossible},
		{operation1("replace", "Patient.gender", "value", "valueCode", `"male"`), ``, ``, Impossible},
		{operation1("replace", "Patient.name[0", "value", "valueCode", `"male"`), ``, ``, Malformed},
		{operation1("move", "Patient.name[0].given", "source", "valueInteger", "1", "destination", "valueInteger", "0"), `"given":["b","a"],"_given":[{"id":"g"},null]`, ``, 0},
		{operation1("move", "Patient.name[0].given", "source", "valueInteger", "2", "destination", "valueInteger", "0"), ``, ``, Impossible},
		{operation1("replace", "Patient.name[0].given[0]", "value", "valueString", `"x"`), `"given":["x","b"],"_given":[null,{"id":"g"}]`, "", 0},
		{operation1("replace", "Patient.extension.where(url = 'u').value", "value", "valueDecimal", `2.50`), `"valueDecimal":2.50`, "", 0},
		{operation1("replace", "Patient.extension[0]", "value", "valueExtension", `{"url":"v"}`), `"extension":[{"url":"v"}]`, "", Malformed},
		{operation1("add", "Patient.birthDate", "name", "valueString", `"extension"`, "value", "part", `[{"name":"url","valueUri":"v"},{"name":"value","valueDecimal":1.0}]`), `"_birthDate":{"id":"b","extension":[{"url":"v","valueDecimal":1.0}]}`, "", 0},
		{operation1("add", "Patient.active", "name", "valueString", `"id"`, "value", "valueString", `"x"`), `"_active":{"id":"x"}`, "", 0},
		{operation1("add", "Patient.name[0].given[0]", "name", "valueString", `"id"`, "value", "valueString", `"x"`), `"_given":[{"id":"x"},{"id":"g"}]`, "", 0},
		{operation1("add", "Patient", "name", "valueString", `"contained"`, "value", "resource", `{"resourceType":"Patient","id":"c"}`), `"contained":[{"resourceType":"Patient","id":"c"}]`, "", 0},
		{operation1("add", "Patient", "name", "valueString", `"contained"`, "value", "valueString", `"x"`), "", "", Impossible},
		{operation1("add", "Patient", "name", "valueString", `"contact"`, "value", "part",
			`[{"name":"name","valueHumanName":{"family":"x"}},{"name":"telecom","valueContactPoint":{"value":"1"}},{"name":"telecom","valueContactPoint":{"value":"2"}}]`),
			`"contact":[{"name":{"family":"x"},"telecom":[{"value":"1"},{"value":"2"}]}]`, "", 0},
		{operation1("add", "Patient", "name", "valueString", `"contact"`, "value", "part", `[{"name":"nothing","valueHumanName":{"family":"x"}}]`), "", "", Impossible},
		{op("type", "valueCode", `"replace"`), "", "", Malformed},
		{op("type", "valueCode", `"change"`, "path", "valueString", `"Patient"`), "", "", Malformed},
		{op("type", "valueCode", `"delete"`, "path", "valueString", `"Patient.active"`, "path", "valueString", `"Patient.active"`), "", "", Malformed},
		{op("type", "valueCode", `"delete"`, "path", "valueString", `"Patient.active"`, "other", "valueString", `"x"`), "", "", Malformed},
		{operation1("insert", "Patient.name", "index", "valueInteger", "-1", "value", "valueHumanName", `{"family":"x"}`), "", "", Malformed},
		{operation1("replace", "Patient.active", "value", "name2", `"x"`), "", "", Malformed},
		{`{"name":"other"}`, "", "", Malformed},
	} {
		got, err := applyFHIRPath([]byte(doc), value(t, `{"resourceType":"Parameters","parameter":[`+c.patch+`]}`), Limits{})
		if strings.Contains(c.patch, "valueExtension") { // Parameters have no such value, but the gate checks that
			c.kind = 0
		}
		if c.has != doc {
			got = bytes.ReplaceAll(got, []byte(" : "), []byte(":")) // members are written as their neighbours are
			c.has = strings.ReplaceAll(c.has, " : ", ":")
		}
		if kindOf(err) != c.kind || !strings.Contains(string(got), c.has) || c.hasNot != "" && strings.Contains(string(got), c.hasNot) {
			t.Errorf("%s:\n%s\n%v", c.patch, got, err)
		}
		if err == nil {
			value(t, string(got))
		}
	}
	for src, kind := range map[string]Kind{`{"resourceType":"Patient"}`: Malformed, `[]`: Malformed, `{"resourceType":"Parameters","parameter":{}}`: Malformed,
		`{"resourceType":"Parameters","parameter":[` + strings.Repeat(operation1("delete", "Patient.gender")+",", 1000) + operation1("delete", "Patient.gender") + `]}`: TooCostly} {
		if _, err := applyFHIRPath([]byte(doc), value(t, src), Limits{}); kindOf(err) != kind {
			t.Errorf("%.100s: %v", src, err)
		}
	}
	if got, err := applyFHIRPath([]byte(doc), value(t, `{"resourceType":"Parameters"}`), Limits{}); err != nil || string(got) != doc {
		t.Error(err, string(got))
	}
}

// Any FHIRPath Patch ends, with an error or with a document that is JSON.
func FuzzFHIRPath(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Parameters","parameter":[` + operation1("insert", "Patient.identifier", "index", "valueInteger", "1", "value", "valueIdentifier", `{"value":"3"}`) + `]}`))
	f.Add([]byte(`{"resourceType":"Parameters","parameter":[` + operation1("add", "Patient.name[0].given[0]", "name", "valueString", `"id"`, "value", "valueString", `"x"`) + "," +
		operation1("move", "Patient.name.given", "source", "valueInteger", "0", "destination", "valueInteger", "1") + `]}`))
	f.Add([]byte(`{"resourceType":"Parameters","parameter":[` + operation1("replace", "Patient.multipleBirth", "value", "valueBoolean", `true`) + "," + operation1("delete", "Patient.text.div") + `]}`))
	f.Fuzz(func(t *testing.T, patch []byte) {
		v, err := parsed(patch)
		if err != nil {
			return
		}
		got, err := applyFHIRPath([]byte(jim), v, Limits{Operations: 20, Bytes: 1 << 16})
		if err != nil {
			if kindOf(err) == 0 && !strings.Contains(err.Error(), "nested deeper") {
				t.Fatal(err)
			}
			return
		}
		if _, err := parsed(got); err != nil && !strings.Contains(err.Error(), "nested deeper") {
			t.Fatalf("%s\n%s\n%v", patch, got, err)
		}
	})
}
