package fhir

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/record"
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

// TestRoomIsTakenAsBodiesCome: what is announced takes no room, what has begun to come all of it at once, until the request ends.
func TestRoomIsTakenAsBodiesCome(t *testing.T) {
	g := newGate(t, Limits{Idle: time.Hour})
	address := g.overNetwork(t)
	held := func() int64 {
		_, bytes := g.inUse()
		return bytes
	}
	conn := silent(t, address, "POST /fhir", "dr.amal", 32<<20, strings.Repeat(" ", 1000))
	g.occupied(1)
	if held() != 0 {
		t.Errorf("%d bytes held for nothing", held())
	}
	if _, err := io.WriteString(conn, strings.Repeat(" ", firstRoom)); err != nil {
		t.Fatal(err)
	}
	for held() == 0 {
		time.Sleep(time.Millisecond)
	}
	if n := held(); n != 32<<20 {
		t.Errorf("%d bytes held for a body of 32 MiB that comes", n)
	}
	conn.Close()
	for held() > 0 {
		time.Sleep(time.Millisecond)
	}
}

// begun is a body of which a part comes at once and the rest when all others have begun to come.
type begun struct {
	io.Reader // the part
	rest      io.Reader
	others    *sync.WaitGroup
	once      sync.Once
}

func (b *begun) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		b.once.Do(func() {
			b.others.Done()
			b.others.Wait()
		})
		return b.rest.Read(p)
	}
	return n, err
}

// TestBodiesDoNotWaitForOneAnother sends more and larger bodies at once than there is room for. None holds a part of the room while it lacks
// the rest: each comes through, whether it says its length or not.
func TestBodiesDoNotWaitForOneAnother(t *testing.T) {
	for _, c := range []struct {
		name          string
		bodies, bytes int
		actors        []string
		chunked       bool
	}{
		{"two of one actor", 2, 32 << 20, []string{"dr.amal"}, false},
		{"four of four", 4, 32 << 20, []string{"dr.amal", "dr.badr", "dr.celine", "dr.dana"}, false},
		{"many smaller ones", 40, 2 << 20, []string{"dr.amal"}, false},
		{"without a length", 3, 3 << 20, []string{"dr.amal"}, true},
	} {
		g := newGate(t, Limits{Admission: time.Minute, Idle: time.Hour})
		var all, others sync.WaitGroup
		others.Add(c.bodies)
		for i := range c.bodies {
			body := bundleOf("batch")
			body += strings.Repeat(" ", c.bytes-len(body))
			const part = firstRoom / 2
			r := httptest.NewRequest("POST", "http://h.example/fhir", &begun{Reader: strings.NewReader(body[:part]), rest: strings.NewReader(body[part:]), others: &others})
			r.Header.Set("Authorization", "Bearer "+c.actors[i%len(c.actors)])
			r.Header.Set("Content-Type", "application/fhir+json")
			if r.ContentLength = int64(len(body)); c.chunked {
				r.ContentLength = -1
			}
			all.Go(func() {
				w := httptest.NewRecorder()
				if g.ServeHTTP(w, r); w.Code != http.StatusOK {
					t.Errorf("%s: %d %.200s", c.name, w.Code, w.Body)
				}
			})
		}
		all.Wait()
		if requests, held := g.inUse(); requests != 0 || held != 0 {
			t.Errorf("%s: %d requests and %d bytes held after it", c.name, requests, held)
		}
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

// waiting is a Store whose searches end with those who ask.
type waiting struct {
	*memory
	begun, ended chan struct{}
}

func (w *waiting) Search(ctx context.Context, _ record.Access, _ record.Query) (*record.Page, error) {
	w.begun <- struct{}{}
	<-ctx.Done()
	w.ended <- struct{}{}
	return nil, ctx.Err()
}

// TestWhoHangsUpEndsTheSearch: a search is worked on only while somebody waits for it.
func TestWhoHangsUpEndsTheSearch(t *testing.T) {
	g := newGate(t, Limits{})
	w := &waiting{g.store, make(chan struct{}), make(chan struct{})}
	g.Store = w
	address := g.overNetwork(t)
	for _, request := range []string{
		"GET /fhir/Observation?date=ge2020 HTTP/1.1\r\n\r\n",
		"POST /fhir/Observation/_search HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\ndate=ge2020",
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(request, "\r\n")
		if _, err := io.WriteString(conn, head+"\r\nHost: h.example\r\nAuthorization: Bearer dr.amal\r\n"+rest); err != nil {
			t.Fatal(err)
		}
		<-w.begun
		conn.Close()
		<-w.ended
	}
}
