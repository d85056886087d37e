package peer

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// quick is a server that looks often whether those connected may still be.
func quick(t *testing.T, id *Identity, members Members, handler http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(id, members, handler, slog.New(slog.DiscardHandler))
	s.recheckEvery = 10 * time.Millisecond
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Shutdown(ctx)
		<-done
	})
	return l.Addr().String()
}

// clock is a time that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// TestSilentConnectionsAreCut has streams on which nobody says anything, and ends what they rest on: the membership, the key, the
// certificate; known to the server alone, or to the client alone.
func TestSilentConnectionsAreCut(t *testing.T) {
	for name, c := range map[string]struct {
		server, client bool // who learns of it
		change         func(roll *roll, caller, other verify.Member, server, client *clock)
	}{
		"the caller is voted out": {server: true, change: func(r *roll, caller, _ verify.Member, _, _ *clock) { r.drop(caller.Org) }},
		"the caller's key is rotated": {server: true, change: func(r *roll, caller, _ verify.Member, _, _ *clock) {
			_, caller.Key, _ = newKey(t)
			r.put(caller)
		}},
		"the caller's certificate expires": {server: true, change: func(_ *roll, _, _ verify.Member, server, _ *clock) {
			server.ahead.Store(int64(certificateLife + time.Minute))
		}},
		"the other side is voted out": {client: true, change: func(r *roll, _, other verify.Member, _, _ *clock) { r.drop(other.Org) }},
		"the other side's certificate expires": {client: true, change: func(_ *roll, _, _ verify.Member, _, client *clock) {
			client.ahead.Store(int64(certificateLife + time.Minute))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := new(roll)
			var serverClock, clientClock clock
			ended := make(chan struct{})
			waits := func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusOK)
				http.NewResponseController(w).Flush()
				<-r.Context().Done() // asks nobody, and is sent nothing
				close(ended)
			}
			key, public, org := newKey(t)
			caller := verify.Member{Org: org, Key: public, Name: "A", Peer: "127.0.0.1:1"}
			id := identify(t, testChain, org, key, clientClock.now)
			otherKey, otherPublic, otherOrg := newKey(t)
			other := verify.Member{Org: otherOrg, Key: otherPublic, Name: "B"}
			all := func() []verify.Member { return []verify.Member{caller, other} }
			views := map[bool]Members{true: r.members, false: all}
			other.Peer = quick(t, identify(t, testChain, otherOrg, otherKey, serverClock.now), views[c.server], waits)
			r.put(caller)
			r.put(other)
			cl := client(t, id, views[c.client])
			cl.attendEvery = 10 * time.Millisecond
			if !c.client {
				cl.attendEvery = time.Hour
			}
			s := openStream(t, cl, otherOrg)
			c.change(r, caller, other, &serverClock, &clientClock)
			if _, err := s.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("the stream's reader got %v", err)
			}
			<-ended
		})
	}
}

// TestConnectionIsRenewedBeforeItEnds moves the clock near to the end of the certificates: new requests take a new connection, and
// a stream that is open goes on until then.
func TestConnectionIsRenewedBeforeItEnds(t *testing.T) {
	r := new(roll)
	var c clock
	key, public, org := newKey(t)
	a := identify(t, testChain, org, key, c.now)
	r.put(verify.Member{Org: org, Key: public, Name: "A"})
	key, public, org = newKey(t)
	b := verify.Member{Org: org, Key: public, Name: "B"}
	b.Peer = serve(t, identify(t, testChain, org, key, c.now), r.members, http.HandlerFunc(repeat))
	r.put(b)
	cl := client(t, a, r.members)
	s := openStream(t, cl, b.Org)
	c.ahead.Store(int64(certificateLife - renewBefore + time.Minute))
	if err := exchange(s, 1); err != nil || !s.Aged() {
		t.Errorf("a stream before its end: %v, aged %v", err, s.Aged())
	}
	again := openStream(t, cl, b.Org)
	c.ahead.Store(int64(certificateLife + time.Minute))
	if err := exchange(s, 1); err == nil {
		t.Error("the old stream goes on")
	}
	if err := exchange(again, 1); err != nil {
		t.Errorf("the new stream: %v", err)
	}
}
