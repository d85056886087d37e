package fhir

import (
	"errors"
	"net/http"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/xml"
)

// The gate works on JSON. A body in XML becomes JSON when it comes, and an answer becomes XML when it goes.

// jsonOf turns a body in XML into JSON.
func jsonOf(src []byte, limit, nodes int) ([]byte, *xml.Places, error) {
	json, places, err := xml.ToJSON(src, xml.Limits{Bytes: limit, Nodes: nodes})
	if err != nil {
		return nil, nil, xmlProblem(err)
	}
	return json, places, nil
}

// xmlProblem is what is answered to a body that is no XML or says no resource, or is too large.
func xmlProblem(err error) *problem {
	var e *xml.Error
	if !errors.As(err, &e) {
		return parseProblem(err)
	}
	p := fail(http.StatusBadRequest, "structure", "the body is no resource in XML: %s", e.Reason)
	p.issues[0].Severity, p.issues[0].Path, p.issues[0].Position = "fatal", e.Path, e.Position
	return p
}

// inOrder writes JSON that was made of XML as it would be made of the XML that is served of it: what the gate has put in stands in
// the order of the definitions, too. So whoever has either form holds what the receipt commits to.
func inOrder(json []byte) []byte {
	t := tape.Get()
	defer t.Release()
	if t.Parse(json, tape.Limits{Bytes: len(json), Nodes: bundleNodes}) != nil {
		return json
	}
	src, err := xml.FromJSON(nil, t.Root(), false)
	if err != nil {
		return json
	}
	if again, _, err := xml.ToJSON(src, xml.Limits{Bytes: len(src), Nodes: bundleNodes}); err == nil {
		return again
	}
	return json
}

// inXML turns an answer into XML. What XML cannot say, such as a narrative that is not well-formed, is answered with 406; but what was done
// stays done, and its status what it is.
func inXML(r *http.Request, status int, body []byte) (int, []byte) {
	t := tape.Get()
	defer t.Release()
	err := t.Parse(body, tape.Limits{Bytes: len(body), Nodes: bundleNodes})
	if err == nil {
		var out []byte
		if out, err = xml.FromJSON(nil, t.Root(), len(body) < maxPretty && pretty(r.URL.RawQuery)); err == nil {
			return status, out
		}
	}
	issue := Issue{Severity: "error", Code: "not-supported", Text: "the answer has something in it that XML cannot say; ask for it in application/fhir+json"}
	var e *xml.Error
	if errors.As(err, &e) {
		issue.Path = e.Path
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		status = http.StatusNotAcceptable
	}
	if err := t.Parse(appendOutcome(nil, issue), tape.Limits{}); err != nil {
		return status, nil
	}
	out, err := xml.FromJSON(nil, t.Root(), false)
	if err != nil {
		return status, nil
	}
	return status, out
}
