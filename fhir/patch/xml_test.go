package patch

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/xml"
)

// canon writes a document with white space, the order of attributes and prefixes out of the way.
func canon(t testing.TB, src []byte) string {
	t.Helper()
	var d xml.Document
	if err := d.Parse(src, xml.Limits{}); err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	var b strings.Builder
	var write func(n xml.Node)
	write = func(n xml.Node) {
		switch n.Kind() {
		case xml.Text:
			b.WriteString(strings.Join(strings.Fields(n.Text()), " "))
			return
		case xml.Comment:
			b.Write(n.Raw())
			return
		}
		fmt.Fprintf(&b, "<%s:%s", d.URI(n.Space()), n.Local())
		var list []string
		attrs := n.Attrs()
		for i := range attrs {
			if prefix, declares := attrs[i].Declares(); !declares || len(prefix) > 0 {
				list = append(list, fmt.Sprintf(" %s:%s=%q", d.URI(attrs[i].Space()), attrs[i].Local(), attrs[i].Value()))
			}
		}
		slices.Sort(list)
		b.WriteString(strings.Join(list, "") + ">")
		for c := n.First(); c.Exists(); c = c.Next() {
			write(c)
		}
		b.WriteString("</>")
	}
	write(d.Root())
	return b.String()
}

// inside is what stands in the child of that name.
func inside(n xml.Node, name string) (src []byte, at xml.Node) {
	for c := n.First(); c.Exists(); c = c.Next() {
		if string(c.Local()) == name {
			from, to := c.Inner()
			return n.Document().Source()[from:to], c
		}
	}
	return nil, xml.Node{}
}

func attribute(n xml.Node, name string) string {
	attrs := n.Attrs()
	for i := range attrs {
		if string(attrs[i].Local()) == name {
			return string(attrs[i].Value())
		}
	}
	return ""
}

func official(t *testing.T, name string) xml.Node {
	t.Helper()
	names := shared.Files("data/fhir-tests/patch-r4/" + name)
	if len(names) == 0 {
		t.Skip("no official cases here")
	}
	src, err := shared.Read(names[0])
	if err != nil {
		t.Fatal(err)
	}
	var d xml.Document
	if err := d.Parse(src, xml.Limits{}); err != nil {
		t.Fatal(err)
	}
	return d.Root()
}

// The official cases of XML Patch, of documents that are no resources.
func TestOfficialXML(t *testing.T) {
	kinds := map[string]Kind{
		"No Patch Operations Found":             Malformed,
		"No Target Document Found":              Impossible,
		"The xpath foo matched multiple nodes":  Impossible,
		"Nothing to delete found for xpath foo": Impossible,
	}
	ran := 0
	for c := official(t, "xml-patch-tests.xml").First(); c.Exists(); c = c.Next() {
		if c.Kind() != xml.Element {
			continue
		}
		ran++
		name := attribute(c, "name")
		doc, _ := inside(c, "target")
		_, op := inside(c, "patch")
		got, err := applyToXML(doc, op.Raw(), Limits{})
		if _, failure := inside(c, "error"); failure.Exists() {
			if want := attribute(failure, "message"); kindOf(err) == 0 || kindOf(err) != kinds[want] {
				t.Errorf("%s: %v instead of: %s", name, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, _ := inside(c, "patched")
		if canon(t, got) != canon(t, want) {
			t.Errorf("%s:\n%s\n%s", name, got, want)
		}
	}
	if ran != 29 {
		t.Errorf("%d cases", ran)
	}
}

const jim = `{"resourceType":"Patient","id":"jim","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Jim</div>"},` +
	`"identifier":[{"system":"a","value":"1"},{"system":"b","value":"2"}],"active":true,"name":[{"given":["Jim","T."]}],` +
	`"multipleBirthInteger":2,"extension":[{"url":"u","valueDecimal":1.00}]}`

// XML Patch of resources.
func TestXML(t *testing.T) {
	const end = `,"multipleBirthInteger":2}`
	for _, c := range []struct {
		patch, has string
		kind       Kind
	}{
		{`<replace sel="f:Patient/f:active/@value">false</replace>`, `"active":false`, 0},
		{`<replace sel="/Patient/active/@value">false</replace>`, `"active":false`, 0},
		{`<replace sel="*/f:identifier[f:system/@value='b']/f:value/@value">3 &amp; "4"</replace>`, `{"system":"b","value":"3 & \"4\""}`, 0},
		{`<replace sel="f:Patient/f:identifier[f:system[1]/@value='b']/f:value/@value">3</replace>`, ``, Malformed},
		{`<replace sel="f:Patient/f:identifier[f:system/@value='b' and (f:value/@value='2' or f:value/@value='3')]/f:value/@value">3</replace>`, `{"system":"b","value":"3"}`, 0},
		{`<replace sel="f:Patient/f:identifier[last()]/f:value"><value value="9"/></replace>`, `{"system":"b","value":"9"}`, 0},
		{`<remove sel="f:Patient/f:identifier[1]"/>`, `"identifier":[{"system":"b","value":"2"}]`, 0},
		{`<remove sel="f:Patient/f:extension"/>`, `"multipleBirthInteger":2}`, 0},
		{`<add sel="f:Patient"><birthDate value="1970"/></add>`, `"birthDate":"1970"`, 0},
		{`<add sel="f:Patient/f:name[1]" pos="after"><name xmlns="http://hl7.org/fhir"><family value="x"/></name></add>`, `"name":[{"given":["Jim","T."]},{"family":"x"}]`, 0},
		{`<add sel="f:Patient/f:name/f:given[2]" pos="before"><f:given value="M." xmlns:f="http://hl7.org/fhir"/></add>`, `"given":["Jim","M.","T."]`, 0},
		{`<add sel="f:Patient/f:name" pos="prepend"><use value="usual"/></add>`, `"name":[{"use":"usual","given":["Jim","T."]}]`, 0},
		{`<add sel="f:Patient/f:name" type="@id">n1</add>`, `"name":[{"id":"n1","given"`, 0},
		{`<replace sel="f:Patient/f:text/h:div"><div xmlns="http://www.w3.org/1999/xhtml"><b>x</b></div></replace>`, `<b>x</b>`, 0},
		{`<remove sel="f:Patient/f:nothing"/>`, "", Impossible},
		{`<remove sel="f:Patient/f:identifier"/>`, "", Impossible},
		{`<remove sel="f:Patient"/>`, "", Impossible},
		{`<add sel="f:Patient"><secret value="x"/></add>`, "", Impossible},
		{`<add sel="f:Patient/f:name" type="@user">x</add>`, "", Impossible},
		{`<add sel="f:Patient/f:active" type="@value">x</add>`, "", Impossible},
		{`<add sel="f:Patient" pos="before"><x/></add>`, "", Impossible},
		{`<add sel="f:Patient" pos="middle"><x/></add>`, "", Malformed},
		{`<add sel="f:Patient" type="x">y</add>`, "", Malformed},
		{`<add sel="f:Patient" type="@a=''>&lt;x b">y</add>`, "", Malformed},
		{`<replace sel="f:Patient/f:active"/>`, "", Malformed},
		{`<replace sel="f:Patient/f:active"><a/><b/></replace>`, "", Malformed},
		{`<change sel="f:Patient/f:active"/>`, "", Malformed},
		{`<remove/>`, "", Malformed},
		{`<remove sel="x:Patient"/>`, "", Malformed},
		{`<remove sel="//f:active"/>`, "", Malformed},
		{`<remove sel="f:Patient/f:name["/>`, "", Malformed},
		{`<remove sel="f:Patient/f:active" ws="before"/>`, "", Impossible},
	} {
		got, err := applyXML([]byte(jim), []byte(`<diff>`+c.patch+`</diff>`), Limits{})
		if kindOf(err) != c.kind || !strings.Contains(string(got), c.has) {
			t.Errorf("%s:\n%s\n%v", c.patch, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") && c.kind != Impossible || strings.Contains(err.Error(), "Jim")) {
			t.Errorf("it repeats: %v", err)
		}
		if err == nil && !strings.Contains(string(got), `1.00`) && !strings.HasSuffix(string(got), end) {
			t.Errorf("%s: the decimal is lost: %s", c.patch, got)
		}
	}
	for src, kind := range map[string]Kind{
		``: Malformed, `<diff/>`: Malformed, `<diff>x<remove sel="f:Patient/f:active"/></diff>`: Malformed,
		`<!DOCTYPE x [<!ENTITY a "b">]><diff/>`: Malformed,
		`<diff>` + strings.Repeat(`<replace sel="f:Patient/f:active/@value">false</replace>`, 1001) + `</diff>`: TooCostly,
	} {
		if _, err := applyXML([]byte(jim), []byte(src), Limits{}); kindOf(err) != kind {
			t.Errorf("%.100s: %v", src, err)
		}
	}
	if _, err := applyXML([]byte(jim), []byte(`<diff><add sel="f:Patient"><birthDate value="`+strings.Repeat("1", 2300)+`"/></add></diff>`), Limits{Bytes: 2500}); kindOf(err) != TooCostly {
		t.Error(err)
	}
}

// TestXMLWorkIsBounded: as many operations as are allowed on a large resource would read it again and again.
func TestXMLWorkIsBounded(t *testing.T) {
	many := `<diff>` + strings.Repeat(`<replace sel="f:Patient/f:active/@value">false</replace>`, 900) + `</diff>`
	if _, err := applyXML([]byte(jim), []byte(many), Limits{}); err != nil {
		t.Errorf("of a small one: %v", err)
	}
	large := `{"resourceType":"Patient","active":true,"name":[` + strings.Repeat(`{"family":"Sina"},`, 4000) + `{"family":"Rushd"}]}`
	if _, err := applyXML([]byte(large), []byte(many), Limits{}); kindOf(err) != TooCostly {
		t.Errorf("of a large one: %v", err)
	}
}

// Any XML Patch ends, with an error or with a document that is well-formed.
func FuzzXML(f *testing.F) {
	f.Add([]byte(`<diff xmlns="http://hl7.org/fhir"><add sel="f:Patient/f:name[f:given/@value='Jim' or @id='x'][last()]" pos="prepend"><use value="usual"/></add></diff>`))
	f.Add([]byte(`<diff xmlns:p="http://hl7.org/fhir"><replace sel="p:Patient/p:active/@value">false</replace><remove sel="*/*[2]" ws="both"/><add sel="Patient" type="namespace::q">urn:x</add></diff>`))
	f.Add([]byte(`<diff><add sel="f:Patient/f:text/h:div" pos="after"><!-- c --></add><replace sel="f:Patient/comment()[1]"><!-- d --></replace></diff>`))
	var t0 xml.Document
	f.Fuzz(func(t *testing.T, patch []byte) {
		doc, err := xml.FromJSON(nil, value(t, jim), true)
		if err != nil {
			t.Fatal(err)
		}
		got, err := applyToXML(doc, patch, Limits{Operations: 20, Bytes: 1 << 16})
		if err != nil {
			if kindOf(err) == 0 {
				t.Fatal(err)
			}
			return
		}
		if err := t0.Parse(got, xml.Limits{}); err != nil && !strings.Contains(err.Error(), "more than") && !strings.Contains(err.Error(), "deeper") &&
			!strings.Contains(err.Error(), "namespace") && !strings.Contains(err.Error(), "prefix") {
			t.Fatalf("%s\n%s\n%v", patch, got, err)
		}
	})
}
