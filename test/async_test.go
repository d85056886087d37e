//go:build real && linux

package real_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRealAsync asks a node for the same at once and in the background. The entries are the same, with one for the request; what is kept of the answer can be read
// by nobody who has the disk; another does not get it; and it does not outlive the process.
func TestRealAsync(t *testing.T) {
	n := lone(t, t.TempDir())
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Unmistakable"))
	for i := range 3 {
		id := fmt.Sprintf("o%d", i)
		n.ask(t, http.StatusCreated, "clinician PUT /Observation/"+id, observation(id, "p1", i))
	}
	said := func(list []event) (lines []string) {
		for i := range list {
			lines = append(lines, list[i].String())
		}
		slices.Sort(lines)
		return lines
	}
	var at string
	for _, path := range []string{"/Patient?family=Unmistakable&_revinclude=Observation:patient", "/Patient/p1/$everything", "/Patient/_history", "/Patient/p1/$summary"} {
		once := n.ask(t, http.StatusOK, "clinician GET "+path, "")
		taken := n.ask(t, http.StatusAccepted, "clinician GET "+path, "", "Prefer: respond-async")
		_, at, _ = strings.Cut(taken.header.Get("Content-Location"), "/fhir")
		var answer struct {
			Type  string
			Entry []struct{ Resource json.RawMessage }
		}
		seen := ""
		await(t, "the answer", func() bool {
			a, err := n.try(t.Context(), n.token(t, "clinician"), "GET", at, nil)
			if err != nil {
				t.Fatal(err)
			}
			seen = fmt.Sprintf("%d %s", a.status, head(a.body))
			return a.status == http.StatusOK && json.Unmarshal(a.body, &answer) == nil
		}, &seen)
		if answer.Type != "batch-response" || len(answer.Entry) != 1 {
			t.Fatalf("%s: %s", path, seen)
		}
		if got := answer.Entry[0].Resource; string(got) != string(once.body) && !strings.Contains(path, "$summary") { // which is made at a moment
			t.Errorf("%s: %s\nand at once %s", path, head(got), head(once.body))
		}
		want, got := eventsOf(t, n, once.header.Get("X-Request-Id")), eventsOf(t, n, taken.header.Get("X-Request-Id"))
		got = slices.DeleteFunc(got, func(e event) bool { return strings.Contains(e.String(), "a request was taken") })
		if d := cmp.Diff(said(want), said(got)); d != "" || len(want) == 0 {
			t.Errorf("%s: entries (-at once +later):\n%s", path, d)
		}
		if all := eventsOf(t, n, taken.header.Get("X-Request-Id")); len(all) != len(want)+1 {
			t.Errorf("%s: %d entries, at once %d", path, len(all), len(want))
		}
		n.ask(t, http.StatusNotFound, "nurse GET "+at, "")
	}
	files, err := filepath.Glob(filepath.Join(n.dir, "answers", "*", "*"))
	if err != nil || len(files) != 4 {
		t.Errorf("files of answers: %q, %v", files, err)
	}
	for _, file := range files {
		if b, err := os.ReadFile(file); err != nil || strings.Contains(string(b), "Unmistakable") || strings.Contains(string(b), "resourceType") {
			t.Errorf("%s: %v, or it can be read", file, err)
		}
	}
	n.kill()
	n.start(t)
	n.ask(t, http.StatusNotFound, "clinician GET "+at, "")
	if left, _ := filepath.Glob(filepath.Join(n.dir, "answers", "*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
