//go:build real && linux

package real_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load writes observations to a node from several clients, through every failure, and remembers what was acknowledged.
type load struct {
	n       *member
	token   string
	stop    context.CancelFunc
	clients sync.WaitGroup
	made    atomic.Int64

	mu    sync.Mutex
	acked map[string]int // value by id
	odd   []string       // answers that no failure explains
}

const clients = 6

// startLoad begins to write to the chart of a patient p1.
func startLoad(t *testing.T, n *member) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{n: n, token: n.token(t, "clinician"), stop: stop, acked: make(map[string]int)}
	for range clients {
		l.clients.Go(func() {
			for ctx.Err() == nil {
				l.write(ctx)
			}
		})
	}
	t.Cleanup(func() { stop(); l.clients.Wait() })
	return l
}

func (l *load) write(ctx context.Context) {
	value := int(l.made.Add(1))
	id := fmt.Sprintf("%s-%d", l.n.name, value)
	a, err := l.n.try(context.WithoutCancel(ctx), l.token, http.MethodPut, "/Observation/"+id, []byte(observation(id, "p1", value)))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil: // the node is down: nothing was promised
		time.Sleep(5 * time.Millisecond)
	case a.status == http.StatusCreated:
		l.acked[id] = value
	case a.status == http.StatusServiceUnavailable:
	default:
		l.odd = append(l.odd, fmt.Sprintf("%s: %d: %s", id, a.status, head(a.body)))
	}
}

// count tells how many writes were acknowledged so far.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// more waits until so many further writes were acknowledged.
func (l *load) more(t *testing.T, writes int) {
	t.Helper()
	want := l.count() + writes
	await(t, fmt.Sprintf("%d more acknowledged writes", writes), func() bool { return l.count() >= want }, nil)
}

// end stops the clients, and has everything acknowledged read back.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.clients.Wait()
	for _, odd := range l.odd {
		t.Errorf("unexplained answer: %s", odd)
	}
	l.check(t)
}

// check reads everything that was acknowledged.
func (l *load) check(t *testing.T) {
	t.Helper()
	for id, want := range l.acked {
		a := l.n.ask(t, http.StatusOK, "clinician GET /Observation/"+id, "")
		if got := valueOf(t, a.body); got != want {
			t.Errorf("Observation/%s holds %d, want %d", id, got, want)
		}
		if v := a.header.Get("ETag"); v != `W/"1"` {
			t.Errorf("Observation/%s is at version %s, and was written once", id, v)
		}
	}
}

// TestRealKillUnderLoad cuts the power of nodes while they are written to. Nothing acknowledged is lost, and all catch up.
func TestRealKillUnderLoad(t *testing.T) {
	c := four(t)
	hospital, clinic := c.nodes[0], c.nodes[1]
	hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	l := startLoad(t, hospital)
	for round := range 3 {
		l.more(t, 100)
		hospital.kill()
		if round == 1 {
			clinic.kill()
		}
		hospital.start(t)
		l.more(t, 20)
		if round == 1 {
			clinic.start(t)
		}
	}
	clinic.kill()
	l.more(t, 100)
	clinic.start(t)
	l.more(t, 50)
	l.end(t)
	t.Logf("%d writes acknowledged of %d sent", len(l.acked), l.made.Load())
	c.settled(t)
	for _, n := range c.nodes {
		n.sijil(t, 0, "audit", n.dir)
	}
	// What was sent and not acknowledged is there whole, or not at all.
	for value := range int(l.made.Load()) + 1 {
		id := fmt.Sprintf("%s-%d", hospital.name, value)
		if _, ok := l.acked[id]; ok || value == 0 {
			continue
		}
		a, err := hospital.try(t.Context(), l.token, http.MethodGet, "/Observation/"+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.status != http.StatusNotFound && (a.status != http.StatusOK || valueOf(t, a.body) != value) {
			t.Errorf("Observation/%s, never acknowledged: %d: %s", id, a.status, head(a.body))
		}
	}
}
