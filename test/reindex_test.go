//go:build real && linux

package real_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reindexing asks `sijil status` how far a type is told anew.
func reindexing(t *testing.T, n *member) (done, total uint64) {
	t.Helper()
	var s struct {
		Reindexing []struct {
			Type        string
			Done, Total uint64
		}
	}
	if err := json.Unmarshal([]byte(n.sijil(t, 0, "status", "--json", "--dir", n.dir)), &s); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Reindexing {
		if r.Type == "Observation" {
			return r.Done, r.Total
		}
	}
	return 0, 0
}

// TestRealReindexGoesOnAfterAKill gives a node with many observations a search parameter, and kills it while these are gone through, twice, others
// being written. It goes on; until it is done searches by the parameter are refused, and then find all.
func TestRealReindexGoesOnAfterAKill(t *testing.T) {
	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	const bundles, each = 20, 500
	for b := range bundles {
		var body strings.Builder
		body.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
		for i := range each {
			if i > 0 {
				body.WriteByte(',')
			}
			id := fmt.Sprintf("o%d-%d", b, i)
			o := strings.Replace(observation(id, "p1", i), `"status"`, `"extension":[{"url":"http://h.example/shift","valueCode":"night"}],"status"`, 1)
			fmt.Fprintf(&body, `{"resource":%s,"request":{"method":"PUT","url":"Observation/%s"}}`, o, id)
		}
		n.ask(t, http.StatusOK, "clinician POST /", body.String()+"]}")
	}
	sp := `{"resourceType":"SearchParameter","id":"shift","url":"http://h.example/shift","name":"Shift","status":"active","description":"d","code":"shift","base":["Observation"],"type":"token","expression":"Observation.extension.where(url='http://h.example/shift').value"}`
	n.ask(t, http.StatusCreated, "system PUT /SearchParameter/shift", sp)
	const search = "/Observation?shift=night&_summary=count&_total=accurate"
	a, err := n.try(t.Context(), n.token(t, "clinician"), http.MethodGet, search, nil)
	if err != nil || a.status != http.StatusServiceUnavailable {
		t.Fatalf("while it is made: %v %+v", err, a)
	}
	l := startLoad(t, n)
	was := uint64(0)
	for range 2 {
		var done, total uint64
		await(t, "the reindex to go on", func() bool { done, total = reindexing(t, n); return done > was || total == 0 }, nil)
		if total == 0 {
			t.Fatal("it was done before it could be killed: more observations are needed")
		}
		n.kill()
		n.start(t)
		if was, total = reindexing(t, n); total > 0 && was == 0 {
			t.Errorf("it has begun anew after %d of %d", done, total)
		}
		if total > 0 {
			if a, err := n.try(t.Context(), n.token(t, "clinician"), http.MethodGet, search, nil); err != nil || a.status == http.StatusOK && !strings.Contains(string(a.body), `"total":10000`) {
				t.Errorf("before it was done: %v %d %s", err, a.status, a.body)
			}
		}
	}
	l.end(t)
	end := time.Now().Add(2 * time.Minute)
	for {
		a, err := n.try(t.Context(), n.token(t, "clinician"), http.MethodGet, search, nil)
		if err == nil && a.status == http.StatusOK {
			if !strings.Contains(string(a.body), fmt.Sprintf(`"total":%d`, bundles*each)) {
				t.Errorf("found %s", a.body)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it is not done: %v %+v", err, a)
		}
		time.Sleep(100 * time.Millisecond)
	}
	if body := string(n.ask(t, http.StatusOK, "clinician GET /SearchParameter/shift/$status", "").body); !strings.Contains(body, `"enabled"`) {
		t.Error(body)
	}
}
