package xml

import (
	"errors"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/tape"
)

const patient = `<Patient xmlns="http://hl7.org/fhir">`

// What FHIR says of the two forms, one by one.
func TestToJSON(t *testing.T) {
	for _, c := range []struct{ name, xml, json string }{
		{"a value", patient + `<active value="true"/></Patient>`, `{"resourceType":"Patient","active":true}`},
		{"single quotes, white space and comments", "<?xml version='1.0' encoding='utf-8'?>\n<!-- c -->\n<Patient  xmlns = 'http://hl7.org/fhir' >\n <?pi x?> <active\nvalue = 'false' /> </Patient >\n<!-- d -->",
			`{"resourceType":"Patient","active":false}`},
		{"a byte order mark", "\xef\xbb\xbf" + patient + `<active value="true"></active></Patient>`, `{"resourceType":"Patient","active":true}`},
		{"prefixes", `<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="true"/></f:Patient>`, `{"resourceType":"Patient","active":true}`},
		{"references to characters", patient + `<name><family value="&lt;&#x623;&#65;&amp;&quot;&apos;&#10;"/></name></Patient>`,
			`{"resourceType":"Patient","name":[{"family":"<أA&\"'\n"}]}`},
		{"white space in a value is normalised", patient + "<name><family value='a\r\nb\tc'/></name></Patient>", `{"resourceType":"Patient","name":[{"family":"a b c"}]}`},
		{"arrays with companions", patient + `<name><given value="a"/><given id="i"><extension url="u"><valueDecimal value="1.00"/></extension></given><given value="b" id="j"/></name></Patient>`,
			`{"resourceType":"Patient","name":[{"given":["a",null,"b"],"_given":[null,{"id":"i","extension":[{"url":"u","valueDecimal":1.00}]},{"id":"j"}]}]}`},
		{"companions alone", patient + `<name><given id="i"><extension url="u"><valueCode value="x"/></extension></given></name></Patient>`,
			`{"resourceType":"Patient","name":[{"_given":[{"id":"i","extension":[{"url":"u","valueCode":"x"}]}]}]}`},
		{"an id and extensions of a value", patient + `<birthDate id="b" value="1970-01"><extension url="u"><valueBoolean value="true"/></extension></birthDate></Patient>`,
			`{"resourceType":"Patient","birthDate":"1970-01","_birthDate":{"id":"b","extension":[{"url":"u","valueBoolean":true}]}}`},
		{"contained resources", patient + `<contained><Organization><name value="o"/></Organization></contained></Patient>`,
			`{"resourceType":"Patient","contained":[{"resourceType":"Organization","name":"o"}]}`},
		{"an integer with a plus", patient + `<multipleBirthInteger value="+2"/></Patient>`, `{"resourceType":"Patient","multipleBirthInteger":2}`},
		{"a narrative as it is", patient + `<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>a &amp; <b>b</b><!-- c --> &#160;</p></div></text></Patient>`,
			`{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a &amp; <b>b</b><!-- c --> &#160;</p></div>"}}`},
		{"a narrative with a prefix", `<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><text><status value="generated"/><h:div><h:p class="x">a</h:p><h:br/></h:div></text></Patient>`,
			`{"resourceType":"Patient","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p class=\"x\">a</p><br/></div>"}}`},
		{"where the schema is", `<Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir x.xsd"><active value="true"/></Patient>`,
			`{"resourceType":"Patient","active":true}`},
		{"an element with an id", patient + `<name id="n"><family value="x"/></name></Patient>`, `{"resourceType":"Patient","name":[{"id":"n","family":"x"}]}`},
	} {
		got, _, err := ToJSON([]byte(c.xml), Limits{})
		if err != nil || string(got) != c.json {
			t.Errorf("%s:\n%s\n%s\n%v", c.name, got, c.json, err)
		}
	}
}

// What is refused says where, and repeats nothing.
func TestRefused(t *testing.T) {
	deep := strings.Repeat("<extension url='u'>", 200)
	for _, c := range []struct{ xml, path, reason string }{
		{``, "", "no element"},
		{`x`, "", "begins with no element"},
		{`<a`, "", "inside a tag"},
		{`<?xml version="1.1"?><a/>`, "", "1.0"},
		{`<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, "", "UTF-8"},
		{`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`, "", "document type"},
		{`<!DOCTYPE lolz [<!ENTITY l "l"><!ENTITY m "&l;&l;">]><a>&m;</a>`, "", "document type"},
		{`<a>&nbsp;</a>`, "a", "not declared"},
		{`<a b="&x;"/>`, "", "not declared"},
		{`<a>&#0;</a>`, "a", "character"},
		{`<a>&#xD800;</a>`, "a", "character"},
		{`<a>&#99999999999999999999;</a>`, "a", "character"},
		{"<a>\x00</a>", "", "control"},
		{"<a>\xff</a>", "", "UTF-8"},
		{"<a>\uffff</a>", "", "character"},
		{`<a b="1" b="2"/>`, "a", "twice"},
		{`<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="2"/>`, "a", "twice"},
		{`<x:a/>`, "a", "not declared"},
		{`<a x:b="1"/>`, "a", "not declared"},
		{`<a xmlns:x=""/>`, "a", "cannot be"},
		{`<a xmlns:xml="u"/>`, "a", "cannot be"},
		{`<a xmlns:xmlns="u"/>`, "a", "cannot be"},
		{`<a:b:c xmlns:a="u"/>`, "", "prefix"},
		{`<:a/>`, "", "prefix"},
		{`<a></b>`, "a", "end tag"},
		{`<a/><b/>`, "", "follows"},
		{`<a/>x`, "", "follows"},
		{`<a b=1/>`, "", "quotes"},
		{`<a b="<"/>`, "", "<"},
		{`<a b="1"c="2"/>`, "", "white space"},
		{`<a><!-- -- --></a>`, "a", "--"},
		{`<a><?xml x?></a>`, "a", "name"},
		{`<a>]]></a>`, "a", "]]>"},
		{`<a><![CDATA[x</a>`, "a", "CDATA"},
		{"<" + strings.Repeat("a", 100) + "><b>" + strings.Repeat("<c>", 200), "", "deeper"},
		{`<Patient><active value="true"/></Patient>`, "", "namespace"},
		{`<Patient xmlns="http://hl7.org/fhir1"/>`, "", "namespace"},
		{`<Nothing xmlns="http://hl7.org/fhir"/>`, "", "no resource type"},
		{`<DomainResource xmlns="http://hl7.org/fhir"/>`, "", "no resource type"},
		{patient + `<secret value="x"/></Patient>`, "Patient.secret", "none that FHIR R4 defines"},
		{patient + `<name><secret value="x"/></name></Patient>`, "Patient.name[0].secret", "none that FHIR R4 defines"},
		{patient + `<name><family value="x"/></name><name><given value="a"/><family value="b"/></name></Patient>`, "Patient.name[1].family", "before"},
		{patient + `<gender value="male"/><active value="true"/></Patient>`, "Patient.active", "before"},
		{patient + `<active value="true"/><active value="true"/></Patient>`, "Patient.active", "once"},
		{patient + `<deceasedBoolean value="true"/><deceasedDateTime value="2020"/></Patient>`, "Patient.deceasedBoolean", "one type"},
		{patient + `<active value="yes"/></Patient>`, "Patient.active", "true or false"},
		{patient + `<active value=" true"/></Patient>`, "Patient.active", "true or false"},
		{patient + `<multipleBirthInteger value="1.0"/></Patient>`, "Patient.multipleBirthInteger", "number"},
		{patient + `<multipleBirthInteger value="01"/></Patient>`, "Patient.multipleBirthInteger", "number"},
		{patient + `<active/></Patient>`, "Patient.active", "empty"},
		{patient + `<name/></Patient>`, "Patient.name[0]", "empty"},
		{patient + `<active value="true">x</active></Patient>`, "Patient.active", "text"},
		{patient + `text</Patient>`, "Patient", "text"},
		{patient + `<active value="true" other="x"/></Patient>`, "Patient.active", "attribute"},
		{patient + `<active value="true" xml:lang="x"/></Patient>`, "Patient.active", "attribute"},
		{patient + `<name value="x"/></Patient>`, "Patient.name[0]", "attribute"},
		{patient + `<active xmlns="" value="true"/></Patient>`, "Patient.active", "namespace"},
		{patient + `<contained/></Patient>`, "Patient.contained[0]", "empty"},
		{patient + `<contained><Patient><active value="true"/></Patient><Patient/></contained></Patient>`, "Patient.contained[0]", "one resource"},
		{patient + `<extension><url value="u"/></extension></Patient>`, "Patient.extension[0].url", "attribute"},
		{patient + `<text><status value="generated"/><div>x</div></text></Patient>`, "Patient.text.div", "namespace"},
		{patient + deep, "", "deeper"},
	} {
		_, _, err := ToJSON([]byte(c.xml), Limits{})
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Reason, c.reason) || c.path != "" && e.Path != c.path || e.Line == 0 || e.Column == 0 {
			t.Errorf("%.100s: %+v", c.xml, err)
			continue
		}
		if strings.Contains(e.Reason, "secret") || strings.Contains(e.Reason, "passwd") {
			t.Errorf("it repeats: %v", e)
		}
	}
}

func TestLimits(t *testing.T) {
	many := "<a>" + strings.Repeat("<b/>", 100) + "</a>"
	attributes := "<a" + strings.Repeat(` x`+strings.Repeat("y", 1)+`="1"`, 1)
	for i := range 70 {
		attributes += " z" + strings.Repeat("z", i) + `="1"`
	}
	var d Document
	if err := d.Parse([]byte(many), Limits{Bytes: 10}); !errors.Is(err, tape.ErrTooLarge) {
		t.Error(err)
	}
	for src, l := range map[string]Limits{many: {Nodes: 50}, attributes + "/>": {}, "<a><b><c/></b></a>": {Depth: 2}} {
		if err := d.Parse([]byte(src), l); err == nil {
			t.Errorf("%.40s is taken", src)
		}
	}
	spaces := "<a"
	for i := range 60 {
		spaces += ` xmlns:a` + strings.Repeat("b", i) + `="u` + strings.Repeat("c", i) + `"`
	}
	if err := d.Parse([]byte(strings.Repeat(spaces+">", 10)), Limits{}); err == nil || !strings.Contains(err.Error(), "too many namespaces") {
		t.Error(err)
	}
}

// What JSON says that XML cannot is refused with its path.
func TestFromJSONRefuses(t *testing.T) {
	for _, c := range []struct{ json, path string }{
		{`{"resourceType":"Nothing"}`, "Nothing"},
		{`{"resourceType":"Patient","x":1}`, "Patient.x"},
		{`{"resourceType":"Patient","_name":[]}`, "Patient._name"},
		{`{"resourceType":"Patient","active":"true"}`, "Patient.active"},
		{`{"resourceType":"Patient","active":[true]}`, "Patient.active"},
		{`{"resourceType":"Patient","name":{"family":"x"}}`, "Patient.name"},
		{`{"resourceType":"Patient","name":[{}]}`, "Patient.name[0]"},
		{`{"resourceType":"Patient","name":[{"given":[null]}]}`, "Patient.name[0].given[0]"},
		{`{"resourceType":"Patient","name":[{"family":"\u0001"}]}`, "Patient.name[0].family"},
		{`{"resourceType":"Patient","name":[{"family":"\uffff"}]}`, "Patient.name[0].family"},
		{`{"resourceType":"Patient","name":[{"id":1,"family":"x"}]}`, "Patient.name[0]"},
		{`{"resourceType":"Patient","text":{"status":"generated","div":"<div>"}}`, "Patient.text.div"},
		{`{"resourceType":"Patient","text":{"status":"generated","div":"<p/>"}}`, "Patient.text.div"},
		{`{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}`, "Patient.deceasedDateTime"},
		{`{"resourceType":"Patient","contained":[{"resourceType":"HumanName"}]}`, "Patient.contained[0]"},
		{`{"resourceType":"Patient","contained":["x"]}`, "Patient.contained[0]"},
	} {
		_, err := toXML(t, []byte(c.json))
		var e *Error
		if !errors.As(err, &e) || e.Path != c.path {
			t.Errorf("%s: %+v", c.json, err)
		}
	}
}

func TestFromJSON(t *testing.T) {
	for json, xml := range map[string]string{
		`{"name":[{"given":["a",null],"_given":[null,{"id":"i"}]}],"id":"p","resourceType":"Patient"}`:                                       patient + `<id value="p"/><name><given value="a"/><given id="i"/></name></Patient>`,
		`{"resourceType":"Patient","extension":[{"url":"u","valueDecimal":1.00}],"_active":{"extension":[{"url":"v","valueCode":"&\"\t"}]}}`: patient + `<extension url="u"><valueDecimal value="1.00"/></extension><active><extension url="v"><valueCode value="&amp;&quot;&#9;"/></extension></active></Patient>`,
		`{"resourceType":"Patient","text":{"status":"empty","div":"<div>x</div>"}}`:                                                          patient + `<text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml">x</div></text></Patient>`,
		`{"resourceType":"Patient"}`: `<Patient xmlns="http://hl7.org/fhir"/>`,
	} {
		got, err := toXML(t, []byte(json))
		if want := `<?xml version="1.0" encoding="UTF-8"?>` + xml; err != nil || string(got) != want {
			t.Errorf("%s\n%s\n%v", got, want, err)
		}
	}
}

// Lines are put between FHIR's elements, and nowhere else.
func TestIndented(t *testing.T) {
	const json = `{"resourceType":"Patient","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x</p></div>"},"contained":[{"resourceType":"Patient","active":true}]}`
	var p tape.Tape
	if err := p.Parse([]byte(json), tape.Limits{}); err != nil {
		t.Fatal(err)
	}
	out, err := FromJSON(nil, p.Root(), true)
	if err != nil || strings.Count(string(out), "\n") != 11 {
		t.Fatalf("%s\n%v", out, err)
	}
	back, _, err := ToJSON(out, Limits{})
	if err != nil || string(back) != json {
		t.Errorf("%s\n%v", back, err)
	}
}

func TestAnyOrder(t *testing.T) {
	var d Document
	if err := d.Parse([]byte(patient+`<gender value="male"/><name><family value="a"/></name><active value="true"/><name><family value="b"/></name></Patient>`), Limits{}); err != nil {
		t.Fatal(err)
	}
	got, _, err := d.JSON(true)
	if want := `{"resourceType":"Patient","active":true,"name":[{"family":"a"},{"family":"b"}],"gender":"male"}`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

func TestPlaces(t *testing.T) {
	src := patient + "\n<name>\n  <family value='x'/>\n</name></Patient>"
	json, places, err := ToJSON([]byte(src), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if at := places.Position(strings.Index(string(json), `"x"`)); at != (tape.Position{Line: 3, Column: 3}) {
		t.Error(at)
	}
}
