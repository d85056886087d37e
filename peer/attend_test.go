package peer

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// hole is a TCP relay that can stop passing anything on without closing: a cable pulled out.
func hole(t *testing.T, to string) (addr string, pulled *atomic.Bool) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	pulled = new(atomic.Bool)
	pass := func(to, from net.Conn) {
		b := make([]byte, 32<<10)
		for {
			n, err := from.Read(b)
			if err != nil {
				to.Close()
				return
			}
			if !pulled.Load() {
				to.Write(b[:n])
			}
		}
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				return
			}
			t.Cleanup(func() { near.Close(); far.Close() })
			go pass(far, near)
			go pass(near, far)
		}
	}()
	return l.Addr().String(), pulled
}

// TestADeadWayIsFoundWhileARequestWaits although idle connections are looked at once a minute only, and the next request finds a new way.
func TestADeadWayIsFoundWhileARequestWaits(t *testing.T) {
	r := new(roll)
	slow := make(chan struct{}, 1)
	a := r.start(t, "A", http.HandlerFunc(echo))
	b := r.start(t, "B", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/slow" {
			select {
			case <-slow:
			case <-q.Context().Done():
			}
		}
		_, _ = io.WriteString(w, "done")
	}))
	member, pulled := b.member, (*atomic.Bool)(nil)
	member.Peer, pulled = hole(t, b.member.Peer)
	r.put(member)
	c := client(t, a.id, r.members)
	c.attendEvery = 50 * time.Millisecond
	if _, err := c.Ping(t.Context(), member.Org); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	ask := func() {
		resp, err := c.Do(t.Context(), member.Org, Request{Method: http.MethodGet, Path: "/slow"})
		if err == nil {
			err = resp.Body.Close()
		}
		answered <- err
	}
	go ask()
	time.Sleep(5 * c.attendEvery)
	slow <- struct{}{} // it was slow, and alive
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	go ask()
	time.Sleep(2 * c.attendEvery)
	pulled.Store(true)
	if err := <-answered; !errors.Is(err, ErrUnreachable) {
		t.Fatalf("a dead way: %v", err)
	}
	pulled.Store(false)
	if _, err := c.Ping(t.Context(), member.Org); err != nil {
		t.Fatalf("the next request: %v", err)
	}
}
