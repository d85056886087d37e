package peer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// repeat answers each byte with itself, as long as the caller is a member and the server stays.
func repeat(w http.ResponseWriter, r *http.Request) {
	c := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	c.Flush()
	done := make(chan struct{})
	var closing sync.WaitGroup
	defer func() {
		close(done)
		closing.Wait()
	}()
	closing.Go(func() {
		select {
		case <-Closing(r.Context()):
			c.SetReadDeadline(time.Unix(1, 0))
		case <-done:
		}
	})
	b := make([]byte, 1)
	for {
		if _, err := io.ReadFull(r.Body, b); err != nil || Admitted(r.Context()) != nil {
			return
		}
		if _, err := w.Write(b); err != nil || c.Flush() != nil {
			return
		}
	}
}

func exchange(s *Stream, b byte) error {
	if _, err := s.Write([]byte{b}); err != nil {
		return err
	}
	in := make([]byte, 1)
	if _, err := io.ReadFull(s, in); err != nil {
		return err
	}
	if in[0] != b {
		return errors.New("another byte came back")
	}
	return nil
}

func openStream(t *testing.T, c *Client, to verify.OrgID) *Stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := c.Open(ctx, to, EndlessPrefix+"test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStream(t *testing.T) {
	r := new(roll)
	a, b := r.start(t, "A", http.HandlerFunc(echo)), r.start(t, "B", http.HandlerFunc(repeat))
	s := openStream(t, client(t, a.id, r.members), b.member.Org)
	for i := range 100 {
		if err := exchange(s, byte(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := exchange(s, 1); err == nil {
		t.Error("a closed stream goes on")
	}
}

func TestStreamStopsWhenTheCallerIsRevoked(t *testing.T) {
	r := new(roll)
	a, b := r.start(t, "A", http.HandlerFunc(echo)), r.start(t, "B", http.HandlerFunc(repeat))
	everyone := r.members()
	s := openStream(t, client(t, a.id, func() []verify.Member { return everyone }), b.member.Org)
	if err := exchange(s, 1); err != nil {
		t.Fatal(err)
	}
	r.drop(a.member.Org)
	if err := exchange(s, 2); err == nil {
		t.Error("the server goes on")
	}
}

func TestStreamStopsWhenTheOtherSideIsRevokedOrMoves(t *testing.T) {
	r := new(roll)
	a, b := r.start(t, "A", http.HandlerFunc(echo)), r.start(t, "B", http.HandlerFunc(repeat))
	c := client(t, a.id, r.members)
	s := openStream(t, c, b.member.Org)
	moved := b.member
	moved.Peer = "127.0.0.1:1"
	r.put(moved)
	if err := exchange(s, 1); !errors.Is(err, ErrNotMember) {
		t.Errorf("moved: %v", err)
	}
	r.put(b.member)
	s = openStream(t, c, b.member.Org)
	r.drop(b.member.Org)
	if err := exchange(s, 1); !errors.Is(err, ErrNotMember) {
		t.Errorf("revoked: %v", err)
	}
}

func TestStreamIsRefused(t *testing.T) {
	r := new(roll)
	a := r.start(t, "A", http.HandlerFunc(echo))
	b := r.start(t, "B", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		Refuse(w, &Problem{Status: http.StatusNotFound, Code: "unknown", Detail: "no such stream"})
	}))
	_, err := client(t, a.id, r.members).Open(t.Context(), b.member.Org, EndlessPrefix+"x")
	if p := new(Problem); !errors.As(err, &p) || p.Code != "unknown" {
		t.Errorf("got %v", err)
	}
	if err := Admitted(t.Context()); !errors.Is(err, ErrNotMember) {
		t.Errorf("outside a request: %v", err)
	}
}

func BenchmarkStream(b *testing.B) {
	r := new(roll)
	x, y := r.start(b, "X", http.HandlerFunc(echo)), r.start(b, "Y", http.HandlerFunc(repeat))
	s, err := client(b, x.id, r.members).Open(b.Context(), y.member.Org, EndlessPrefix+"test")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if err := exchange(s, 1); err != nil {
			b.Fatal(err)
		}
	}
}
