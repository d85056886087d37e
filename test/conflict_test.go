//go:build real && linux

package real_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRealConflictingUpdates has 1,000 clients change the same few resources at the same time, half of them only what they have read. Every answer that
// acknowledges a version names one of its own, those of what was overtaken say so, and the histories have no gap.
func TestRealConflictingUpdates(t *testing.T) {
	const many, shared, writes = 1_000, 5, 3
	n := lone(t, t.TempDir())
	n.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: many}}
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	token := n.token(t, "clinician")
	var acked [shared]sync.Map // version → true
	var made, refused, odd atomic.Int64
	var all sync.WaitGroup
	for c := range many {
		all.Go(func() {
			of, id := c%shared, fmt.Sprintf("o%d", c%shared)
			last := ""
			for done := 0; done < writes && t.Context().Err() == nil; {
				var headers []string
				if c%2 == 0 && last != "" {
					headers = []string{"If-Match: " + last}
				}
				a, err := n.try(t.Context(), token, http.MethodPut, "/Observation/"+id, []byte(observation(id, "p1", c)), headers...)
				switch {
				case err != nil, a.status == http.StatusServiceUnavailable: // the gate has no place for so many at once
					time.Sleep(50 * time.Millisecond)
				case a.status == http.StatusOK, a.status == http.StatusCreated:
					last = a.header.Get("ETag")
					if _, twice := acked[of].LoadOrStore(last, true); twice {
						t.Errorf("%s: version %s was acknowledged twice", id, last)
					}
					made.Add(1)
					done++
				case a.status == http.StatusPreconditionFailed && len(headers) > 0:
					refused.Add(1)
					last = ""
				default:
					odd.Add(1)
					t.Errorf("%s: %d: %s", id, a.status, head(a.body))
					done++
				}
			}
		})
	}
	all.Wait()
	total := 0
	for of := range shared {
		total += gapless(t, n, fmt.Sprintf("/Observation/o%d/_history?_count=250", of), &acked[of])
	}
	if total < int(made.Load()) { // an answer that was lost on the way acknowledged nothing
		t.Errorf("%d versions, and %d were acknowledged", total, made.Load())
	}
	t.Logf("%d versions of %d resources; %d updates were overtaken", total, shared, refused.Load())
	n.sijil(t, 0, "audit", n.dir)
}

// gapless goes through a history: its versions must fall by one, and each that was acknowledged must be there. It gives their number.
func gapless(t *testing.T, n *member, path string, acked *sync.Map) (versions int) {
	t.Helper()
	want, seen := 0, map[string]bool{}
	for path != "" {
		var b struct {
			Link  []struct{ Relation, URL string }
			Entry []struct{ Response struct{ Etag string } }
		}
		if err := json.Unmarshal(n.ask(t, http.StatusOK, "clinician GET "+path, "").body, &b); err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Entry {
			var version int
			if _, err := fmt.Sscanf(e.Response.Etag, `W/"%d"`, &version); err != nil || want != 0 && version != want-1 {
				t.Fatalf("%s: version %s where %d is due", path, e.Response.Etag, want-1)
			}
			want, versions, seen[e.Response.Etag] = version, versions+1, true
		}
		path = ""
		for _, l := range b.Link {
			if l.Relation == "next" {
				_, path, _ = strings.Cut(l.URL, "/fhir")
			}
		}
	}
	if want != 1 {
		t.Errorf("the history ends at version %d", want)
	}
	acked.Range(func(tag, _ any) bool {
		if !seen[tag.(string)] {
			t.Errorf("version %s was acknowledged and is not there", tag)
		}
		return true
	})
	return versions
}

// TestRealTransactionsKilled cuts the power in the middle of transactions. Each is there whole or not at all, and the acknowledged ones are.
func TestRealTransactionsKilled(t *testing.T) {
	const size = 60
	n := lone(t, t.TempDir())
	token := n.token(t, "clinician")
	var sent atomic.Int64
	var acked sync.Map
	var senders sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		senders.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("t%d", sent.Add(1))
				a, err := n.try(t.Context(), token, http.MethodPost, "", []byte(transaction(id, size)))
				switch {
				case err != nil: // the node is down
					time.Sleep(100 * time.Millisecond)
				case a.status == http.StatusOK:
					acked.Store(id, true)
				case a.status != http.StatusServiceUnavailable:
					t.Errorf("%s: %d: %s", id, a.status, head(a.body))
				}
			}
		})
	}
	for round := range 6 {
		time.Sleep(time.Duration(150+97*round) * time.Millisecond)
		n.kill()
		n.start(t)
	}
	close(stop)
	senders.Wait()
	whole, none := 0, 0
	for i := range int(sent.Load()) {
		id := fmt.Sprintf("t%d", i+1)
		var b struct{ Total int }
		if err := json.Unmarshal(n.ask(t, http.StatusOK, "clinician GET /Observation?subject=Patient/"+id+"&_summary=count", "").body, &b); err != nil {
			t.Fatal(err)
		}
		a, err := n.try(t.Context(), token, http.MethodGet, "/Patient/"+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, promised := acked.Load(id)
		switch {
		case b.Total == size && a.status == http.StatusOK:
			whole++
		case b.Total == 0 && a.status == http.StatusNotFound && !promised:
			none++
		default:
			t.Errorf("%s: %d of %d resources and the patient %d; acknowledged %t", id, b.Total, size, a.status, promised)
		}
	}
	if whole == 0 {
		t.Error("no transaction was made")
	}
	t.Logf("%d transactions whole, %d not at all", whole, none)
	n.sijil(t, 0, "audit", n.dir)
}

// transaction stores a patient and observations of that patient.
func transaction(id string, size int) string {
	entries := []string{fmt.Sprintf(`{"resource":%s,"request":{"method":"PUT","url":"Patient/%s"}}`, patient(id, "Hassan"), id)}
	for i := range size {
		o := fmt.Sprintf("%s-%d", id, i)
		entries = append(entries, fmt.Sprintf(`{"resource":%s,"request":{"method":"PUT","url":"Observation/%s"}}`, observation(o, id, i), o))
	}
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
}
