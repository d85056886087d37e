package fhir

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryRefusalIsRecorded sends what must be refused over a network, to a gate on the record itself, and says of each what it leaves on
// the ledger, in whose stream. The answer is the gate's own each time.
func TestEveryRefusalIsRecorded(t *testing.T) {
	g, stop := realGate(t, t.TempDir(), true)
	defer stop()
	if w := g.send(&exchange{do: "PUT /Patient/p1", body: patient}); w.Code != http.StatusCreated {
		t.Fatal(w.Code, w.Body)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = g.HTTP()
	server.Start()
	defer server.Close()
	for _, c := range []struct {
		request, header, body string
		status                int
		want                  string // before the reason; "" for no entry
	}{
		{"GET /fhir/Patient/p1", "Authorization: none", "", 401, ": read 401 <GET Patient/p1 — login"},
		{"GET /fhir/Patient/p1", "Authorization: Bearer mallory", "", 403, "Patient/p1: read 403 <GET Patient/p1 — forbidden"},
		{"GET /fhir/Patient/p1/_history/7", "", "", 404, "Patient/p1: vread 404 <GET Patient/p1/_history/7 — not-found"},
		{"GET /fhir/Nothing/x", "", "", 404, ": 404 <GET Nothing/x — not-supported"},
		{"GET /fhir/a/b/c/d/e", "", "", 404, ": 404 <GET a/b/c/d/e — not-found"},
		{"GET /elsewhere", "", "", 404, ": 404 <GET /elsewhere — not-found"},
		{"GET /", "", "", 404, ": 404 <GET / — not-found"},
		{"GET //Patient", "", "", 404, ": 404 <GET //Patient — not-found"},
		{"GET /fhir//Patient", "", "", 404, ": 404 <GET /Patient — not-found"},
		{"GET /fhir/./Patient", "", "", 404, ": 404 <GET ./Patient — not-found"},
		{"GET /fhir/Patient/../Patient/p1", "", "", 404, ": 404 <GET Patient/../Patient/p1 — not-found"},
		{"PUT /fhir/Patient//p1", "", patient, 404, "Patient/p1: 404 <PUT Patient//p1 — not-found"},
		{"GET /fhir/Patient/", "", "", 404, ": 404 <GET Patient/ — not-found"},
		{"GET /fhir/Patient/p1/$nothing", "", "", 404, "Patient/p1: operation 404 <GET Patient/p1/$nothing — not-found"},
		{"GET /fhir/Patient/p1/", "", "", 404, "Patient/p1: 404 <GET Patient/p1/ — not-found"},
		{"GET /fhir/Patient/%2e%2e/p1", "", "", 404, ": 404 <GET Patient/../p1 — not-found"},
		{"POST /fhir/AuditEvents", "", `{"resourceType":"AuditEvent"}`, 404, ": 404 <POST AuditEvents — not-supported"},
		{"GET /fhirs/Patient", "", "", 404, ": 404 <GET /fhirs/Patient — not-found"},
		{"OPTIONS *", "", "", 404, ": 404 <OPTIONS * — not-found"},
		{"OPTIONS /fhir/Patient", "", "", 405, ": 405 <OPTIONS Patient — not-supported"},
		{"TRACE /fhir/Patient/p1", "", "", 405, "Patient/p1: 405 <TRACE Patient/p1 — not-supported"},
		{"PATCH /fhir/Patient/p1", "", "[]", 400, "Patient/p1: patch 400 <PATCH Patient/p1 — invalid"},
		{"PATCH /fhir/Patient/p1", "Content-Type: text/plain", "[]", 415, "Patient/p1: patch 415 <PATCH Patient/p1 — not-supported"},
		{"POST /fhir/metadata", "", patient, 404, ": 404 <POST metadata — not-supported"},
		{"GET /fhir/Patient/p1", "Accept: text/html", "", 406, "Patient/p1: read 406 <GET Patient/p1 — not-supported"},
		{"GET /fhir/metadata", "Accept: text/html", "", 406, ""}, // says nothing of anybody
		{"POST /fhir/Observation", "", `{"resourceType":"Observation","subject":{"reference":"Patient/p1"},"unknown":1}`, 400, "Patient/p1: create 400 <POST Observation — structure"},
		{"PUT /fhir/Patient/p1", "If-Match:", patient, 400, "Patient/p1: update 400 <PUT Patient/p1 — value"},
		{"POST /fhir/Patient", "If-None-Exist:", patient, 400, ": create 400 <POST Patient — value"},
		{"PUT /fhir/Patient/p1", "If-None-Exist: identifier=a|b", patient, 400, "Patient/p1: update 400 <PUT Patient/p1 — not-supported"},
		{"GET /fhir/Patient?access_token=eyJhbGciOi.eyJzdWIi.c2ln", "", "", 400, ": search search-type 400 <GET Patient?access_token=[left out] — not-supported"},
		{"GET /fhir/Patient/p1/eyJhbGciOi%2eeyJzdWIi.c2ln", "", "", 404, "Patient/p1: 404 <GET Patient/p1/[token] — not-found"},
		{"POST /fhir/Patient", "Content-Length: 5000000", "", 413, ": create 413 <POST Patient — too-long"},
		{"GET /fhir/Patient?_id=" + strings.Repeat("1,", maxQuery/2), "", "", 414, ": search search-type 414 <GET Patient?_id=1,1,"},
		{"PUT /fhir/Patient/p1", "Content-Type: text/plain", patient, 415, "Patient/p1: update 415 <PUT Patient/p1 — not-supported"},
		{"PUT /fhir/Patient/p1", "Content-Encoding: br", patient, 415, "Patient/p1: update 415 <PUT Patient/p1 — not-supported"},
		{"PUT /fhir/Patient/p1", "Content-Encoding: gzip", patient, 400, "Patient/p1: update 400 <PUT Patient/p1 — structure"},
		{"GET /fhir/AuditEvent?patient=Patient/p1", "", "", 403, "Patient/p1: search search-type 403 <GET AuditEvent?patient=Patient/p1 — forbidden"},
		{"GET /fhir/AuditEvent?patient=Patient/nobody", "", "", 403, ": search search-type 403 <GET AuditEvent?patient=Patient/nobody — forbidden"},
	} {
		header, body, status := raw(t, server.Listener.Addr().String(), c.request, c.header, c.body)
		if status != c.status || !strings.HasPrefix(body, `{"resourceType":"OperationOutcome"`) || header.Get("Content-Type") != fhirJSON {
			t.Errorf("%.80s: %d, want %d: %.200s", c.request, status, c.status, body)
			continue
		}
		got := g.entriesOf(t, header.Get("X-Request-Id"))
		if c.want == "" && len(got) == 0 {
			continue
		}
		if len(got) != 1 || c.want == "" || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%.80s: entries %s", c.request, cmp.Diff([]string{c.want}, got))
		}
	}
}

// raw sends a request as it is written, which http.Client would not.
func raw(t *testing.T, address, request, header, body string) (http.Header, string, int) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if header == "" || !strings.HasPrefix(header, "Authorization") {
		header = strings.TrimPrefix(header+"\r\n", "\r\n") + "Authorization: Bearer dr.amal"
	}
	if body != "" {
		header += fmt.Sprintf("\r\nContent-Length: %d", len(body))
	}
	if body != "" && !strings.Contains(header, "Content-Type") {
		header += "\r\nContent-Type: application/fhir+json"
	}
	if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: h.example\r\nConnection: close\r\n%s\r\n\r\n%s", request, header, body); err != nil {
		t.Fatal(err)
	}
	w, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(request, err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(request, err)
	}
	return w.Header, string(b), w.StatusCode
}
