package fhir

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/sijil-health/sijil/bulk/answers"
	"github.com/sijil-health/sijil/record"
)

const respondAsync = "Prefer: respond-async"

// newAsync makes a gate that answers in the background, with a patient and an observation.
func newAsync(t *testing.T, limits answers.Limits) *gate {
	t.Helper()
	g := newGate(t, Limits{})
	x, err := answers.Open(answers.Options{Dir: filepath.Join(t.TempDir(), "answers"), Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	g.Answers = x
	g.run(t, []exchange{{do: "PUT /Patient/p1", body: patient, status: 201}, {do: "PUT /Observation/o1", body: observation, status: 201}})
	return g
}

// taken sends a request that is to be answered later, and gives the address of its status.
func (g *gate) taken(t *testing.T, e *exchange) string {
	t.Helper()
	later := *e
	later.header = append([]string{respondAsync}, e.header...)
	if i := slices.IndexFunc(e.header, func(h string) bool { return strings.HasPrefix(h, "Prefer: ") }); i >= 0 {
		later.header = []string{e.header[i] + ", respond-async"}
	}
	w := g.send(&later)
	at, ok := strings.CutPrefix(w.Header().Get("Content-Location"), "http://h.example/fhir")
	if w.Code != http.StatusAccepted || !ok || !strings.Contains(w.Body.String(), "OperationOutcome") {
		t.Fatalf("%s: %d %s %s", e.do, w.Code, at, w.Body)
	}
	return at
}

// fetched waits for the end of a request, which leaves no entries, and then asks for the answer.
func (g *gate) fetched(t *testing.T, at string, e *exchange) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+cmp.Or(e.actor, "dr.amal"))
	access, err := tokens{}.Authorize(r)
	for err == nil {
		var status answers.Status
		if status, err = g.Answers.Status(access, strings.Split(at, "/")[2]); status.Done {
			return g.send(&exchange{do: "GET " + at, actor: e.actor})
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal(err)
	return nil
}

// batchResponse is what an answer is given in.
type batchResponse struct {
	ResourceType, Type string
	Entry              []struct {
		Resource json.RawMessage
		Response struct {
			Status  string
			Outcome json.RawMessage
		}
	}
}

// TestRespondAsync asks for the same at once and in the background: the answer is the same, in a Bundle around it, and so are the entries, with one more for
// the request and one for the fetching.
func TestRespondAsync(t *testing.T) {
	g := newAsync(t, answers.Limits{Actor: 100})
	form, parameters := "Content-Type: application/x-www-form-urlencoded", `{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Observation"}]}`
	for _, c := range []struct {
		step string // the entry of each step
		exchange
	}{
		{"search", exchange{do: "GET /Observation?code=718-7"}},
		{"search", exchange{do: "GET /Observation?code=718-7", header: []string{"Accept: application/fhir+xml"}}},
		{"search", exchange{do: "POST /Observation/_search?_count=5", body: "code=718-7", header: []string{form}}},
		{"search", exchange{do: "GET /?_type=Patient,Observation"}},
		{"search", exchange{do: "POST /_search", body: "_type=Patient,Observation", header: []string{form}}},
		{"search", exchange{do: "GET /Patient/p1/Observation"}},
		{"search", exchange{do: "GET /Patient/p1/*"}},
		{"search", exchange{do: "POST /Patient/p1/Observation/_search", body: "code=718-7", header: []string{form}}},
		{"history", exchange{do: "GET /Patient/_history"}},
		{"history", exchange{do: "GET /_history"}},
		{"history", exchange{do: "GET /Patient/p1/_history"}},
		{"search", exchange{do: "GET /Patient/p1/$everything"}},
		{"search", exchange{do: "POST /Patient/p1/$everything", body: parameters}},
		{"search", exchange{do: "GET /Observation/$lastn?patient=p1"}},
		{"system", exchange{do: "POST /", body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/p1"}},` +
			`{"request":{"method":"GET","url":"Observation?code=718-7"}},{"request":{"method":"GET","url":"Patient/none"}}]}`}},
		{"search", exchange{do: "GET /Observation?unknown=x"}},
		{"search", exchange{do: "GET /Observation?unknown=x", header: []string{"Prefer: handling=lenient"}}},
		{"search", exchange{do: "GET /Patient/none/$everything"}},
		{"history", exchange{do: "GET /Patient/none/_history"}},
		{"search of Patient/p1", exchange{do: "GET /Observation?code=718-7", actor: "Patient/p1"}},
	} {
		e := &c.exchange
		before := len(g.store.entries)
		once := g.send(e)
		want := append(g.store.left(before), c.step, c.step)
		before = len(g.store.entries)
		w := g.fetched(t, g.taken(t, e), e)
		got := g.store.left(before)
		slices.Sort(want)
		slices.Sort(got)
		if d := diff.Diff(want, got); d != "" {
			t.Errorf("%s: entries (-at once +later):\n%s", e.do, d)
		}
		if w.Code != http.StatusOK || w.Header().Get("Expires") == "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", e.do, w.Code, w.Header())
		}
		if slices.Contains(e.header, "Accept: application/fhir+xml") {
			if w.Header().Get("Content-Type") != fhirXML || !strings.Contains(w.Body.String(), `<type value="batch-response"/>`) || !strings.Contains(w.Body.String(), `"14.10"`) {
				t.Errorf("%v %s", w.Header(), w.Body)
			}
			continue
		}
		wellFormed(t, w.Body.Bytes())
		var b batchResponse
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || b.ResourceType != "Bundle" || b.Type != "batch-response" || w.Header().Get("Content-Type") != fhirJSON {
			t.Fatalf("%s: %v: %s", e.do, err, w.Body)
		}
		answer, status := w.Body.String(), once.Code
		if e.do != "POST /" {
			if len(b.Entry) != 1 {
				t.Fatalf("%s: %s", e.do, w.Body)
			}
			answer = string(b.Entry[0].Resource) + string(b.Entry[0].Response.Outcome)
			if want := formatUint(uint64(status)) + " " + http.StatusText(status); b.Entry[0].Response.Status != want {
				t.Errorf("%s: status %s, want %s", e.do, b.Entry[0].Response.Status, want)
			}
		}
		if answer != once.Body.String() {
			t.Errorf("%s: %s\nand at once %s", e.do, answer, once.Body)
		}
	}
}

// TestAsyncWrites writes by a batch in the background; what is no batch keeps the other meaning of the preference.
func TestAsyncWrites(t *testing.T) {
	g := newAsync(t, answers.Limits{})
	list := `"entry":[{"resource":` + strings.Replace(patient, "p1", "p2", 1) + `,"request":{"method":"PUT","url":"Patient/p2"}}]}`
	batch := &exchange{do: "POST /", body: `{"resourceType":"Bundle","type":"batch",` + list}
	before := len(g.store.entries)
	w := g.fetched(t, g.taken(t, batch), batch)
	if !strings.Contains(w.Body.String(), `"status":"201 Created"`) {
		t.Errorf("%s", w.Body)
	}
	left := g.store.left(before)
	slices.Sort(left)
	if d := diff.Diff([]string{"create of Patient/p2 Patient/p2/1", "system", "system"}, left); d != "" {
		t.Error(d)
	}
	g.run(t, []exchange{
		{name: "transaction", do: "POST /", body: `{"resourceType":"Bundle","type":"transaction",` + list, header: []string{respondAsync}, status: 200,
			has: []string{"Sijil-Ack: journalled", "transaction-response"}, entries: []string{"update of Patient/p2 Patient/p2/2"}},
		{name: "no Bundle", do: "POST /", body: patient, header: []string{respondAsync}, status: 400, entries: []string{"refuse 400"}},
		{name: "broken", do: "POST /", body: "{", header: []string{respondAsync}, status: 400, entries: []string{"refuse 400"}},
		{name: "one read", do: "GET /Patient/p2", header: []string{respondAsync}, status: 200, entries: []string{"read of Patient/p2 Patient/p2/2"}},
		{name: "an address where nothing is", do: "GET /Patient/p2/$nothing", header: []string{respondAsync}, status: 404},
	})
}

// TestAsyncIsItsOwners asks for the answers of others, ends requests, and asks for more than there may be.
func TestAsyncIsItsOwners(t *testing.T) {
	g := newAsync(t, answers.Limits{Jobs: 4, Actor: 2, Workers: 1})
	let := make(chan struct{})
	if _, err := g.Answers.Start(answers.Request{Access: record.Access{Actor: "other"}, Body: func(io.Writer) error { return nil },
		Answer: func(ctx context.Context, _ *io.SectionReader, _ io.Writer) (string, error) {
			select {
			case <-let:
			case <-ctx.Done():
			}
			return "", nil
		}}); err != nil {
		t.Fatal(err)
	}
	search := &exchange{do: "GET /Observation?code=718-7"}
	at, second := g.taken(t, search), g.taken(t, search)
	async := []string{respondAsync}
	g.run(t, []exchange{
		{name: "one too many", do: search.do, header: async, status: 429, has: []string{"Retry-After: 60", "throttled"}, entries: []string{}},
		{name: "it waits", do: "GET " + at, status: 202, has: []string{"X-Progress: waiting", "Retry-After: 1"}, hasNot: []string{"718-7"}, entries: []string{"search"}},
		{name: "another's", do: "GET " + at, actor: "dr.badr", status: 404, hasNot: []string{"X-Progress"}, entries: []string{"refuse 404"}},
		{name: "another ends it", do: "DELETE " + at, actor: "dr.badr", status: 404, entries: []string{"refuse 404"}},
		{name: "nobody's", do: "GET " + at, actor: "-", status: 401},
		{name: "there is no such", do: "GET /$async/0/status", status: 404, entries: []string{"refuse 404"}},
		{name: "another method", do: "PUT " + at, body: "{}", status: 404},
		{name: "it ends", do: "DELETE " + second, status: 202, entries: []string{"search"}},
		{name: "it has ended", do: "GET " + second, status: 404, entries: []string{"refuse 404"}},
		{name: "it ends once", do: "DELETE " + second, status: 404, entries: []string{"refuse 404"}},
		{name: "who may not search", do: search.do, actor: "auditor", header: async, status: 403, hasNot: []string{"Content-Location"}, entries: []string{"refuse 403"}},
		{name: "entries", do: "GET /AuditEvent", actor: "auditor", header: async, status: 202, entries: []string{"read"}},
	})
	close(let)
	if w := g.fetched(t, at, search); !strings.Contains(w.Body.String(), "718-7") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := g.send(&exchange{do: "GET " + at, header: []string{"Range: bytes=2-13"}}); w.Code != http.StatusPartialContent || w.Body.String() != "resourceType" {
		t.Errorf("a part: %d %s", w.Code, w.Body)
	}
	g.run(t, []exchange{
		{name: "another's answer", do: "GET " + at, actor: "dr.badr", status: 404, hasNot: []string{"718-7"}, entries: []string{"refuse 404"}},
		{name: "it is forgotten", do: "DELETE " + at, status: 202, entries: []string{"search"}},
		{name: "it is gone", do: "GET " + at, status: 404, hasNot: []string{"718-7"}},
	})
	g.store.stopped = true
	g.run(t, []exchange{{name: "nothing can be recorded", do: search.do, header: async, status: 503, hasNot: []string{"Content-Location"}}})
}

// TestAsyncFull keeps no answer that is larger than may be kept.
func TestAsyncFull(t *testing.T) {
	g := newAsync(t, answers.Limits{Share: 500})
	search := &exchange{do: "GET /Observation?code=718-7"}
	w := g.fetched(t, g.taken(t, search), search)
	if w.Code != http.StatusTooManyRequests || strings.Contains(w.Body.String(), "718-7") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	form := &exchange{do: "POST /Observation/_search", body: "code=" + strings.Repeat("x", 600), header: []string{"Content-Type: application/x-www-form-urlencoded", respondAsync}}
	if w := g.send(form); w.Code != http.StatusTooManyRequests {
		t.Errorf("a body that is too large: %d %s", w.Code, w.Body)
	}
}
