package imports_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/bulk/imports"
	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
)

// counter is a gate whose lines are names: "bad" is refused, "x<y" waits for y, and others are kept with how often they were stored.
type counter struct {
	mu     sync.Mutex
	stored map[string]int
	fail   error         // what Store answers, once
	hang   chan struct{} // that Store waits for, where it is not nil
	took   []string
}

func newCounter() *counter { return &counter{stored: map[string]int{}} }

func (c *counter) Took(_ context.Context, _ record.Access, _ policy.Action, what string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, what)
	return nil
}

func (c *counter) Import(record.Access, bool) imports.Passes { return c }

func (c *counter) Pass(last bool) imports.Pass { return &counted{c, last} }

type counted struct {
	*counter
	last bool
}

func (c *counted) Prepare(_ context.Context, lines []imports.Line) (imports.Group, error) {
	return &group{c, lines}, nil
}

type group struct {
	*counted
	lines []imports.Line
}

func (g *group) Release() {}

func (g *group) Store(ctx context.Context) ([]imports.Result, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		err := g.fail
		g.fail = nil
		return nil, err
	}
	if g.hang != nil {
		g.mu.Unlock()
		select {
		case <-g.hang:
		case <-ctx.Done():
		}
		g.mu.Lock()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	results := make([]imports.Result, len(g.lines))
	for i, l := range g.lines {
		name, needs, _ := strings.Cut(string(l.Text), "<")
		r := &results[i]
		switch {
		case l.Text == nil || name == "bad" || needs != "" && g.stored[needs] == 0 && g.last:
			*r = imports.Result{Kind: imports.Refused, Outcome: fmt.Appendf(nil, `{"line":%d,"input":%q}`, l.Number, l.Input)}
		case needs != "" && g.stored[needs] == 0:
			r.Kind = imports.Waits
		case g.stored[name] > 0:
			r.Kind = imports.Unchanged
			g.stored[name]++
		default:
			r.Kind = imports.Created
			g.stored[name]++
		}
	}
	return results, nil
}

var (
	amal = record.Access{Actor: "amal", Role: "system", Org: "o", Request: [16]byte{1}}
	key  = vault.NewStreamKey() // outlives what these tests call a process
)

func open(t *testing.T, dir string, c *counter, change func(*imports.Options)) *imports.Imports {
	t.Helper()
	o := imports.Options{Dir: dir, Seal: key, Record: c, Limits: imports.Limits{Group: 3, Position: time.Nanosecond, Line: 1000}}
	if change != nil {
		change(&o)
	}
	x, err := imports.Open(o)
	if err == nil {
		err = x.Begin(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func send(t *testing.T, x *imports.Imports, lines string) string {
	t.Helper()
	id, err := x.Send(amal, "http://h/$import", func(w io.Writer) error { _, err := io.WriteString(w, lines); return err })
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wait(t *testing.T, x *imports.Imports, id string) *imports.Status {
	t.Helper()
	for {
		s, err := x.Status(amal, id)
		if err != nil {
			t.Fatal(err)
		}
		if s.Done {
			return s
		}
		time.Sleep(time.Millisecond)
	}
}

func outcomes(t *testing.T, x *imports.Imports, id string, input int) string {
	t.Helper()
	r, closing, err := x.Outcomes(amal, id, imports.OutcomesName(input))
	if err != nil {
		t.Fatal(err)
	}
	defer closing()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestLines sends lines of every kind. Each is counted once, and those that wait are stored when what they wait for is there.
func TestLines(t *testing.T) {
	c := newCounter()
	dir := t.TempDir()
	x := open(t, dir, c, nil)
	long := strings.Repeat("x", 1001)
	body := "\xef\xbb\xbfa<e\r\n\r\n  b  \n\n" + long + "\nbad\n" + strings.Repeat("y", 300_000) + "\nc<a\nd<c\ne\nlost<never\nb\nf"
	id := send(t, x, body)
	s := wait(t, x, id)
	in := s.Inputs[0]
	if s.Failed != nil || in.Lines != 11 || in.Created != 6 || in.Unchanged != 1 || in.Refused != 4 || in.Listed != 4 {
		t.Errorf("%+v", s)
	}
	want := `{"line":5,"input":"the body"}` + "\n" + `{"line":6,"input":"the body"}` + "\n" + `{"line":7,"input":"the body"}` + "\n" + `{"line":11,"input":"the body"}` + "\n"
	if got := outcomes(t, x, id, 0); got != want {
		t.Errorf("refused: %s", got)
	}
	for name, n := range map[string]int{"a": 1, "b": 2, "c": 1, "d": 1, "e": 1, "f": 1} {
		if c.stored[name] != n {
			t.Errorf("%s was stored %d times", name, c.stored[name])
		}
	}
	if len(c.took) != 1 || c.took[0] != "the import is complete: 6 created, 0 updated, 1 unchanged, 4 refused" {
		t.Errorf("entries: %q", c.took)
	}
	left, err := os.ReadDir(filepath.Join(dir, id))
	if err != nil || len(left) != 2 { // the state, and what was refused
		t.Errorf("left: %v, %v", left, err)
	}
	other := amal
	other.Actor = "badr"
	if _, err := x.Status(other, id); !errors.Is(err, job.ErrUnknown) {
		t.Errorf("another's import: %v", err)
	}
	if _, _, err := x.Outcomes(amal, id, "../"+id+"/state"); !errors.Is(err, job.ErrUnknown) {
		t.Errorf("another file: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	x = open(t, dir, c, nil) // what was done is told by the next process, too
	defer x.Close()
	if again := wait(t, x, id); again.Inputs[0] != in || outcomes(t, x, id, 0) != want {
		t.Errorf("after a restart: %+v", again)
	}
	if err := x.Drop(amal, id); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, id)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("dropped, and there: %v", err)
	}
}

// TestEndedAnywhere ends the process after every group of an import in turn; all lines are stored, and counted as if nothing had happened.
func TestEndedAnywhere(t *testing.T) {
	var body strings.Builder
	for i := range 40 {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&body, "n%d<n%d\n", i, (i+13)%40)
		case 3:
			body.WriteString("bad\n")
		default:
			fmt.Fprintf(&body, "n%d\n", i)
		}
	}
	dir, c := t.TempDir(), newCounter()
	c.hang = make(chan struct{})
	x := open(t, dir, c, nil)
	id := send(t, x, body.String())
	raw, err := os.ReadFile(filepath.Join(dir, id, "spool.0"))
	if err != nil || bytes.Contains(raw, []byte("n1\n")) {
		t.Errorf("the spool is readable: %v", err)
	}
	for range 30 {
		select {
		case c.hang <- struct{}{}: // one group more
		case <-time.After(50 * time.Millisecond):
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = open(t, dir, c, nil)
	}
	close(c.hang)
	s := wait(t, x, id)
	defer x.Close()
	// What was stored and not known to be is found again, unchanged; the gate of these tests does not say that it was this import's.
	in := s.Inputs[0]
	if in.Lines != 40 || in.Created+in.Unchanged != 30 || in.Refused != 10 || strings.Count(outcomes(t, x, id, 0), "\n") != 10 {
		t.Errorf("%+v", in)
	}
	if len(c.stored) != 30 {
		t.Errorf("%d names were stored", len(c.stored))
	}
}

// TestUnavailable goes on when the record can write again, and ends when it fails otherwise.
func TestUnavailable(t *testing.T) {
	c := newCounter()
	c.fail = fmt.Errorf("full: %w", record.ErrUnavailable)
	x := open(t, t.TempDir(), c, nil)
	defer x.Close()
	if s := wait(t, x, send(t, x, "a\nb\n")); s.Failed != nil || s.Inputs[0].Created != 2 {
		t.Errorf("%+v", s)
	}
	c.fail = errors.New("broken")
	if s := wait(t, x, send(t, x, "c\n")); s.Failed == nil {
		t.Errorf("%+v", s)
	}
}

func TestLimits(t *testing.T) {
	c := newCounter()
	x := open(t, t.TempDir(), c, func(o *imports.Options) {
		o.Limits.File, o.Limits.Spool, o.Limits.Actor, o.Limits.Outcomes = 100, 150, 2, 3
	})
	defer x.Close()
	ways := func(n int) func(io.Writer) error {
		return func(w io.Writer) error { _, err := w.Write(bytes.Repeat([]byte("bad\n"), n)); return err }
	}
	if _, err := x.Send(amal, "", ways(26)); !errors.Is(err, imports.ErrLarge) {
		t.Errorf("a file of 104 bytes: %v", err)
	}
	broke := errors.New("it broke off")
	for range 3 { // what was not taken gives its room back
		if _, err := x.Send(amal, "", func(w io.Writer) error { _ = ways(20)(w); return broke }); !errors.Is(err, broke) {
			t.Error(err)
		}
	}
	c.hang = make(chan struct{})
	first, err := x.Send(amal, "", ways(20))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Send(amal, "", ways(20)); !errors.Is(err, imports.ErrFull) {
		t.Errorf("more than may wait: %v", err)
	}
	if _, err := x.Send(amal, "", ways(2)); err != nil {
		t.Error(err)
	}
	if _, err := x.Send(amal, "", ways(2)); !errors.Is(err, job.ErrBusy) {
		t.Errorf("a third: %v", err)
	}
	close(c.hang)
	s := wait(t, x, first)
	if in := s.Inputs[0]; in.Refused != 20 || in.Listed != 3 || strings.Count(outcomes(t, x, first, 0), "\n") != 3 {
		t.Errorf("%+v", in)
	}
}

// TestDropped ends an import under way.
func TestDropped(t *testing.T) {
	c, dir := newCounter(), t.TempDir()
	c.hang = make(chan struct{})
	x := open(t, dir, c, nil)
	defer x.Close()
	id := send(t, x, "a\nb\nc\nd\n")
	if err := x.Drop(amal, id); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if _, err := os.Stat(filepath.Join(dir, id)); errors.Is(err, os.ErrNotExist) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("its files stay")
}

// TestFetch fetches what may be fetched, tries again, and leaves the rest.
func TestFetch(t *testing.T) {
	tries := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/out/one":
			io.WriteString(w, "a\nb<c\n")
		case "/out/two":
			if tries++; tries == 1 {
				w.Header().Set("Content-Length", "100")
				io.WriteString(w, "x\n") // and breaks off
				return
			}
			io.WriteString(w, "c\nbad\n")
		case "/out/elsewhere":
			http.Redirect(w, r, "/inner/secret", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	c := newCounter()
	x := open(t, t.TempDir(), c, func(o *imports.Options) {
		o.Sources = []string{server.URL + "/out/"}
		o.Client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	})
	defer x.Close()
	for _, bad := range []string{
		server.URL + "/inner/secret", server.URL + "/out/../inner/secret", server.URL + "/out/%2e%2e/inner", server.URL + "/outside", "http" + server.URL[5:] + "/out/one",
		"https://other.example/out/one", "https://u@" + server.URL[8:] + "/out/one", "file:///out/one", server.URL + "/out//one", server.URL + "/out/a%2fb", "",
	} {
		if _, err := x.Fetch(amal, "", "", []imports.Input{{Type: "Patient", URL: bad}}); !errors.Is(err, imports.ErrSource) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	id, err := x.Fetch(amal, "", "", []imports.Input{
		{Type: "Patient", URL: server.URL + "/out/one"}, {Type: "Patient", URL: server.URL + "/out/elsewhere"},
		{Type: "Patient", URL: server.URL + "/out/none"}, {Type: "Patient", URL: server.URL + "/out/two?sig=1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := wait(t, x, id)
	if s.Failed != nil || s.Inputs[0].Created != 2 || !s.Inputs[1].Absent || !s.Inputs[2].Absent || s.Inputs[3].Created != 1 || s.Inputs[3].Refused != 1 || len(c.stored) != 3 {
		t.Errorf("%+v, %v", s, c.stored)
	}
	for i := 1; i < 4; i++ {
		if !json.Valid([]byte(strings.TrimSpace(outcomes(t, x, id, i)))) {
			t.Errorf("input %d", i)
		}
	}
}
