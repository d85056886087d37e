package fhir

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sijil-health/sijil/record"
)

const (
	urnPatient = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
	urnVisit   = "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059"
)

func bundleOf(typ string, entries ...string) string {
	return `{"resourceType":"Bundle","type":"` + typ + `","entry":[` + strings.Join(entries, ",") + `]}`
}

func entryOf(fullURL, method, url, resource string, more ...string) string {
	var b strings.Builder
	b.WriteString("{")
	if fullURL != "" {
		fmt.Fprintf(&b, `"fullUrl":%q,`, fullURL)
	}
	if resource != "" {
		fmt.Fprintf(&b, `"resource":%s,`, resource)
	}
	fmt.Fprintf(&b, `"request":{"method":%q,"url":%q`, method, url)
	for _, m := range more {
		b.WriteString("," + m)
	}
	b.WriteString("}}")
	return b.String()
}

// served gives the current form of the only resource of a type.
func (g *gate) served(t *testing.T, typ string) string {
	t.Helper()
	found := ""
	for key, r := range g.store.resources {
		if strings.HasPrefix(key, typ+"/") && r.current().Op != record.OpDelete {
			if found != "" {
				t.Errorf("more than one %s", typ)
			}
			found = string(r.current().Body)
		}
	}
	return found
}

func TestTransactionResolvesReferences(t *testing.T) {
	g := newGate(t, Limits{})
	narrative := `"text":{"status":"generated","div":"<div><a href=\"` + urnPatient + `\">p</a> ` + urnPatient + ` <img src='` + urnPatient + `'/></div>"}`
	visit := `{"resourceType":"Encounter","id":"old", ` + narrative + `,"identifier":[{"system":"urn:ietf:rfc:3986","value":"` + urnPatient + `"}],
	  "subject":{"reference":"` + urnPatient + `","display":"1.00"},"serviceProvider":{"reference":"Organization?identifier=http://h|1"},
	  "participant":[{"individual":{"reference":"#c"}},{"individual":{"reference":"Practitioner/77"}}],
	  "extension":[{"url":"http://x","valueUri":"` + urnPatient + `"},{"url":"http://x","valueString":"` + urnPatient + `"}],
	  "contained":[{"resourceType":"Basic","id":"c","subject":{"reference":"` + urnVisit + `#c"}}]}`
	body := bundleOf("transaction",
		entryOf(urnVisit, "POST", "Encounter", visit),
		entryOf("http://other/fhir/Practitioner/77", "POST", "Practitioner", `{"resourceType":"Practitioner","id":"77"}`),
		entryOf("http://other/fhir/PractitionerRole/1", "POST", "PractitionerRole", `{"resourceType":"PractitionerRole","practitioner":{"reference":"Practitioner/77"}}`),
		entryOf(urnPatient, "PUT", "Patient/p9", `{"resourceType":"Patient","id":"p9"}`),
		entryOf("", "GET", "Patient/p9", ""),
		entryOf("", "GET", "Encounter?patient=p9", ""))
	g.run(t, []exchange{
		{do: "PUT /Organization/org1", body: `{"resourceType":"Organization","id":"org1","identifier":[{"system":"http://h","value":"1"}]}`, status: 201},
		{name: "transaction", do: "POST ", body: body, status: 200,
			has: []string{`"type":"transaction-response"`, `"status":"201 Created"`, `"location":"Patient/p9/_history/1"`, `"etag":"W/\"1\""`, "Sijil-Ack: anchored", `"status":"200 OK"`, `"type":"searchset"`}},
	})
	left := g.store.left(1)
	if len(left) != 7 || left[0] != "search Organization/org1/1" || !strings.HasPrefix(left[1], "create of Patient/p9 Encounter/") ||
		left[4] != "create of Patient/p9 Patient/p9/1" || left[5] != "read of Patient/p9 Patient/p9/1" || !strings.HasPrefix(left[6], "search of Patient/p9 Encounter/") {
		t.Errorf("entries %q", left)
	}
	var ids struct {
		ID          string
		Participant []struct{ Individual struct{ Reference string } }
	}
	got := g.served(t, "Encounter")
	if err := json.Unmarshal([]byte(got), &ids); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		`"id":"old",`, `"id":"`+ids.ID+`","meta":{"versionId":"1","lastUpdated":"2026-03-01T12:00:02.000Z"},`,
		`"reference":"`+urnPatient+`"`, `"reference":"Patient/p9"`,
		`href=\"`+urnPatient, `href=\"Patient/p9`, `src='`+urnPatient, `src='Patient/p9`,
		`"valueUri":"`+urnPatient, `"valueUri":"Patient/p9`,
		urnVisit+"#c", "Encounter/"+ids.ID+"#c",
		"Organization?identifier=http://h|1", "Organization/org1").Replace(visit)
	if got != want {
		t.Errorf("served\n%s\nwant\n%s", got, want)
	}
	practitioner := "Practitioner/" + ids.ID // not: relative references count by their own entry's base
	if role := g.served(t, "PractitionerRole"); strings.Contains(role, `"Practitioner/77"`) || strings.Contains(role, practitioner) || !strings.Contains(role, `"reference":"Practitioner/`) {
		t.Errorf("relative reference: %s", role)
	}
	if source := g.store.resources["Encounter/"+ids.ID].source; string(source) != visit {
		t.Errorf("source was not kept: %s", source)
	}
}

func TestTransactionIsAllOrNothing(t *testing.T) {
	good := entryOf("", "PUT", "Basic/b", `{"resourceType":"Basic","id":"b"}`)
	basic := `{"resourceType":"Basic"}`
	for _, c := range []struct {
		name    string
		entries []string
		status  int
		has     string
	}{
		{"urn that is not there", []string{good, entryOf("", "POST", "Basic", `{"resourceType":"Basic","subject":{"reference":"`+urnVisit+`"}}`)}, 422, "Bundle.entry[1].resource.subject.reference"},
		{"condition without match", []string{good, entryOf("", "POST", "Basic", `{"resourceType":"Basic","subject":{"reference":"Patient?identifier=x"}}`)}, 422, "Bundle.entry[1].resource.subject.reference"},
		{"condition that is none", []string{good, entryOf("", "POST", "Basic", `{"resourceType":"Basic","subject":{"reference":"Patient?shoe=x"}}`)}, 400, "Bundle.entry[1].resource.subject.reference"},
		{"twice the same", []string{good, good}, 400, "Bundle.entry[1].request.url"},
		{"written and deleted", []string{good, entryOf("", "DELETE", "Basic/b", "")}, 400, "duplicate"},
		{"fullUrl twice", []string{entryOf(urnVisit, "POST", "Basic", basic), entryOf(urnVisit, "POST", "Basic", basic)}, 400, "Bundle.entry[1].fullUrl"},
		{"bad fullUrl", []string{good, entryOf("x", "POST", "Basic", basic)}, 400, "Bundle.entry[1].fullUrl"},
		{"stale version", []string{good, entryOf("", "PUT", "Basic/old", `{"resourceType":"Basic","id":"old"}`, `"ifMatch":"W/\"7\""`)}, 412, "Bundle.entry[1]"},
		{"deletes nothing of that version", []string{good, entryOf("", "DELETE", "Basic/none", "", `"ifMatch":"W/\"1\""`)}, 412, "Bundle.entry[1].request.ifMatch"},
		{"reads nothing", []string{good, entryOf("", "GET", "Basic/none", "")}, 404, "Bundle.entry[1].request.url"},
		{"no request", []string{good, `{"resource":` + basic + `}`}, 400, "Bundle.entry[1].request"},
		{"no resource", []string{good, entryOf("", "POST", "Basic", "")}, 400, "Bundle.entry[1].resource"},
		{"entry is no object", []string{good, `7`}, 400, "Bundle.entry[1]"},
		{"patch", []string{good, entryOf("", "PATCH", "Basic/c", basic)}, 400, "Bundle.entry[1].resource"},
		{"criteria beside an id", []string{good, entryOf("", "PUT", "Basic/x?identifier=y", `{"resourceType":"Basic","id":"x"}`)}, 400, "criteria"},
		{"conditional update of another id", []string{good, entryOf("", "PUT", "Basic?_id=old", `{"resourceType":"Basic","id":"x"}`)}, 400, "Bundle.entry[1].resource.id"},
		{"conditional update of what another entry writes", []string{entryOf("", "PUT", "Basic/old", `{"resourceType":"Basic","id":"old"}`), entryOf("", "PUT", "Basic?_id=old", basic)}, 400, "duplicate"},
		{"conditional delete of what another entry writes", []string{entryOf("", "PUT", "Basic/old", `{"resourceType":"Basic","id":"old"}`), entryOf("", "DELETE", "Basic?_id=old", "")}, 400, "duplicate"},
		{"conditional update of what another entry deletes", []string{entryOf("", "DELETE", "Basic/old", ""), entryOf("", "PUT", "Basic?_id=old", basic)}, 400, "duplicate"},
		{"deleted twice", []string{entryOf("", "DELETE", "Basic/old", ""), entryOf("", "DELETE", "Basic?_id=old", "")}, 400, "duplicate"},
		{"refers on a condition to what is deleted", []string{entryOf("", "DELETE", "Basic/old", ""), entryOf("", "POST", "Basic", `{"resourceType":"Basic","subject":{"reference":"Basic?_id=old"}}`)}, 422, "Bundle.entry[1]"},
		{"conditional update by nothing", []string{good, entryOf("", "PUT", "Basic?_format=json", basic)}, 400, "Bundle.entry[1].request.url"},
		{"conditional update of a stale version", []string{good, entryOf("", "PUT", "Basic?_id=old", basic, `"ifMatch":"W/\"7\""`)}, 412, "Bundle.entry[1].request.ifMatch"},
		{"unknown type", []string{good, entryOf("", "POST", "Basics", basic)}, 400, "Bundle.entry[1].request.url"},
		{"another type", []string{good, entryOf("", "POST", "Patient", basic)}, 400, "Bundle.entry[1].resource.resourceType"},
		{"another id", []string{good, entryOf("", "PUT", "Basic/x", `{"resourceType":"Basic","id":"y"}`)}, 400, "Bundle.entry[1].resource.id"},
		{"audit event", []string{good, entryOf("", "POST", "AuditEvent", `{"resourceType":"AuditEvent"}`)}, 405, "Bundle.entry[1].request.url"},
		{"method is no string", []string{good, `{"request":{"method":7,"url":"Basic"}}`}, 400, "Bundle.entry[1].request.method"},
		{"same condition twice", []string{entryOf("", "POST", "Basic", basic, `"ifNoneExist":"identifier=q"`), entryOf("", "POST", "Basic", basic, `"ifNoneExist":"identifier=q"`)}, 400, "Bundle.entry[1].request.ifNoneExist"},
	} {
		g := newGate(t, Limits{})
		g.run(t, []exchange{
			{do: "PUT /Basic/old", body: `{"resourceType":"Basic","id":"old"}`, status: 201},
			{name: c.name, do: "POST /", body: bundleOf("transaction", c.entries...), status: c.status, has: []string{c.has}},
		})
		if left := g.store.left(1); left[len(left)-1] != fmt.Sprintf("refuse %d", c.status) || len(left) > 2 {
			t.Errorf("%s: entries %q", c.name, left)
		}
		if n := len(g.store.resources); n != 1 {
			t.Errorf("%s: %d resources", c.name, n)
		}
	}
}

func TestConditionalEntries(t *testing.T) {
	g := newGate(t, Limits{})
	create := entryOf(urnPatient, "POST", "Patient", patient, `"ifNoneExist":"identifier=http://h|7"`)
	refer := entryOf("", "POST", "Basic", `{"resourceType":"Basic","subject":{"reference":"`+urnPatient+`"},"author":{"reference":"Patient?identifier=http://h|7"}}`)
	g.run(t, []exchange{{do: "POST /", body: bundleOf("transaction", refer, create), status: 200, has: []string{`"201 Created"`}, hasNot: []string{`"200 OK"`}}})
	first := g.served(t, "Basic")
	g.run(t, []exchange{{name: "again", do: "POST /", body: bundleOf("transaction", create), status: 200, has: []string{`"200 OK"`}, hasNot: []string{"Sijil-Ack"}}})
	var p struct{ ID string }
	if err := json.Unmarshal([]byte(g.served(t, "Patient")), &p); err != nil {
		t.Fatal(err)
	}
	if strings.Count(first, `"reference":"Patient/`+p.ID+`"`) != 2 {
		t.Errorf("%s does not refer to %s twice", first, p.ID)
	}
}

// TestConditionsAreNotRaced lets many create the same thing on the same condition at once.
func TestConditionsAreNotRaced(t *testing.T) {
	g := newGate(t, Limits{})
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			e := exchange{do: "POST /Patient", body: patient, header: []string{"If-None-Exist: identifier=http://h|7"}}
			if i%2 == 0 {
				e = exchange{do: "POST /", body: bundleOf("transaction", entryOf(urnPatient, "POST", "Patient", patient, `"ifNoneExist":"identifier=http://h|7"`))}
			}
			if w := g.send(&e); w.Code >= 300 {
				t.Error(w.Code, w.Body)
			}
		})
	}
	wait.Wait()
	g.served(t, "Patient") // reports more than one
	if len(g.conditions.held) != 0 {
		t.Error("a condition is still held")
	}
}

func TestTransactionOrder(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Basic/a", body: `{"resourceType":"Basic","id":"a"}`, status: 201},
		{do: "PUT /Basic/gone", body: `{"resourceType":"Basic","id":"gone"}`, status: 201},
		{do: "DELETE /Basic/gone", status: 204},
		{name: "all verbs", do: "POST /", header: []string{"Prefer: return=representation"}, body: bundleOf("transaction",
			entryOf("", "GET", "Basic/b", ""), entryOf("", "PUT", "Basic/b", `{"resourceType":"Basic","id":"b"}`), entryOf("", "DELETE", "Basic/gone", ""),
			entryOf("", "POST", "Patient", patient), entryOf("", "DELETE", "Basic/a", "")), status: 200,
			has: []string{`"entry":[{"resource":{"resourceType":"Basic","id":"b"`, `{"response":{"status":"204 No Content"}}`}},
		{name: "empty", do: "POST /", body: bundleOf("transaction"), status: 200},
		{name: "without entry", do: "POST /", body: `{"resourceType":"Bundle","type":"transaction"}`, status: 200},
	})
	left := g.store.left(3)
	if left[0] != "delete Basic/a/2" || !strings.HasPrefix(left[1], "create of Patient/") || left[2] != "create Basic/b/1" || left[3] != "read Basic/b/1" {
		t.Errorf("%q", left)
	}
}

func TestBatchIsolatesErrors(t *testing.T) {
	g := newGate(t, Limits{})
	g.run(t, []exchange{
		{do: "PUT /Patient/p1", body: patient, status: 201},
		{name: "batch", do: "POST /", body: bundleOf("batch",
			entryOf("", "GET", "Patient/p1", ""), entryOf("", "GET", "Patient/none", ""), entryOf("", "PUT", "Basic/b", `{"resourceType":"Basic","id":"b"}`),
			entryOf("", "POST", "Observation", `{"resourceType":"Observation","code":"x"}`), entryOf("", "GET", "Patient?shoe=1", ""),
			`7`, entryOf("", "GET", "Patient/p1/_history", ""), entryOf("", "GET", "Patient/p1/_history/1", ""),
			entryOf("", "GET", "Patient/p1", "", `"ifNoneMatch":"W/\"1\""`), entryOf("", "GET", "AuditEvent?patient=p1", ""), entryOf("", "POST", "Patient/_search", "")), status: 200,
			has: []string{
				`"type":"batch-response"`, `"status":"404 Not Found","outcome":{"resourceType":"OperationOutcome"`, `"status":"201 Created","location":"Basic/b/_history/1"`,
				"Bundle.entry[3].resource.code", "Bundle.entry[4]", "Bundle.entry[5]", `"type":"history"`, `"status":"304 Not Modified"`, "Sijil-Ack: anchored", `"AuditEvent"`,
			}},
	})
	refused := 0
	for _, line := range g.store.left(1) {
		if strings.HasPrefix(line, "refuse") {
			refused++
		}
	}
	if refused != 4 {
		t.Errorf("%d refusals are recorded, want 4: %q", refused, g.store.left(1))
	}
}
