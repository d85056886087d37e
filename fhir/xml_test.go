package fhir

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/xml"
)

const patientXML = "<?xml version=\"1.0\"?>\n<!-- from elsewhere -->\n<Patient xmlns=\"http://hl7.org/fhir\">\n  <id value=\"p1\"/>\n" +
	`  <meta id="m"><tag><code value="x"/></tag></meta><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">A &amp; B</div></text>` +
	`<extension url="u"><valueDecimal value="1.00"/></extension><identifier><system value="http://h"/><value value="7"/></identifier><active value="true"/></Patient>`

// A body in XML is kept as it was received, and served in both forms, which say the same.
func TestXMLInAndOut(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{name: "put", do: "PUT /Patient/p1", body: patientXML, header: []string{fhirXMLType}, status: 201, entries: []string{"create of Patient/p1 Patient/p1/1"},
			has: []string{"Content-Type: application/fhir+xml", `<versionId value="1"/>`, `<valueDecimal value="1.00"/>`, `Etag: W/"1"`}},
		{name: "JSON", do: "GET /Patient/p1", status: 200, has: []string{"Content-Type: application/fhir+json", `"valueDecimal":1.00`, `"tag":[{"code":"x"}]`, `A &amp; B`}, hasNot: []string{"elsewhere"}},
		{name: "Accept", do: "GET /Patient/p1", header: []string{"Accept: application/fhir+xml"}, status: 200, has: []string{"Content-Type: application/fhir+xml", `<div xmlns="http://www.w3.org/1999/xhtml">A &amp; B</div>`}},
		{name: "liked more", do: "GET /Patient/p1", header: []string{"Accept: application/json;q=0.5, text/xml"}, status: 200, has: []string{"Content-Type: application/fhir+xml"}},
		{name: "liked less", do: "GET /Patient/p1", header: []string{"Accept: application/json, application/xml;q=0.9"}, status: 200, has: []string{"Content-Type: application/fhir+json"}},
		{name: "_format", do: "GET /Patient/p1?_format=text/xml", status: 200, has: []string{"Content-Type: application/fhir+xml"}},
		{name: "_format goes first", do: "GET /Patient/p1?_format=application/fhir%2Bxml", header: []string{"Accept: application/json"}, status: 200, has: []string{"Content-Type: application/fhir+xml"}},
		{name: "_format with a plus", do: "GET /Patient/p1?_format=application/fhir+xml", status: 200, has: []string{"Content-Type: application/fhir+xml"}},
		{name: "_pretty", do: "GET /Patient/p1?_format=xml&_pretty=true", status: 200, has: []string{"\n  <id value=\"p1\"/>\n"}},
		{name: "search", do: "GET /Patient?identifier=http://h|7&_format=xml", status: 200, has: []string{"<Bundle xmlns=", `<total value="1"/>`, "<resource><Patient>"}},
		{name: "history", do: "GET /Patient/p1/_history?_format=xml", status: 200, has: []string{"<Bundle xmlns=", `<type value="history"/>`}},
		{name: "AuditEvent", do: "GET /AuditEvent?patient=Patient/p1&_format=xml", actor: "officer", status: 200, has: []string{"<AuditEvent>"}},
		{name: "refused", do: "GET /Patient/none?_format=xml", status: 404, has: []string{"<OperationOutcome xmlns=", `<code value="not-found"/>`}},
		{name: "metadata", do: "GET /metadata?_format=xml", actor: "-", status: 200, has: []string{"<CapabilityStatement xmlns=", `<patchFormat value="application/json-patch+json"/>`, `<format value="xml"/>`, `<code value="patch"/>`}},
		{name: "XML answered in JSON", do: "PUT /Patient/p1", body: patientXML, header: []string{"Content-Type: application/xml", "Accept: application/fhir+json"}, status: 200, has: []string{`"versionId":"2"`}},
		{name: "HEAD", do: "HEAD /Patient/p1?_format=xml", status: 200, has: []string{"Content-Type: application/fhir+xml"}},
	})
	r := g.store.resources["Patient/p1"]
	if string(r.source) != patientXML {
		t.Errorf("the source is not as it was received: %s", r.source)
	}
	served := r.current().Body
	download := g.send(&exchange{do: "GET /Patient/p1?_format=xml"}).Body.Bytes()
	if back, _, err := xml.ToJSON(download, xml.Limits{}); err != nil || string(back) != string(served) {
		t.Errorf("what is downloaded is not what is committed to:\n%s\n%s\n%v", back, served, err)
	}
}

// What is wrong with a body in XML is said by its path and where it stands in the XML, and nothing of it is repeated.
func TestXMLRefused(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{name: "not well-formed", do: "POST /Patient", body: "<Patient", header: []string{fhirXMLType}, status: 400, has: []string{`<severity value="fatal"/>`, `<code value="structure"/>`}},
		{name: "entities", do: "POST /Patient", body: `<!DOCTYPE Patient [<!ENTITY x SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir"/>`, header: []string{fhirXMLType}, status: 400, has: []string{"document type"}, hasNot: []string{"passwd"}},
		{name: "unknown element", do: "POST /Patient", body: "<Patient xmlns='http://hl7.org/fhir'>\n <shoe value='secret'/></Patient>", header: []string{fhirXMLType}, status: 400,
			has: []string{`<expression value="Patient.shoe"/>`, `line"><valueInteger value="2"/>`, `col"><valueInteger value="2"/>`}, hasNot: []string{"secret"}, entries: []string{"refuse 400"}},
		{name: "a form that JSON finds", do: "POST /Patient", body: "<Patient xmlns='http://hl7.org/fhir'>\n\n  <birthDate value='secret'/></Patient>", header: []string{fhirXMLType}, status: 400,
			has: []string{`<expression value="Patient.birthDate"/>`, `line"><valueInteger value="3"/>`, `col"><valueInteger value="3"/>`}, hasNot: []string{"secret"}},
		{name: "JSON by another name", do: "POST /Patient", body: patient, header: []string{fhirXMLType}, status: 400},
		{name: "UTF-16", do: "POST /Patient", body: patientXML, header: []string{"Content-Type: application/fhir+xml; charset=utf-16"}, status: 415},
		{name: "another FHIR", do: "POST /Patient", body: patientXML, header: []string{"Content-Type: application/fhir+xml; fhirVersion=5.0"}, status: 415},
	})
	if len(g.store.resources) > 0 {
		t.Error("something was stored")
	}
}

// What XML cannot say is told, after the entry that it was asked for; a write stands.
func TestXMLThatCannotBe(t *testing.T) {
	g := newGate(t, Limits{})
	broken := `{"resourceType":"Patient","id":"p9","text":{"status":"generated","div":"<div>secret"}}`
	g.run(t, []exchange{
		{do: "PUT /Patient/p9?_format=xml", body: broken, status: 201, has: []string{"<OperationOutcome xmlns=", `<expression value="Patient.text.div"/>`, `Etag: W/"1"`}, hasNot: []string{"secret"}},
		{do: "GET /Patient/p9?_format=xml", status: 406, has: []string{"<OperationOutcome xmlns="}, hasNot: []string{"secret"}},
		{do: "GET /Patient/p9", status: 200},
	})
}

// Of a transaction in XML each resource's source is its element, as it stands in the Bundle.
func TestXMLTransaction(t *testing.T) {
	g := newGate(t, Limits{})
	element := `<Patient><identifier><system value="http://h"/><value value="7"/></identifier></Patient>`
	body := `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><fullUrl value="` + urnPatient + `"/><resource>` + element +
		`</resource><request><method value="POST"/><url value="Patient"/></request></entry>` +
		`<entry><resource><Encounter><status value="planned"/><class><code value="AMB"/></class><subject><reference value="` + urnPatient + `"/></subject></Encounter></resource>` +
		`<request><method value="POST"/><url value="Encounter"/></request></entry></Bundle>`
	g.run(t, []exchange{{do: "POST /", body: body, header: []string{fhirXMLType}, status: 200, has: []string{"<Bundle xmlns=", `<type value="transaction-response"/>`, `<status value="201 Created"/>`}}})
	for key, r := range g.store.resources {
		switch {
		case strings.HasPrefix(key, "Patient/") && string(r.source) != element:
			t.Errorf("%s", r.source)
		case strings.HasPrefix(key, "Encounter/") && (!strings.HasPrefix(string(r.source), "<Encounter>") || !strings.Contains(string(r.current().Body), `"reference":"Patient/`)):
			t.Errorf("%s\n%s", r.source, r.current().Body)
		}
	}
	if len(g.store.resources) != 2 {
		t.Error(len(g.store.resources))
	}
}

// A Binary in XML is the resource; other XML that is sent to Binary is its content.
func TestXMLBinary(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Binary/b1", body: `<Binary xmlns="http://hl7.org/fhir"><id value="b1"/><contentType value="text/plain"/><data value="aGVsbG8="/></Binary>`, header: []string{fhirXMLType, "Accept: application/fhir+json"},
			status: 201, has: []string{`"contentType":"text/plain"`, `"data":"aGVsbG8="`}},
		{do: "GET /Binary/b1", header: []string{"Accept: application/fhir+xml"}, status: 200, has: []string{`<data value="aGVsbG8="/>`}},
		{do: "PUT /Binary/b2", body: `<ClinicalDocument xmlns="urn:hl7-org:v3"/>`, header: []string{"Content-Type: application/xml", "Accept: application/fhir+json"}, status: 201, has: []string{`"contentType":"application/xml"`}},
		{do: "PUT /Binary/b3", body: `<Patient xmlns="http://hl7.org/fhir"`, header: []string{fhirXMLType}, status: 400},
	})
}

// Synthea's Bundles in XML are stored as their twins in JSON are.
func TestXMLSynthea(t *testing.T) {
	names := shared.Files("data/fhir/synthea/pathling/enc-Dino*.xml.gz")
	if len(names) == 0 || testing.Short() {
		t.Skip("no sample data here")
	}
	src, err := shared.Read(names[0])
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(t, Limits{})
	for _, m := range regexp.MustCompile(`<reference value="(\w+)\?identifier=([^"|]*)\|([^"]*)"`).FindAllSubmatch(src, -1) {
		body := fmt.Sprintf(`{"resourceType":"%s","identifier":[{"system":"%s","value":"%s"}]}`, m[1], m[2], m[3])
		g.send(&exchange{do: "POST /" + string(m[1]), body: body, header: []string{fmt.Sprintf("If-None-Exist: identifier=%s|%s", m[2], m[3])}})
	}
	before := len(g.store.resources)
	w := g.send(&exchange{do: "POST /", body: string(src), header: []string{fhirXMLType}})
	if w.Code != 200 || w.Header().Get("Content-Type") != fhirXML {
		t.Fatalf("%d %.500s", w.Code, w.Body)
	}
	inXML := 0
	for key, r := range g.store.resources {
		if strings.HasPrefix(string(r.source), "<"+strings.Split(key, "/")[0]) {
			inXML++
		}
	}
	if inXML < 100 || inXML != len(g.store.resources)-before {
		t.Errorf("%d of %d resources are kept in XML", inXML, len(g.store.resources))
	}
}
