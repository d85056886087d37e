package fhir

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/record"
)

// as is an Authorizer that lets everybody in as one.
type as record.Access

func (a as) Authorize(*http.Request) (record.Access, error) { return record.Access(a), nil }

// ask sends a request to the store of g under an access.
func (g *gate) ask(a record.Access, do, body string, header ...string) *httptest.ResponseRecorder {
	other := &gate{New(Config{Store: g.Store, Auth: as(a), Prefix: "/fhir"}), nil}
	return other.send(&exchange{do: do, body: body, header: header})
}

// verdict is what one is told of a single interaction, alone or in a Bundle.
func verdict(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var b struct {
		Entry []struct{ Response struct{ Status string } }
	}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.Entry) > 0 {
		return b.Entry[0].Response.Status[:3]
	}
	return http.StatusText(w.Code)
}

// TestWhoMayNotKnowIsToldNothing asks for what is there, what is gone and what never was, with accesses that may see none of it, in every
// way there is. All answers are refusals, and each leaves an entry.
func TestWhoMayNotKnowIsToldNothing(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	observed := func(id, of string) string {
		return `{"resourceType":"Observation","id":"` + id + `","subject":{"reference":"` + of + `"}}`
	}
	for _, do := range [][2]string{
		{"PUT /Patient/p1", patient}, {"PUT /Patient/gone", `{"resourceType":"Patient","id":"gone"}`}, {"DELETE /Patient/gone", ""},
		{"PUT /Observation/here", observed("here", "Patient/p1")}, {"PUT /Observation/gone", observed("gone", "Patient/p1")}, {"DELETE /Observation/gone", ""},
	} {
		if w := g.send(&exchange{do: do[0], body: do[1]}); w.Code >= 300 {
			t.Fatal(do[0], w.Code, w.Body)
		}
	}
	for _, a := range []record.Access{
		{Actor: "aud", Role: "auditor", Purpose: "HCOMPL"}, {Actor: "priv", Role: "privacy-officer", Purpose: "HCOMPL"},
		{Actor: "adm", Role: "administrator", Purpose: "HSYSADMIN"}, {Actor: "Patient/other", Role: "patient", Purpose: "PATRQT", Chart: "Patient/other"},
		{Actor: "dr", Role: "clinician", Purpose: "TREAT", Chart: "Patient/other"}, {Actor: "nurse", Role: "nurse", Purpose: "TREAT", Chart: "Patient/other"},
		{Actor: "aud", Role: "auditor", Purpose: "HCOMPL", Chart: "Patient/other"},
	} {
		for _, ref := range []string{"Patient/p1", "Patient/gone", "Patient/never", "Observation/here", "Observation/gone", "Observation/never"} {
			typ, id, _ := strings.Cut(ref, "/")
			body := `{"resourceType":"Patient","id":"` + id + `"}`
			if typ == "Observation" {
				body = observed(id, "Patient/other")
			}
			for method, body := range map[string]string{"GET": "", "DELETE": "", "PUT": body} {
				entry := entryOf("", method, ref, body)
				header := "X-None: x"
				if method == "PUT" { // without it, a limited access may create what is not there
					entry, header = entryOf("", method, ref, body, `"ifMatch":"W/\"77\""`), `If-Match: W/"77"`
				}
				for way, w := range map[string]*httptest.ResponseRecorder{
					"alone": g.ask(a, method+" /"+ref, body, header), "batch": g.ask(a, "POST /", bundleOf("batch", entry)),
					"transaction": g.ask(a, "POST /", bundleOf("transaction", entry)),
				} {
					if got := verdict(t, w); got != "403" && got != "Forbidden" || way == "transaction" && w.Code != http.StatusForbidden {
						t.Errorf("%s (%s): %s %s, %s: %d %s", a.Role, a.Chart, method, ref, way, w.Code, got)
					}
					if a.Role != "auditor" || a.Chart == "" { // one role stands for all: they are refused in the same place
						continue
					}
					left := g.entriesOf(t, w.Header().Get("X-Request-Id")) // what a transaction asked for stands in the organisation's own, the last
					if n := len(left); n == 0 || n > 1 && way != "transaction" || n > 2 || !strings.Contains(left[0], " 403 <") || !strings.Contains(left[n-1], method+" "+ref) {
						t.Errorf("%s: %s %s, %s: entries %q", a.Role, method, ref, way, left)
					}
				}
			}
		}
	}
}

// TestABundleIsRecordedWhereItNames sends Bundles that are refused, or store nothing, and looks in the charts that they name.
func TestABundleIsRecordedWhereItNames(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	for _, do := range []string{"p1", "p2", "gone"} {
		if w := g.send(&exchange{do: "PUT /Patient/" + do, body: `{"resourceType":"Patient","id":"` + do + `"}`}); w.Code != http.StatusCreated {
			t.Fatal(w.Code, w.Body)
		}
	}
	if _, err := g.Store.Write(context.Background(), record.Access{Role: "clinician"}, []record.Change{{Op: record.OpDelete, Type: "Patient", ID: "gone"}}); err != nil {
		t.Fatal(err)
	}
	auditor := record.Access{Actor: "aud", Role: "auditor", Purpose: "HCOMPL"}
	clinician := record.Access{Actor: "dr", Role: "clinician", Purpose: "TREAT"}
	about := `{"resourceType":"Observation","subject":{"reference":"Patient/p2"}}`
	for _, c := range []struct {
		name, body string
		as         record.Access
		status     int
		want       []string
	}{
		{"nothing", bundleOf("transaction"), clinician, 200, []string{": transaction <POST / (transaction of 0 entries) — nothing was asked for>"}},
		{"nothing", bundleOf("batch"), auditor, 200, []string{": batch <POST / (batch of 0 entries) — nothing was asked for>"}},
		{"deleted already", bundleOf("transaction", entryOf("", "DELETE", "Patient/gone", "")), clinician, 200,
			[]string{"Patient/gone: delete <DELETE Patient/gone — nothing to delete> Patient/gone"}},
		{"deleted already, another version", bundleOf("transaction", entryOf("", "DELETE", "Patient/gone", "", `"ifMatch":"W/\"1\""`)), clinician, 412,
			[]string{"Patient/gone: transaction 412 <POST / (transaction of 1 entries) — conflict", ": transaction 412 <POST / (transaction of 1 entries): DELETE Patient/gone — conflict"}},
		{"its history", bundleOf("transaction", entryOf("", "GET", "Patient/gone/_history", "")), clinician, 200,
			[]string{"Patient/gone: history-instance <GET Patient/gone/_history> Patient/gone/_history/2 Patient/gone/_history/1"}},
		{"two charts", bundleOf("transaction", entryOf("", "GET", "Patient/p1", ""), entryOf("", "POST", "Observation", about)), auditor, 403,
			[]string{"Patient/p1: transaction 403 <POST / (transaction of 2 entries) — forbidden", "Patient/p2: transaction 403 <POST / (transaction of 2 entries) — forbidden",
				": transaction 403 <POST / (transaction of 2 entries): GET Patient/p1, POST Observation — forbidden"}},
		{"nobody", bundleOf("transaction", entryOf("", "GET", "Patient/never", "")), clinician, 404,
			[]string{": transaction 404 <POST / (transaction of 1 entries): GET Patient/never — not-found"}},
	} {
		w := g.ask(c.as, "POST /", c.body)
		left := g.entriesOf(t, w.Header().Get("X-Request-Id"))
		same := len(left) == len(c.want)
		for i := range left {
			same = same && strings.HasPrefix(left[i], c.want[i])
		}
		if w.Code != c.status || !same {
			t.Errorf("%s: %d, want %d\nentries %q\nwant    %q\n%s", c.name, w.Code, c.status, left, c.want, w.Body)
		}
	}
}
