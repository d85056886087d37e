package fhir

import (
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// overNetwork serves a gate on a socket.
func (g *gate) overNetwork(t *testing.T) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = g.HTTP()
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// silent sends the head of a request that announces a body, and the first bytes of it.
func silent(t *testing.T, address, request, actor string, announced int, first string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: h.example\r\nAuthorization: Bearer %s\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n%s",
		request, actor, announced, first); err != nil {
		t.Fatal(err)
	}
	return conn
}

// occupied waits until so many requests are being served.
func (g *gate) occupied(n int64) {
	for {
		g.admission.requests.mu.Lock()
		free := g.admission.requests.free
		g.admission.requests.mu.Unlock()
		if int64(g.Limits.Requests)-free >= n {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// TestSilentClientsKeepNobodyOut leaves as many requests without a body as a gate serves, of one actor, each announcing the greatest body
// there is; others read and write meanwhile.
func TestSilentClientsKeepNobodyOut(t *testing.T) {
	for _, announced := range []int{10, 32 << 20} {
		g := newGate(t, Limits{Requests: 32, Admission: 50 * time.Millisecond, Idle: time.Hour})
		address := g.overNetwork(t)
		for range 32 {
			silent(t, address, "POST /fhir", "dr.silent", announced, "{")
		}
		g.occupied(8) // its share
		for _, do := range []string{"PUT /fhir/Patient/p1", "PUT /fhir/Patient/p1", "GET /fhir/Patient/p1"} {
			body := patient
			if strings.HasPrefix(do, "GET") {
				body = ""
			}
			if _, got, status := raw(t, address, do, "", body); status >= 300 {
				t.Errorf("beside bodies of %d bytes that do not come: %s: %d %s", announced, do, status, got)
			}
		}
	}
}

// TestRoomIsTakenAsBodiesCome: what is announced takes no room, what came does, until the request ends.
func TestRoomIsTakenAsBodiesCome(t *testing.T) {
	g := newGate(t, Limits{Idle: time.Hour})
	address := g.overNetwork(t)
	held := func() int64 {
		g.admission.bytes.mu.Lock()
		defer g.admission.bytes.mu.Unlock()
		return g.Limits.Bodies - g.admission.bytes.free
	}
	conn := silent(t, address, "POST /fhir", "dr.amal", 32<<20, "")
	g.occupied(1)
	for held() == 0 {
		time.Sleep(time.Millisecond)
	}
	if held() != firstRoom {
		t.Errorf("%d bytes held for nothing", held())
	}
	if _, err := io.WriteString(conn, strings.Repeat(" ", 300<<10)); err != nil {
		t.Fatal(err)
	}
	for held() < 512<<10 {
		time.Sleep(time.Millisecond)
	}
	if n := held(); n != 512<<10 {
		t.Errorf("%d bytes held for 300 KiB", n)
	}
	conn.Close()
	for held() > 0 {
		time.Sleep(time.Millisecond)
	}
}

// TestSilenceEndsARequest: a body that stops coming is answered, and so is a request whose body is not wanted.
func TestSilenceEndsARequest(t *testing.T) {
	g := newGate(t, Limits{Idle: 50 * time.Millisecond})
	address := g.overNetwork(t)
	for _, c := range []struct{ request, actor, want string }{
		{"POST /fhir", "dr.amal", "HTTP/1.1 408 "},
		{"POST /fhir/Patient/_search", "Patient/p1", "HTTP/1.1 415 "},
		{"POST /fhir/Patient", "Patient/p1", "HTTP/1.1 403 "},
		{"PUT /fhir/Patient/p1", "auditor", "HTTP/1.1 403 "},
		{"POST /fhir", "mallory", "HTTP/1.1 403 "},
	} {
		got, err := io.ReadAll(silent(t, address, c.request, c.actor, 100, "{"))
		if err != nil || !strings.HasPrefix(string(got), c.want) {
			t.Errorf("%s of %s: %v %.200s", c.request, c.actor, err, got)
		}
	}
}

// TestWhoMayNotWriteSendsLittle: a role without the right to write is refused before its body is read, and its Bundles hold questions only.
func TestWhoMayNotWriteSendsLittle(t *testing.T) {
	g := newGate(t, Limits{Resource: 600})
	long := strings.Repeat(" ", 700)
	g.run(t, []exchange{
		{name: "a body that is no JSON", do: "PUT /Patient/p1", body: "{", actor: "auditor", status: 403, entries: []string{"refuse 403"}},
		{name: "a long Bundle", do: "POST /", body: bundleOf("batch") + long, actor: "Patient/p1", status: 413, has: []string{"larger than 600 bytes"}},
		{name: "a short one", do: "POST /", body: bundleOf("batch"), actor: "Patient/p1", status: 200, entries: []string{"refuse 200"}},
		{name: "a clinician's", do: "POST /", body: bundleOf("batch") + long, status: 200},
	})
}

// TestAResourceIsBoundedEverywhere: what is too large alone is so in a Bundle, and the answer says what is not.
func TestAResourceIsBoundedEverywhere(t *testing.T) {
	g := newGate(t, Limits{Resource: 600})
	big := `{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"` + strings.Repeat("QUJD", 200) + `"}`
	entry := entryOf("", "PUT", "Binary/b", big)
	g.run(t, []exchange{
		{name: "alone", do: "PUT /Binary/b", body: big, status: 413, has: []string{"600 bytes"}},
		{name: "in a transaction", do: "POST /", body: bundleOf("transaction", entry), status: 413, has: []string{"600 bytes", "Bundle.entry[0].resource"}},
		{name: "in a batch", do: "POST /", body: bundleOf("batch", entry), status: 200, has: []string{`"413 `, "600 bytes"}},
		{name: "a stored Bundle", do: "POST /Bundle", body: `{"resourceType":"Bundle","type":"collection"}` + strings.Repeat(" ", 17<<20), status: 413, has: []string{"16777216 bytes"}},
	})
	if len(g.store.resources) != 0 {
		t.Errorf("%d resources were stored", len(g.store.resources))
	}
}
