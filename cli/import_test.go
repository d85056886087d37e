package cli

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// filesOf writes files into a directory of their own.
func filesOf(t *testing.T, content map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range content {
		b := []byte(text)
		if strings.HasSuffix(name, ".gz") {
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			if _, err := w.Write(b); err != nil || w.Close() != nil {
				t.Fatal(err)
			}
			b = z.Bytes()
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestJoined reads files as one, and finds the lines of the one in the others.
func TestJoined(t *testing.T) {
	dir := filesOf(t, map[string]string{
		"a.ndjson": "1\n2", "b.ndjson": "", "c.ndjson": "\xef\xbb\xbf3\n\n", "d/e.ndjson.gz": "4\n5", "f.ndjson": "6\n", "Patient.1.errors.ndjson": "x\n", "notes.txt": "x\n",
	})
	files, err := ndjsonFiles([]string{dir, filepath.Join(dir, "notes.txt")})
	if err != nil || len(files) != 6 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, how := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader} {
		j, err := newJoined(files)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(how(j))
		if want := "1\n2\n3\n\n4\n5\n6\nx\n"; err != nil || string(b) != want {
			t.Errorf("%q, want %q, %v", b, want, err)
		}
		if j.sent() != j.size || j.size == 0 {
			t.Errorf("%d of %d bytes", j.sent(), j.size)
		}
		for line, want := range []string{"a.ndjson:1", "a.ndjson:2", "c.ndjson:1", "c.ndjson:2", "e.ndjson.gz:1", "e.ndjson.gz:2", "f.ndjson:1", "notes.txt:1"} {
			file, n := j.where(int64(line + 1))
			if got := fmt.Sprintf("%s:%d", filepath.Base(file), n); got != want {
				t.Errorf("line %d is %s, want %s", line+1, got, want)
			}
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if _, err := j.Read(make([]byte, 1)); err == nil {
			t.Error("it reads on after Close")
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "g.ndjson.gz"), []byte("no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := newJoined([]string{filepath.Join(dir, "g.ndjson.gz")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(j); err == nil || !strings.Contains(err.Error(), "g.ndjson.gz") {
		t.Errorf("what is not compressed: %v", err)
	}
}

// importGate answers an import; each field is what it says in place of the truth.
type importGate struct {
	address, redirect, result, errors, faults string
	away                                      int // times that it says that it is busy
	got                                       strings.Builder
	dropped                                   bool
}

func (g *importGate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	or := func(lie, truth string) string {
		if lie != "" {
			return lie
		}
		return truth
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/fhir/"); {
	case r.Header.Get("Authorization") != "Bearer T":
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodPost && path == "$import" && r.Header.Get("Prefer") == "respond-async" && r.Header.Get("Content-Type") == "application/fhir+ndjson":
		if g.redirect != "" {
			http.Redirect(w, r, g.redirect, http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.Copy(&g.got, r.Body)
		w.Header().Set("Content-Location", or(g.address, "https://records.example/fhir/$import/17/status"))
		w.WriteHeader(http.StatusAccepted)
	case path == "$import/17/status" && r.Method == http.MethodDelete:
		g.dropped = true
		w.WriteHeader(http.StatusAccepted)
	case path == "$import/17/status" && g.away > 0:
		if g.away--; g.away%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"read":1,"size":2}`)
	case path == "$import/17/status":
		fmt.Fprint(w, or(g.result, fmt.Sprintf(`{"error":[{"url":%q}],"extension":{"https://sijil.health/fhir/bulk/counts":{"lines":3,"created":1,"refused":2}}}`,
			or(g.errors, "https://records.example/fhir/$import/17/files/errors.1.ndjson"))))
	case path == "$import/17/files/errors.1.ndjson":
		const line = `{"issue":[{"code":"value","diagnostics":"wrong (line %[1]d, column 1)","expression":["Patient.id"],"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line","valueInteger":%[1]d}]}]}` + "\n"
		fmt.Fprint(w, or(g.faults, fmt.Sprintf(line, 3)+fmt.Sprintf(line, 2)))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func TestImport(t *testing.T) {
	stolen := 0
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { stolen++ }))
	defer thief.Close()
	dir := filesOf(t, map[string]string{"a.ndjson": "1\n2", "b.ndjson": "3"})
	for _, c := range []struct {
		name string
		gate importGate
		exit int
		has  string
	}{
		{"the truth", importGate{}, exitDamage, "a.ndjson:2: Patient.id: wrong\n  " + dir + "/b.ndjson:1: Patient.id: wrong\n"},
		{"a busy gate", importGate{away: 4}, exitDamage, "b.ndjson:1: "},
		{"nothing refused", importGate{result: `{"error":[],"extension":{"https://sijil.health/fhir/bulk/counts":{"lines":2,"created":1,"updated":1}}}`}, exitOK, "New: 1; changed: 1; as they were: 0"},
		{"an address that is none", importGate{address: "https://records.example/fhir/$import/../status"}, exitFailed, ""},
		{"an address elsewhere", importGate{address: thief.URL + "/fhir/$import/17/status"}, exitDamage, ""}, // is asked for here
		{"a redirection", importGate{redirect: thief.URL}, exitFailed, ""},
		{"a result that says nothing", importGate{result: "{}"}, exitFailed, ""},
		{"a file with a path", importGate{errors: "https://records.example/x/passwd"}, exitFailed, ""},
		{"outcomes that are none", importGate{faults: "{}\n"}, exitFailed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(&c.gate)
			defer server.Close()
			var out, told bytes.Buffer
			code := Main([]string{"fhir", "import", dir, "--fhir", server.URL + "/fhir/", "--token", "T"}, nil, &out, &told)
			if code != c.exit || !strings.Contains(out.String(), c.has) {
				t.Errorf("%d, want %d\n%s%s", code, c.exit, &out, &told)
			}
			if c.gate.redirect == "" && c.gate.got.String() != "1\n2\n3\n" {
				t.Errorf("sent %q", c.gate.got.String())
			}
			if c.gate.dropped != (c.exit != exitFailed) {
				t.Errorf("forgotten: %t", c.gate.dropped)
			}
		})
	}
	if stolen > 0 {
		t.Errorf("asked elsewhere %d times", stolen)
	}
}
