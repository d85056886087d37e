package fhir

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"

	"github.com/sijil-health/sijil/fhir/subscription"
	"github.com/sijil-health/sijil/record"
)

// receiver is where notifications go: an HTTP server that answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int // that it answers with; 0 for 200
	got    []notice
	vain   int // that it refused
}

type notice struct {
	method, path string
	header       http.Header
	body         []byte
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.status != 0 {
			r.vain++
			w.WriteHeader(r.status)
			return
		}
		r.got = append(r.got, notice{q.Method, q.URL.Path, q.Header, b})
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) refused() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.vain
}

// wait gives the first n notifications.
func (r *receiver) wait(t *testing.T, n int) []notice {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		got := slices.Clone(r.got)
		r.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if time.Now().After(until) {
			t.Fatalf("%d notifications, want %d", len(got), n)
		}
	}
}

// quick are limits that let a test see a receiver given up.
var quick = subscription.Limits{Rest: 10 * time.Millisecond, LongRest: 20 * time.Millisecond, Patience: 200 * time.Millisecond, Heartbeat: time.Second}

// subscribedGate is a gate over the record itself that tells others of changes.
func subscribedGate(t *testing.T, dir string, create bool, l subscription.Limits, endpoints ...string) (*gate, func()) {
	t.Helper()
	g, stop := realGate(t, dir, create)
	return overSubscriptions(t, g, stop, dir, l, endpoints...)
}

func overSubscriptions(t *testing.T, g *gate, stop func(), dir string, l subscription.Limits, endpoints ...string) (*gate, func()) {
	t.Helper()
	x, err := subscription.Open(t.Context(), subscription.Options{
		Dir: filepath.Join(dir, "subscriptions"), Key: make([]byte, 32), Record: g.Store.(*record.Store), Base: "http://h.example/fhir", Own: "http://h.example/fhir",
		Parameters: parameters(), Endpoints: endpoints, Limits: l,
	})
	if err != nil {
		t.Fatal(err)
	}
	told := &gate{New(Config{Store: g.Store, Auth: tokens{}, Prefix: "/fhir", Base: "http://h.example/fhir", Subscriptions: x, Origins: []string{"https://app.example"}}), newMemory()}
	return told, func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		stop()
	}
}

// put stores a resource.
func (g *gate) put(t *testing.T, body string, header ...string) {
	t.Helper()
	var r struct{ ResourceType, ID string }
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if w := g.send(&exchange{do: "PUT /" + r.ResourceType + "/" + r.ID, body: body, header: header}); w.Code > 201 {
		t.Fatalf("%s: %d %s", body, w.Code, w.Body)
	}
}

// until asks for a Subscription until it has a status.
func (g *gate) until(t *testing.T, id, status string) string {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		b := string(g.get(t, "/Subscription/"+id, "", http.StatusOK))
		if strings.Contains(b, `"status":"`+status+`"`) {
			return b
		}
		if time.Now().After(end) {
			t.Fatalf("not %s: %s", status, b)
		}
	}
}

func byTopic(id, typ, channel, payload, more string) string {
	return `{"resourceType":"Subscription","id":"` + id + `","status":"requested","reason":"test","criteria":"https://sijil.health/fhir/SubscriptionTopic/` + typ + `"` + more + `,` +
		`"channel":{` + channel + `,"payload":"application/fhir+json","_payload":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content","valueCode":"` + payload + `"}]}}}`
}

func filter(text string) string {
	return `,"_criteria":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria","valueString":"` + text + `"}]}`
}

func bodyWeight(id, patient string, value int) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},"subject":{"reference":"Patient/%s"},"valueQuantity":{"value":%d,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`, id, patient, value)
}

// status is the first entry of a notification, and the rest in short.
type bundled struct {
	Type  string
	Entry []struct {
		FullURL  string
		Resource json.RawMessage
		Request  struct{ Method, URL string }
	}
	params map[string][]string
}

func readBundle(t *testing.T, b []byte) (out bundled) {
	t.Helper()
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	type parameter struct {
		Name                                                 string
		ValueString, ValueCode, ValueCanonical, ValueInstant string
		ValueReference                                       struct{ Reference string }
		Part                                                 []json.RawMessage
	}
	var p struct {
		ResourceType string
		Parameter    []parameter
	}
	if err := json.Unmarshal(out.Entry[0].Resource, &p); err != nil || p.ResourceType != "Parameters" {
		t.Fatalf("%v: %s", err, b)
	}
	out.params = map[string][]string{}
	var take func(p *parameter)
	take = func(p *parameter) {
		if v := p.ValueString + p.ValueCode + p.ValueCanonical + p.ValueReference.Reference; v != "" {
			out.params[p.Name] = append(out.params[p.Name], v)
		}
		for _, raw := range p.Part {
			var of parameter
			if err := json.Unmarshal(raw, &of); err != nil {
				t.Fatal(err)
			}
			take(&of)
		}
	}
	for i := range p.Parameter {
		take(&p.Parameter[i])
	}
	return out
}

// told lists the entries about a Subscription's notifications that stand in a chart.
func (g *gate) toldIn(t *testing.T, chart, subscription string) (list []string) {
	t.Helper()
	events, _, err := g.Store.AuditEvents(t.Context(), record.Access{Actor: "auditor", Role: "auditor", Purpose: "HCOMPL"}, record.AuditQuery{Chart: chart, Count: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if strings.HasPrefix(e.Entry.Detail, "Subscription/"+subscription+": event") {
			refs := ""
			for _, r := range e.Entry.Targets {
				refs += fmt.Sprintf(" %s/%d", r.Ref, r.Version)
			}
			list = append(list, e.Entry.Actor+": "+e.Entry.Detail+refs)
		}
	}
	return list
}

// TestTopicByRestHook has notifications by topic, in full, filtered and signed; the entries of each; and what a receiver must do to know them for true.
func TestTopicByRestHook(t *testing.T) {
	to := newReceiver(t)
	g, stop := subscribedGate(t, t.TempDir(), true, quick, to.URL+"/")
	defer stop()
	g.put(t, patient)
	g.put(t, strings.Replace(patient, `"p1"`, `"p2"`, 1))
	g.put(t, byTopic("s1", "Observation", `"type":"rest-hook","header":["Authorization: Bearer x"],"endpoint":"`+to.URL+`/hook?key=q"`, "full-resource", filter("Observation?patient=Patient/p1&code=http://loinc.org|29463-7")))
	g.until(t, "s1", "active")
	w := g.send(&exchange{do: "POST /Subscription/s1/$secret"})
	var p struct {
		Parameter []struct{ ValueString string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	secret := p.Parameter[0].ValueString
	g.put(t, bodyWeight("a", "p2", 70))
	g.put(t, bodyWeight("b", "p1", 71))
	g.put(t, bodyWeight("b", "p1", 72))
	if w := g.send(&exchange{do: "DELETE /Observation/b"}); w.Code != 204 {
		t.Fatal(w.Code)
	}
	got := to.wait(t, 4)
	for i, want := range []struct {
		kind, number, focus, method, has string
	}{
		{"handshake", "", "", "", ""},
		{"event-notification", "1", "http://h.example/fhir/Observation/b", "POST", `"value":71`},
		{"event-notification", "2", "http://h.example/fhir/Observation/b", "PUT", `"value":72`},
		{"event-notification", "3", "http://h.example/fhir/Observation/b", "DELETE", ""},
	} {
		n := got[i]
		b := readBundle(t, n.body)
		if b.Type != "history" || n.path != "/hook" || n.header.Get("Authorization") != "Bearer x" || n.header.Get("Content-Type") != "application/fhir+json" {
			t.Errorf("%d: %s %s %v", i, b.Type, n.path, n.header)
		}
		if first := b.params["type"]; first[0] != want.kind || strings.Join(b.params["event-number"], "") != want.number || strings.Join(b.params["focus"], "") != want.focus {
			t.Errorf("%d: %v", i, b.params)
		}
		if b.Entry[0].Request.URL != "http://h.example/fhir/Subscription/s1/$status" || b.params["subscription"][0] != "http://h.example/fhir/Subscription/s1" {
			t.Errorf("%d: %s", i, n.body)
		}
		if want.method != "" && (len(b.Entry) != 2 || b.Entry[1].Request.Method != want.method || !strings.Contains(string(b.Entry[1].Resource), want.has)) {
			t.Errorf("%d: %s", i, n.body)
		}
		wellFormed(t, n.body)
	}
	// as docs/fhir.md tells a receiver to
	signed := func(secret string, n notice) bool {
		at, sum, _ := strings.Cut(n.header.Get("Sijil-Signature"), ",v1=")
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(strings.TrimPrefix(at, "t=") + "."))
		mac.Write(n.body)
		return hex.EncodeToString(mac.Sum(nil)) == sum
	}
	if !signed(secret, got[1]) || signed(secret+"x", got[1]) || signed(secret, notice{header: got[1].header, body: append(got[1].body, ' ')}) {
		t.Errorf("signature %q", got[1].header.Get("Sijil-Signature"))
	}
	want := []string{
		"dr.amal: Subscription/s1: event 3 to " + to.URL + "/hook Observation/b/3",
		"dr.amal: Subscription/s1: event 2 to " + to.URL + "/hook Observation/b/2",
		"dr.amal: Subscription/s1: event 1 to " + to.URL + "/hook Observation/b/1",
	}
	if list := g.toldIn(t, "Patient/p1", "s1"); !slices.Equal(list, want) {
		t.Errorf("entries %q", list)
	}
	if list := g.toldIn(t, "Patient/p2", "s1"); len(list) != 0 {
		t.Errorf("entries %q", list)
	}
	for _, path := range []string{"/Subscription/s1", "/Subscription/s1/_history", "/Subscription/s1/$status", "/Subscription/s1/$events"} {
		if b := g.get(t, path, "", 200); strings.Contains(string(b), secret) {
			t.Errorf("%s shows the secret", path)
		}
	}
}

// TestCriteriaByRestHook has notifications as R4 knows them: empty, or the resource as an update.
func TestCriteriaByRestHook(t *testing.T) {
	to := newReceiver(t)
	g, stop := subscribedGate(t, t.TempDir(), true, quick, to.URL+"/")
	defer stop()
	g.put(t, patient)
	classic := func(id, criteria, payload string) string {
		return `{"resourceType":"Subscription","id":"` + id + `","status":"active","reason":"test","criteria":"` + criteria + `","channel":{"type":"rest-hook","endpoint":"` + to.URL + `/` + id + `"` + payload + `}}`
	}
	g.put(t, classic("empty", "Observation?value-quantity=gt70", ""))
	g.put(t, classic("whole", "Observation?subject:Patient.identifier=http://h|7", `,"payload":"application/fhir+xml"`))
	g.until(t, "empty", "active")
	g.until(t, "whole", "active")
	g.put(t, bodyWeight("light", "p1", 60))
	g.put(t, bodyWeight("heavy", "p1", 80))
	got := to.wait(t, 3)
	slices.SortFunc(got, func(a, b notice) int { return strings.Compare(a.path, b.path) })
	for i, want := range []string{"POST /empty ", "PUT /whole/Observation/heavy <value value=\"80\"", "PUT /whole/Observation/light <value value=\"60\""} {
		has := strings.SplitN(want, " ", 3)
		if n := got[i]; n.method != has[0] || n.path != has[1] || !strings.Contains(string(n.body), has[2]) || has[2] == "" && len(n.body) > 0 {
			t.Errorf("%s %s %s, want %s", n.method, n.path, n.body, want)
		}
	}
	if list := g.toldIn(t, "Patient/p1", "empty"); len(list) != 1 || strings.Contains(list[0], "Observation/") {
		t.Errorf("entries %q", list)
	}
	if list := g.toldIn(t, "Patient/p1", "whole"); len(list) != 2 {
		t.Errorf("entries %q", list)
	}
}

// TestDeadReceiver is given up, which the Subscription says; its events are counted on, can be fetched, and are told when it is there again.
func TestDeadReceiver(t *testing.T) {
	to := newReceiver(t)
	g, stop := subscribedGate(t, t.TempDir(), true, quick, to.URL+"/")
	defer stop()
	g.put(t, patient)
	s := byTopic("s1", "Observation", `"type":"rest-hook","endpoint":"`+to.URL+`"`, "id-only", "")
	to.answer(500)
	g.put(t, s)
	if b := g.until(t, "s1", "error"); !strings.Contains(b, "the handshake failed: it answered with status 500") {
		t.Error(b)
	}
	to.answer(0)
	g.put(t, s)
	if b := g.until(t, "s1", "active"); strings.Contains(b, `"error"`) {
		t.Error(b)
	}
	to.wait(t, 1)
	to.answer(503)
	g.put(t, bodyWeight("a", "p1", 70))
	if b := g.until(t, "s1", "error"); !strings.Contains(b, "the receiver took no notification: it answered with status 503") {
		t.Error(b)
	}
	g.put(t, bodyWeight("b", "p1", 70))
	for range 200 { // until it is found
		if b := readBundle(t, g.get(t, "/Subscription/s1/$status", "", 200)); b.params["events-since-subscription-start"][0] == "2" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	b := readBundle(t, g.get(t, "/Subscription/s1/$events?eventsSinceNumber=2", "", 200))
	if b.params["type"][0] != "query-event" || b.params["focus"][0] != "http://h.example/fhir/Observation/b" || b.params["status"][0] != "error" {
		t.Errorf("%v", b.params)
	}
	g.run(t, []exchange{
		{do: "GET /Subscription/s1/$events", actor: "dr.basim", status: 403},
		{do: "POST /Subscription/s1/$secret", actor: "dr.basim", status: 403},
		{do: "POST /Subscription/s1/$secret", body: `{"resourceType":"Parameters","parameter":[{"name":"secret","valueString":"short"}]}`, status: 400},
		{do: "GET /Subscription/s1/$get-ws-binding-token", status: 422},
		{do: "PUT /Subscription/s1", body: s, actor: "dr.basim", status: 403},
		{do: "PUT /Subscription/s1", body: strings.Replace(s, "requested", "error", 1), status: 422},
		{do: "GET /Subscription/$status?status=active", status: 200, has: []string{`"total":0`}},
		{do: "GET /Subscription/$status?status=error&id=s1", status: 200, has: []string{`"total":1`, "query-status"}},
		{do: "GET /Subscription/$topics", status: 200, has: []string{"https://sijil.health/fhir/SubscriptionTopic/Observation"}, hasNot: []string{"SubscriptionTopic/AuditEvent"}},
	})
	to.answer(0)
	g.put(t, s)
	got := to.wait(t, 4)
	for i, n := range got[2:4] {
		if b := readBundle(t, n.body); b.params["event-number"][0] != fmt.Sprint(i+1) || len(b.Entry) != 1 {
			t.Errorf("%s", n.body)
		}
	}
	if w := g.send(&exchange{do: "DELETE /Subscription/s1"}); w.Code != 204 {
		t.Fatal(w.Code)
	}
	g.run(t, []exchange{{do: "GET /Subscription/s1/$status", status: 410}})
}

// TestErasedBeforeItIsTold erases a chart while the receiver of what was released of it cannot be reached: it gets nothing of it when it can.
func TestErasedBeforeItIsTold(t *testing.T) {
	to := newReceiver(t)
	g, stop := subscribedGate(t, t.TempDir(), true, subscription.Limits{Rest: 5 * time.Millisecond, LongRest: 5 * time.Millisecond, Fresh: 20 * time.Millisecond}, to.URL+"/")
	defer stop()
	g.put(t, patient)
	g.put(t, byTopic("s1", "Observation", `"type":"rest-hook","endpoint":"`+to.URL+`"`, "full-resource", ""))
	g.until(t, "s1", "active")
	to.wait(t, 1)
	to.answer(503)
	g.put(t, bodyWeight("a", "p1", 70))
	for to.refused() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := g.Store.(*record.Store).Vault.EraseChart("Patient/p1"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // what is on its way was released before
	to.answer(0)
	b := readBundle(t, to.wait(t, 2)[1].body)
	if len(b.Entry) != 1 || b.params["event-number"][0] != "1" || len(b.params["focus"]) != 0 {
		t.Errorf("told of an erased chart: %v, %d entries", b.params, len(b.Entry))
	}
}

// TestAnotherUnderTheId deletes a Subscription, and has somebody else write one under its id, while nobody follows: it has nothing of the old one.
func TestAnotherUnderTheId(t *testing.T) {
	to := newReceiver(t)
	dir := t.TempDir()
	g, stop := subscribedGate(t, dir, true, quick, to.URL+"/")
	g.put(t, patient)
	s := byTopic("s1", "Observation", `"type":"rest-hook","endpoint":"`+to.URL+`"`, "id-only", "")
	g.put(t, s)
	g.until(t, "s1", "active")
	g.run(t, []exchange{{do: "POST /Subscription/s1/$secret", body: `{"resourceType":"Parameters"}`, status: 200}})
	g.put(t, bodyWeight("a", "p1", 70))
	to.wait(t, 2)
	stop()

	g, stop = realGate(t, dir, false)
	if w := g.send(&exchange{do: "DELETE /Subscription/s1"}); w.Code != 204 {
		t.Fatal(w.Code, w.Body)
	}
	if w := g.send(&exchange{do: "PUT /Subscription/s1", body: s, actor: "dr.basim"}); w.Code != 201 {
		t.Fatal(w.Code, w.Body)
	}
	g, stop = overSubscriptions(t, g, stop, dir, quick, to.URL+"/")
	defer stop()
	g.until(t, "s1", "active")
	g.put(t, bodyWeight("b", "p1", 70))
	for n := 3; ; n++ { // a handshake comes first, or two
		last := to.wait(t, n)[n-1]
		b := readBundle(t, last.body)
		if b.params["type"][0] == "handshake" {
			continue
		}
		if signed := last.header.Get(subscription.SignatureHeader); b.params["event-number"][0] != "1" || signed != "" {
			t.Errorf("%v, signed %q", b.params, signed)
		}
		return
	}
}

// TestRefusedSubscriptions are those that could not be kept.
func TestRefusedSubscriptions(t *testing.T) {
	g, stop := subscribedGate(t, t.TempDir(), true, quick, "http://127.0.0.1:1/hooks/")
	defer stop()
	hook := `"type":"rest-hook","endpoint":"https://8.8.8.8/x"`
	of := func(endpoint string) string {
		return byTopic("s", "Patient", `"type":"rest-hook","endpoint":"`+endpoint+`"`, "empty", "")
	}
	classic := func(criteria string) string {
		return `{"resourceType":"Subscription","id":"s","status":"off","reason":"r","criteria":"` + criteria + `","channel":{` + hook + `}}`
	}
	for body, path := range map[string]string{
		of("http://8.8.8.8/x"):                                                  "Subscription.channel.endpoint",
		of("http://127.0.0.1:1/other"):                                          "Subscription.channel.endpoint",
		of("http://127.0.0.1:1/hooks/../other"):                                 "Subscription.channel.endpoint",
		of("https://127.0.0.1/x"):                                               "Subscription.channel.endpoint",
		of("https://10.0.0.1/x"):                                                "Subscription.channel.endpoint",
		of("https://[::ffff:169.254.169.254]/x"):                                "Subscription.channel.endpoint",
		of("https://localhost/x"):                                               "Subscription.channel.endpoint",
		of("https://u:p@8.8.8.8/x"):                                             "Subscription.channel.endpoint",
		of("ftp://8.8.8.8/x"):                                                   "Subscription.channel.endpoint",
		byTopic("s", "Patient", `"type":"email"`, "empty", ""):                  "Subscription.channel.type",
		byTopic("s", "AuditEvent", hook, "empty", ""):                           "Subscription.criteria",
		byTopic("s", "Nothing", hook, "empty", ""):                              "Subscription.criteria",
		byTopic("s", "Patient", hook, "all", ""):                                "Subscription.channel.payload",
		byTopic("s", "Patient", hook+`,"header":["Host: x"]`, "empty", ""):      "Subscription.channel.header",
		byTopic("s", "Patient", hook+`,"header":["A: x\r\nB: y"]`, "empty", ""): "Subscription.channel.header",
		byTopic("s", "Patient", hook, "empty", filter("nothing=1")):             "Subscription.criteria",
		byTopic("s", "Patient", hook, "empty", filter("Observation?code=1")):    "Subscription.criteria",
		byTopic("s", "Patient", hook, "empty", filter("interaction=read")):      "Subscription.criteria",
		classic("Observation?nothing=1"):                                        "Subscription.criteria",
		classic("Observation?_sort=date"):                                       "Subscription.criteria",
		classic("Observation?_count=1"):                                         "Subscription.criteria",
		classic("Subscription?status=off"):                                      "Subscription.criteria",
		classic("Observation?near=1"):                                           "Subscription.criteria",
		classic("http://elsewhere/topic"):                                       "Subscription.criteria",
		classic("Observation?date=invalid"):                                     "Subscription.criteria",
	} {
		w := g.send(&exchange{do: "PUT /Subscription/s", body: body})
		if w.Code != 422 || !strings.Contains(w.Body.String(), path) {
			t.Errorf("%d %s\n%s", w.Code, w.Body, body)
		}
		w = g.send(&exchange{do: "POST /", body: `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + body + `,"request":{"method":"PUT","url":"Subscription/s"}}]}`})
		if w.Code != 422 {
			t.Errorf("in a transaction: %d %s\n%s", w.Code, w.Body, body)
		}
	}
	if w := g.send(&exchange{do: "GET /Subscription/s"}); w.Code != 404 {
		t.Error(w.Code, w.Body)
	}
	metadata := g.send(&exchange{do: "GET /metadata", actor: "-"}).Body.String()
	for _, has := range []string{"backport-subscription-server-r4", "capabilitystatement-websocket", "ws://h.example/fhir/$websocket", "OperationDefinition/backport-subscription-status", "SubscriptionTopic/Patient"} {
		if !strings.Contains(metadata, has) {
			t.Errorf("the CapabilityStatement lacks %s", has)
		}
	}
}

// TestSubscriptionsGoOn restarts the gate, with what it remembered and without.
func TestSubscriptionsGoOn(t *testing.T) {
	to := newReceiver(t)
	dir := t.TempDir()
	g, stop := subscribedGate(t, dir, true, subscription.Limits{Rest: 10 * time.Millisecond}, to.URL+"/")
	g.put(t, patient)
	g.put(t, byTopic("s1", "Observation", `"type":"rest-hook","endpoint":"`+to.URL+`"`, "id-only", ""))
	g.until(t, "s1", "active")
	to.wait(t, 1)
	to.answer(500)
	g.put(t, bodyWeight("a", "p1", 70))
	stop()

	g, stop = realGate(t, dir, false) // a write that nobody followed
	g.put(t, bodyWeight("b", "p1", 70))
	to.answer(0)
	_, stop = overSubscriptions(t, g, stop, dir, quick, to.URL+"/")
	got := to.wait(t, 3)
	seen := map[string]bool{}
	for _, n := range got[1:] {
		b := readBundle(t, n.body)
		seen[b.params["event-number"][0]+" "+b.params["focus"][0]] = true
	}
	if !seen["1 http://h.example/fhir/Observation/a"] || !seen["2 http://h.example/fhir/Observation/b"] {
		t.Errorf("%v", seen)
	}
	stop()

	g, stop = realGate(t, dir, false)
	g, stop = overSubscriptions(t, g, stop, t.TempDir(), quick, to.URL+"/")
	defer stop()
	if b := g.until(t, "s1", "error"); !strings.Contains(b, "has lost what it knew") {
		t.Error(b)
	}
}

// TestWebsocket binds as R4 and as the backport have it.
func TestWebsocket(t *testing.T) {
	l := quick
	l.Binding = 1500 * time.Millisecond
	g, stop := subscribedGate(t, t.TempDir(), true, l)
	defer stop()
	server := httptest.NewServer(g)
	defer server.Close()
	address := "ws" + strings.TrimPrefix(server.URL, "http") + "/fhir/$websocket"
	dial := func(header http.Header) *gorilla.Conn {
		t.Helper()
		c, _, err := gorilla.DefaultDialer.Dial(address, header)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	read := func(c *gorilla.Conn) string {
		t.Helper()
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		_, b, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	g.put(t, patient)
	g.put(t, `{"resourceType":"Subscription","id":"plain","status":"requested","reason":"r","criteria":"Observation?patient=p1","channel":{"type":"websocket"}}`)
	g.put(t, byTopic("topic", "Observation", `"type":"websocket"`, "full-resource", filter("interaction=create")))
	if b := string(g.get(t, "/Subscription/plain", "", 200)); !strings.Contains(b, `"status":"active"`) {
		t.Error(b)
	}
	g.put(t, bodyWeight("before", "p1", 70)) // while nobody listens

	plain := dial(http.Header{"Authorization": {"Bearer dr.amal"}})
	if err := plain.WriteMessage(gorilla.TextMessage, []byte("bind plain")); err != nil {
		t.Fatal(err)
	}
	if a, b := read(plain), read(plain); a != "bound plain" || b != "ping plain" {
		t.Error(a, b)
	}
	token := func() string {
		var p struct {
			Parameter []struct{ Name, ValueString, ValueUrl string }
		}
		if err := json.Unmarshal(g.get(t, "/Subscription/topic/$get-ws-binding-token", "", 200), &p); err != nil || p.Parameter[0].Name != "token" {
			t.Fatal(err, p)
		}
		return p.Parameter[0].ValueString
	}
	topic := dial(http.Header{"Origin": {"https://app.example"}})
	if err := topic.WriteMessage(gorilla.TextMessage, []byte("bind-with-token "+token())); err != nil {
		t.Fatal(err)
	}
	if b := readBundle(t, []byte(read(topic))); b.params["type"][0] != "handshake" {
		t.Error(b)
	}
	if b := readBundle(t, []byte(read(topic))); b.params["event-number"][0] != "1" || !strings.Contains(string(b.Entry[1].Resource), `"before"`) {
		t.Error(b)
	}
	g.put(t, bodyWeight("before", "p1", 71)) // an update, which the topic's filter passes over
	g.put(t, bodyWeight("after", "p1", 72))
	if a, b := read(plain), read(plain); a != "ping plain" || b != "ping plain" {
		t.Error(a, b)
	}
	if b := readBundle(t, []byte(read(topic))); b.params["event-number"][0] != "2" || !strings.Contains(string(b.Entry[1].Resource), `"after"`) {
		t.Error(b)
	}
	if list := g.toldIn(t, "Patient/p1", "topic"); len(list) != 2 || !strings.HasPrefix(list[0], "dr.amal: Subscription/topic: event 2 over a websocket Observation/after/1") {
		t.Errorf("entries %q", list)
	}
	if list := g.toldIn(t, "Patient/p1", "plain"); len(list) != 3 {
		t.Errorf("entries %q", list)
	}
	closed := func(c *gorilla.Conn, code int) {
		t.Helper()
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		_, _, err := c.ReadMessage()
		if !gorilla.IsCloseError(err, code) {
			t.Errorf("%v, want close %d", err, code)
		}
	}
	for message, header := range map[string]http.Header{
		"bind plain":                       nil,
		"bind topic":                       {"Authorization": {"Bearer dr.basim"}},
		"bind-with-token wrong":            nil,
		"hello":                            nil,
		`{"type":"bind-with-token"}`:       nil,
		`{"type":"bind-with-token",`:       nil,
		"bind nothing":                     {"Authorization": {"Bearer dr.amal"}},
		"bind " + strings.Repeat("x", 100): {"Authorization": {"Bearer dr.amal"}},
	} {
		c := dial(header)
		if err := c.WriteMessage(gorilla.TextMessage, []byte(message)); err != nil {
			t.Fatal(err)
		}
		closed(c, gorilla.ClosePolicyViolation)
	}
	c := dial(nil)
	if err := c.WriteMessage(gorilla.TextMessage, []byte(`{"type":"bind-with-token","payload":{"token":"`+token()+`"}}`)); err != nil {
		t.Fatal(err)
	}
	read(c)
	closed(plain, gorilla.CloseNormalClosure) // its time is over
	closed(c, gorilla.CloseNormalClosure)
	if _, a, err := gorilla.DefaultDialer.Dial(address, http.Header{"Authorization": {"Basic x"}}); err == nil || a.StatusCode != 401 {
		t.Error(err)
	}
	if _, a, err := gorilla.DefaultDialer.Dial(address, http.Header{"Origin": {"https://evil.example"}}); err == nil || a.StatusCode != 403 {
		t.Error(err)
	}
	if w := g.send(&exchange{do: "GET /$websocket"}); w.Code != 400 {
		t.Error(w.Code, w.Body)
	}
	if _, _, err := topic.ReadMessage(); err == nil {
		t.Error("what a token bound goes on after its time")
	}
}
