package cli

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sijil-health/sijil/node"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sijil": func() { os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs every command as a person would: testdata/script says what is typed, and what must come.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("LC_ALL", "C.UTF-8")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "port": port, "ready": ready, "fhir": fhir, "damage": damage, "edit": edit, "witnessed": witnessed, "occupied": occupied, "taken": taken, "packaged": packaged, "as": as,
		},
		RequireUniqueNames: true,
	})
}

// exits runs a program and asks for its exit code: exits CODE PROGRAM ARG…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got, ended := 0, (*exec.ExitError)(nil)
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// as has commands ask with the token in a file: as TOKENFILE.
func as(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("SIJIL_TOKEN", strings.TrimSpace(ts.ReadFile(args[0])))
}

// packaged makes a compressed archive of files: packaged ARCHIVE FILE…
func packaged(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	for _, name := range args[1:] {
		b := []byte(ts.ReadFile(name))
		ts.Check(w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(b)), Typeflag: tar.TypeReg}))
		_, err := w.Write(b)
		ts.Check(err)
	}
	ts.Check(errors.Join(w.Close(), z.Close(), f.Close()))
}

// port finds free addresses of the loopback interface: port NAME…
func port(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer l.Close() // all at once, so that none is given twice
		ts.Setenv(name, l.Addr().String())
	}
}

// occupied listens at addresses of the loopback interface until the script ends: occupied NAME…
func occupied(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Defer(func() { _ = l.Close() })
		ts.Setenv(name, l.Addr().String())
	}
}

// taken listens at the peer address of a node until the script ends: taken CONFIG.
func taken(ts *testscript.TestScript, _ bool, args []string) {
	config, err := node.ReadConfig(ts.MkAbs(args[0]))
	ts.Check(err)
	l, err := net.Listen("tcp", config.Peer)
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
}

// patience bounds every wait for a process; nothing is expected to need it.
const patience = 60 * time.Second

// ready waits until the node in a directory answers and has nothing left to anchor: ready DIR…
func ready(ts *testscript.TestScript, _ bool, args []string) {
	for _, dir := range args {
		until := time.Now().Add(patience)
		for {
			var s node.Status
			err := node.Ask(context.Background(), ts.MkAbs(dir), http.MethodGet, "/status", nil, &s)
			if err == nil && s.Unanchored == 0 && s.Height > 0 {
				break
			}
			if time.Now().After(until) {
				ts.Fatalf("%s is not ready: %v, %+v", dir, err, s)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// fhir sends a request to a node's gate and shows the answer as standard output: fhir STATUS METHOD ADDRESS/PATH TOKENFILE [BODYFILE].
func fhir(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 4 {
		ts.Fatalf("usage: fhir STATUS METHOD ADDRESS/PATH TOKENFILE [BODYFILE]")
	}
	var body io.Reader
	if len(args) > 4 {
		body = strings.NewReader(ts.ReadFile(args[4]))
	}
	r, err := http.NewRequestWithContext(context.Background(), args[1], "http://"+args[2], body)
	ts.Check(err)
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(args[3])))
	r.Header.Set("Content-Type", "application/fhir+json")
	if strings.HasSuffix(args[len(args)-1], ".xml") {
		r.Header.Set("Content-Type", "application/fhir+xml")
	}
	resp, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if fmt.Sprint(resp.StatusCode) != args[0] {
		ts.Fatalf("%s %s: %d, want %s: %s", args[1], args[2], resp.StatusCode, args[0], answer)
	}
	_, err = ts.Stdout().Write(answer)
	ts.Check(err)
}

// damage turns the bits of one byte in the first file that a pattern finds: damage PATTERN OFFSET; an offset below 0 counts from the end.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(files) == 0 {
		ts.Fatalf("%s: no such file", args[0])
	}
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	b, err := os.ReadFile(files[0])
	ts.Check(err)
	if offset < 0 {
		offset += len(b)
	}
	b[offset] ^= 0xff
	ts.Check(os.WriteFile(files[0], b, 0o600))
}

// edit replaces text that must be there in a file: edit FILE OLD NEW.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.ReadFile(args[0])
	if !strings.Contains(b, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(b, args[1], args[2], 1)), 0o600))
}

// witnessed names a witness in a node's configuration: witnessed CONFIG NAME KEYFILE [URL].
func witnessed(ts *testscript.TestScript, _ bool, args []string) {
	var c node.Config
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &c))
	w := node.WitnessConfig{Name: args[1], Key: strings.TrimSpace(ts.ReadFile(args[2]))}
	if len(args) > 3 {
		w.URL = args[3]
	}
	c.Witnesses = append(c.Witnesses, w)
	b, err := json.Marshal(&c)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}
