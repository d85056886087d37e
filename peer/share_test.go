package peer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

// TestOneMemberDoesNotUseUpTheService has one member open what it can and checks that it is stopped, that another is served all the while,
// and that what is let go of can be had again.
func TestOneMemberDoesNotUseUpTheService(t *testing.T) {
	r := new(roll)
	greedy, other := r.start(t, "A", http.HandlerFunc(echo)), r.start(t, "B", http.HandlerFunc(echo))
	read, end := make(chan error, 8), make(chan struct{})
	server := r.start(t, "S", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/echo" {
			_, err := io.Copy(io.Discard, q.Body)
			read <- err
			<-end
			return
		}
		echo(w, q)
	}))
	to := server.member.Org
	var clients []*Client
	for range memberConnections {
		c := client(t, greedy.id, r.members)
		if _, err := say(c, to, "x"); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	if _, err := say(client(t, greedy.id, r.members), to, "x"); !errors.Is(err, ErrUnreachable) {
		t.Errorf("one connection too many: %v", err)
	}
	answers := make(chan error, 3)
	for _, c := range clients[:3] {
		go func() {
			resp, err := c.Do(context.Background(), to, Request{Method: http.MethodPost, Path: "/keep", Body: make([]byte, 70<<20)})
			if err == nil {
				resp.Body.Close()
			}
			answers <- err
		}()
	}
	for range 2 {
		if err := <-read; err != nil {
			t.Errorf("within its share: %v", err)
		}
	}
	if p := new(Problem); !errors.As(<-answers, &p) || p.Status != http.StatusTooManyRequests {
		t.Errorf("beyond its share: %v", p)
	}
	if _, err := say(client(t, other.id, r.members), to, "x"); err != nil {
		t.Errorf("the other member: %v", err)
	}
	close(end)
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if _, err := say(clients[0], to, string(make([]byte, 70<<20))); err != nil {
		t.Errorf("after all were answered: %v", err)
	}
	for _, c := range clients {
		c.Close()
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := say(client(t, greedy.id, r.members), to, "x"); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatalf("after its connections were closed: %v", err)
		}
	}
}
