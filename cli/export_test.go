package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/verify"
)

// lyingGate answers an export; each field is what it says in place of the truth.
type lyingGate struct{ typ, resourceType, id, version, next, redirect, issue, trust string }

func (g *lyingGate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	or := func(lie, truth string) string {
		if lie != "" {
			return lie
		}
		return truth
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/fhir/"); {
	case path == "metadata":
		fmt.Fprintf(w, `{"rest":[{"resource":[{"type":%q,"searchParam":[{"name":"patient"}]}]}]}`, or(g.typ, "Observation"))
	case path == "$trust":
		fmt.Fprint(w, g.trust)
	case path == "Observation" && r.URL.Query().Get("_cursor") == "":
		fmt.Fprintf(w, `{"link":[{"relation":"next","url":%q}],"entry":[{"resource":{"resourceType":%q,"id":%q}}]}`,
			or(g.next, "https://records.example/fhir/Observation?_cursor=2"), or(g.resourceType, "Observation"), or(g.id, "o1"))
	case path == "Observation":
		fmt.Fprintf(w, `{"entry":[{"resource":{"resourceType":"Observation","id":".."}},{"resource":{"resourceType":"OperationOutcome","issue":[{"code":%q}]}}]}`, g.issue)
	case g.redirect != "" && path == "Patient/p1":
		http.Redirect(w, r, g.redirect, http.StatusFound)
	default:
		fmt.Fprintf(w, `{"meta":{"versionId":%q}}`, or(g.version, "1"))
	}
}

func TestExportsKeepToTheirDirectoryAndTheirGate(t *testing.T) {
	stolen := 0
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stolen++
		fmt.Fprint(w, `{"meta":{"versionId":"1"}}`)
	}))
	defer thief.Close()
	genesis := verify.Genesis{Time: 1, Members: membersOf(organisations(t, "abcd", 1))}
	trust, err := (&verify.Trust{Format: verify.TrustFormat, Genesis: genesis}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		gate lyingGate
		good bool
	}{
		{"the truth", lyingGate{}, true},
		{"a resource that is damaged", lyingGate{issue: "incomplete"}, false},
		{"a next page elsewhere", lyingGate{next: thief.URL + "/fhir/Observation?_cursor=2"}, true}, // is asked for here
		{"a next page nowhere", lyingGate{next: "/"}, false},
		{"a type with a path", lyingGate{typ: "../../x"}, false},
		{"a resource of a type with a path", lyingGate{resourceType: "../.."}, false},
		{"an id with a path", lyingGate{id: "../../../x"}, false},
		{"a version with a path", lyingGate{version: "1/../../x"}, false},
		{"a trust file that is none", lyingGate{trust: "{}"}, false},
		{"a redirection", lyingGate{redirect: thief.URL}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.gate.trust == "" {
				c.gate.trust = string(trust)
			}
			server := httptest.NewServer(&c.gate)
			defer server.Close()
			root := t.TempDir()
			dir := filepath.Join(root, "a", "b", "out")
			if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			code := Main([]string{"export", "Patient/p1", "--fhir", server.URL + "/fhir/", "--token", "t", "--out", dir}, nil, &out, &out)
			if (code == 0) != c.good {
				t.Errorf("exit code %d: %s", code, &out)
			}
			files := 0
			err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					files++
					if !strings.HasPrefix(path, dir+"/") {
						t.Errorf("wrote %s", path)
					}
				}
				return err
			})
			if err != nil || c.good && files != 7 { // the patient, o1 and "..", each with its receipt, and the trust file
				t.Errorf("%d files, %v", files, err)
			}
		})
	}
	if stolen > 0 {
		t.Errorf("the token went elsewhere %d times", stolen)
	}
}
