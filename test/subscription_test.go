//go:build real && linux

package real_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	gorilla "github.com/gorilla/websocket"
)

// hook takes notifications, if it is up, and remembers which resources they told of.
type hook struct {
	*httptest.Server
	up     atomic.Bool
	secret atomic.Value

	mu      sync.Mutex
	told    map[string]int // times, by reference
	numbers map[string]string
	bad     []string // signatures that do not hold, or hold for a wrong secret
}

func newHook(t *testing.T) *hook {
	h := &hook{told: map[string]int{}, numbers: map[string]string{}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return // the node was killed
		}
		h.take(b, r.Header.Get("Sijil-Signature"))
	}))
	t.Cleanup(h.Close)
	return h
}

func signature(secret, header string, body []byte) bool {
	at, sum, _ := strings.Cut(header, ",v1=")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.TrimPrefix(at, "t=") + "."))
	mac.Write(body)
	return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(sum))
}

// notified is a notification, as far as the tests look at it.
type notified struct {
	Entry []struct {
		Resource struct {
			ResourceType, ID string
			Parameter        []struct {
				Name, ValueCode string
				Part            []struct {
					Name, ValueString string
					ValueReference    struct{ Reference string }
				}
			}
		}
	}
}

func (n *notified) kind() string {
	for _, p := range n.Entry[0].Resource.Parameter {
		if p.Name == "type" {
			return p.ValueCode
		}
	}
	return ""
}

func (h *hook) take(body []byte, header string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if secret, _ := h.secret.Load().(string); secret != "" && (!signature(secret, header, body) || signature(secret+"0", header, body)) {
		h.bad = append(h.bad, header)
	}
	var n notified
	if json.Unmarshal(body, &n) != nil {
		h.bad = append(h.bad, string(body))
		return
	}
	for _, p := range n.Entry[0].Resource.Parameter {
		if len(p.Part) > 0 {
			number, focus := "", ""
			for _, part := range p.Part {
				if part.Name == "event-number" {
					number = part.ValueString
				}
				focus += part.ValueReference.Reference
			}
			focus = focus[strings.LastIndex(focus, "/")+1:]
			h.told[focus]++
			h.numbers[number] = focus
		}
	}
}

func topic(id, channel, content string) string {
	return `{"resourceType":"Subscription","id":"` + id + `","status":"requested","reason":"test","criteria":"https://sijil.health/fhir/SubscriptionTopic/Observation","channel":{` + channel +
		`,"payload":"application/fhir+json","_payload":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content","valueCode":"` + content + `"}]}}}`
}

// TestRealSubscriptions cuts the power of a node between writes and what is told of them. Every acknowledged write is told, under the number of its place;
// what is told is signed, and each telling has its entry in the chart.
func TestRealSubscriptions(t *testing.T) {
	h := newHook(t)
	h.up.Store(true)
	n := lone(t, t.TempDir())
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	rest := `"type":"rest-hook","endpoint":"` + h.URL + `/hook"`
	if a := n.ask(t, http.StatusUnprocessableEntity, "clinician PUT /Subscription/s1", topic("s1", rest, "id-only")); !strings.Contains(string(a.body), "subscription_endpoints") {
		t.Errorf("%s", a.body)
	}
	n.stop()
	setConfig(t, n, "{\n", "{\n  \"subscription_endpoints\": [\""+h.URL+"/\"],\n")
	n.start(t)
	n.ask(t, http.StatusCreated, "clinician PUT /Subscription/s1", topic("s1", rest, "full-resource"))
	active := func() bool {
		return strings.Contains(string(n.ask(t, http.StatusOK, "clinician GET /Subscription/s1", "").body), `"status":"active"`)
	}
	await(t, "the subscription to be in force", active, nil)
	var p struct {
		Parameter []struct{ ValueString string }
	}
	if err := json.Unmarshal(n.ask(t, http.StatusOK, "clinician POST /Subscription/s1/$secret", "").body, &p); err != nil {
		t.Fatal(err)
	}
	h.secret.Store(p.Parameter[0].ValueString)
	written := 0
	for round := range 4 {
		h.up.Store(round%2 == 1) // also while the receiver is away
		for range 10 {
			written++
			id := fmt.Sprintf("o%d", written)
			n.ask(t, http.StatusCreated, "clinician PUT /Observation/"+id, observation(id, "p1", written))
		}
		n.kill()
		n.start(t)
	}
	h.up.Store(true)
	seen := ""
	await(t, "all to be told", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		seen = fmt.Sprintf("%d of %d", len(h.told), written)
		return len(h.told) == written
	}, &seen)
	h.mu.Lock()
	for i := range written {
		if number, id := fmt.Sprint(i+1), fmt.Sprintf("o%d", i+1); h.numbers[number] != id {
			t.Errorf("event %s is %s, want %s", number, h.numbers[number], id)
		}
	}
	if len(h.bad) > 0 || len(h.numbers) != written {
		t.Errorf("%d numbers, bad %q", len(h.numbers), h.bad)
	}
	h.mu.Unlock()
	told := map[string]bool{}
	for address := "/AuditEvent?patient=Patient/p1&_count=200"; address != ""; {
		var page struct {
			Link  []struct{ Relation, URL string }
			Entry []struct{ Resource event }
		}
		a := n.ask(t, http.StatusOK, "auditor GET "+address, "")
		if err := json.Unmarshal(a.body, &page); err != nil {
			t.Fatal(err)
		}
		address = ""
		for _, l := range page.Link {
			if l.Relation == "next" {
				address = l.URL[strings.Index(l.URL, "/AuditEvent"):]
			}
		}
		if strings.Contains(string(a.body), p.Parameter[0].ValueString) {
			t.Error("an entry shows the secret")
		}
		for _, e := range page.Entry {
			if s := e.Resource.String(); strings.Contains(s, "<Subscription/s1: event ") && strings.Contains(s, " to "+h.URL+"/hook>") {
				told[strings.Fields(s)[6]] = true
			}
		}
	}
	for i := range written {
		if ref := fmt.Sprintf("Observation/o%d/_history/1", i+1); !told[ref] {
			t.Errorf("no entry says that %s was told: %v", ref, told)
			break
		}
	}
	if log := n.said(); strings.Contains(log, p.Parameter[0].ValueString) || strings.Contains(log, "Observation/") {
		t.Error("the log tells too much")
	}
	n.sijil(t, 0, "audit", n.dir)
}

// TestRealWebsockets has two clients listen: one in Go, and one in Node where that is installed.
func TestRealWebsockets(t *testing.T) {
	n := lone(t, t.TempDir())
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	n.ask(t, http.StatusCreated, "clinician PUT /Subscription/s1", topic("s1", `"type":"websocket"`, "id-only"))
	bind := func() (address, message string) {
		var p struct {
			Parameter []struct{ Name, ValueString, ValueUrl string }
		}
		if err := json.Unmarshal(n.ask(t, http.StatusOK, "clinician POST /Subscription/s1/$get-ws-binding-token", "").body, &p); err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Parameter {
			switch v.Name {
			case "token":
				message = "bind-with-token " + v.ValueString
			case "websocket-url":
				address = v.ValueUrl
			}
		}
		return address, message
	}
	address, message := bind()
	c, _, err := gorilla.DefaultDialer.Dial(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.WriteMessage(gorilla.TextMessage, []byte(message)); err != nil {
		t.Fatal(err)
	}
	read := func() *notified {
		t.Helper()
		out := new(notified)
		if err := c.ReadJSON(out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if kind := read().kind(); kind != "handshake" {
		t.Error(kind)
	}
	lines := nodeClient(t, bind)
	n.ask(t, http.StatusCreated, "clinician PUT /Observation/o1", observation("o1", "p1", 1))
	if kind := read().kind(); kind != "event-notification" {
		t.Error(kind)
	}
	if lines == nil {
		return
	}
	var last string
	for lines.Scan() {
		if last = lines.Text(); strings.Contains(last, "event-notification") {
			break
		}
	}
	if !strings.Contains(last, "/Observation/o1") {
		t.Errorf("Node got %q", last)
	}
}

// nodeClient is a client of Node's own WebSocket, bound; nil where there is no Node that has one.
func nodeClient(t *testing.T, bind func() (address, message string)) *bufio.Scanner {
	t.Helper()
	const script = `const [url, hello] = process.argv.slice(1); const ws = new WebSocket(url);
		ws.onopen = () => ws.send(hello); ws.onmessage = m => console.log(String(m.data).replaceAll("\n", " ")); ws.onclose = e => console.log("closed", e.code);`
	if exec.Command("node", "--experimental-websocket", "-e", "new WebSocket('ws://127.0.0.1:1').onerror = () => {}").Run() != nil {
		t.Log("there is no Node with WebSocket here")
		return nil
	}
	address, message := bind()
	c := exec.CommandContext(t.Context(), "node", "--experimental-websocket", "-e", script, address, message)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() || !strings.Contains(lines.Text(), "handshake") {
		t.Fatalf("Node got %q", lines.Text())
	}
	return lines
}
