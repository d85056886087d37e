//go:build real && linux

package real_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// event is an AuditEvent, as far as the tests look at it.
type event struct {
	ID, Action, Outcome, OutcomeDesc string
	Subtype                          []struct{ Code string }
	Agent                            []struct {
		Requestor    bool
		Name         string
		PurposeOfUse []struct{ Coding []struct{ Code string } }
	}
	Entity []struct {
		What struct {
			Reference  string
			Identifier struct{ Value string }
		}
		Type  struct{ Code string }
		Query string
	}
}

// String tells what the event says: action, interaction, outcome, who, why, and what was touched.
func (e *event) String() string {
	s := e.Action
	for _, sub := range e.Subtype {
		s += " " + sub.Code
	}
	s += " " + e.Outcome
	for _, a := range e.Agent {
		if a.Requestor {
			s += " " + a.Name + " " + a.PurposeOfUse[0].Coding[0].Code
		}
	}
	for _, x := range e.Entity {
		switch {
		case x.Query != "":
			q, _ := base64.StdEncoding.DecodeString(x.Query)
			s += " <" + string(q) + ">"
		case x.What.Reference != "":
			s += " " + x.What.Reference
		}
	}
	return s
}

// eventsOf gives the entries that a request left, those of all charts and of the organisation's own stream, oldest first.
func eventsOf(t *testing.T, n *member, request string) (found []event) {
	t.Helper()
	if request == "" {
		t.Fatal("the answer has no X-Request-Id")
	}
	var page struct{ Entry []struct{ Resource event } }
	if err := json.Unmarshal(n.ask(t, http.StatusOK, "auditor GET /AuditEvent?_count=100", "").body, &page); err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Entry {
		for _, x := range e.Resource.Entity {
			if x.Type.Code == "XrequestId" && x.What.Identifier.Value == request {
				found = append(found, e.Resource)
			}
		}
	}
	slices.Reverse(found)
	return found
}

// TestRealEntries says for each kind of request exactly which entries it leaves.
func TestRealEntries(t *testing.T) {
	n := lone(t, t.TempDir()+"/lone")
	const who = "clinician@lone TREAT"
	transaction := `{"resourceType":"Bundle","type":"transaction","entry":[
		{"fullUrl":"urn:uuid:0b8b9a2e-0a52-4b5d-9d3c-1f3c1b0c7a11","resource":{"resourceType":"Patient","id":"p3"},"request":{"method":"PUT","url":"Patient/p3"}},
		{"resource":{"resourceType":"Observation","id":"o3","status":"final","code":{"text":"x"},"subject":{"reference":"urn:uuid:0b8b9a2e-0a52-4b5d-9d3c-1f3c1b0c7a11"}},"request":{"method":"PUT","url":"Observation/o3"}},
		{"request":{"method":"GET","url":"Patient/p2"}}]}`
	for _, c := range []struct {
		request, body, header string
		status                int
		want                  []string
	}{
		{"clinician PUT /Patient/p1", patient("p1", "Hassan"), "", 201, []string{"C create 0 " + who + " Patient/p1 Patient/p1/_history/1"}},
		{"clinician PUT /Patient/p2", patient("p2", "Ali"), "", 201, []string{"C create 0 " + who + " Patient/p2 Patient/p2/_history/1"}},
		{"clinician PUT /Observation/o1", observation("o1", "p1", 1), "", 201, []string{"C create 0 " + who + " Patient/p1 Observation/o1/_history/1"}},
		{"clinician PUT /Observation/o2", observation("o2", "p2", 2), "", 201, []string{"C create 0 " + who + " Patient/p2 Observation/o2/_history/1"}},
		{"clinician PUT /Organization/g1", `{"resourceType":"Organization","id":"g1","name":"G"}`, "", 201, []string{"C create 0 " + who + " Organization/g1/_history/1"}},
		{"clinician GET /Patient/p1", "", "", 200, []string{"R read 0 " + who + " Patient/p1 Patient/p1/_history/1"}},
		{"clinician PUT /Patient/p1", patient("p1", "Hasan"), `If-Match: W/"1"`, 200, []string{"U update 0 " + who + " Patient/p1 Patient/p1/_history/2"}},
		{"clinician GET /Patient/p1/_history/1", "", "", 200, []string{"R vread 0 " + who + " Patient/p1 Patient/p1/_history/1"}},
		{"clinician GET /Patient/p1/_history", "", "", 200, []string{"R history-instance 0 " + who + " Patient/p1 Patient/p1/_history/2 Patient/p1/_history/1 <GET Patient/p1/_history>"}},
		{"clinician GET /Observation?patient=p1", "", "", 200, []string{"E search search-type 0 " + who + " Patient/p1 Observation/o1/_history/1 <GET Observation?patient=p1>"}},
		{"clinician GET /Observation?code=8867-4", "", "", 200, []string{
			"E search search-type 0 " + who + " <GET Observation?code=8867-4 — 2 resources of 2 charts>",
			"E search search-type 0 " + who + " Patient/p1 Observation/o1/_history/1 <GET Observation?code=8867-4>",
			"E search search-type 0 " + who + " Patient/p2 Observation/o2/_history/1 <GET Observation?code=8867-4>",
		}},
		{"clinician GET /Observation?code=none", "", "", 200, []string{"E search search-type 0 " + who + " <GET Observation?code=none — 0 resources of 0 charts>"}},
		{"clinician POST /", transaction, "", 200, []string{
			"C create 0 " + who + " Patient/p3 Patient/p3/_history/1",
			"C create 0 " + who + " Patient/p3 Observation/o3/_history/1",
			"R read 0 " + who + " Patient/p2 Patient/p2/_history/1",
		}},
		{"clinician DELETE /Observation/o1", "", "", 204, []string{"D delete 0 " + who + " Patient/p1 Observation/o1/_history/2"}},
		{"clinician GET /Observation/o1", "", "", 410, []string{"E read 4 " + who + " Patient/p1 Observation/o1 <GET Observation/o1 — "}},
		{"auditor GET /AuditEvent?patient=Patient/p2", "", "", 200, []string{"E search search-type 0 auditor@lone HCOMPL Patient/p2 <GET AuditEvent?patient=Patient/p2 — "}},
	} {
		a := n.ask(t, c.status, c.request, c.body, headers(c.header)...)
		var got []string
		for i, e := range eventsOf(t, n, a.header.Get("X-Request-Id")) {
			s := e.String()
			if i < len(c.want) && strings.HasSuffix(c.want[i], " — ") && strings.HasPrefix(s, c.want[i]) {
				s = c.want[i] // the rest is a text for people
			}
			got = append(got, s)
		}
		if d := cmp.Diff(slices.Sorted(slices.Values(c.want)), slices.Sorted(slices.Values(got))); d != "" {
			t.Errorf("%s: (-want +got)\n%s", c.request, d)
		}
	}
}

func headers(h string) []string {
	if h == "" {
		return nil
	}
	return []string{h}
}

// refusal tells whether an entry was left for a request that was refused.
func refusal(t *testing.T, n *member, a *answer) error {
	t.Helper()
	events := eventsOf(t, n, a.header.Get("X-Request-Id"))
	if len(events) != 1 {
		return fmt.Errorf("%d entries were left", len(events))
	}
	if e := &events[0]; e.Action != "E" || e.Outcome == "0" || !strings.HasPrefix(e.OutcomeDesc, fmt.Sprint(a.status)) {
		return fmt.Errorf("the entry says %s, %s", e, e.OutcomeDesc)
	}
	return nil
}
