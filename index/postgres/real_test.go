//go:build real

package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/indextest"
	"github.com/sijil-health/sijil/index/postgres"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/journal"
)

// program finds a program of PostgreSQL's server, which distributions put beside the path.
func program(t testing.TB, name string) string {
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); err == nil && len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED: %s is not there; install postgresql", name)
	}
	return path
}

// server is a PostgreSQL of the test's own.
type server struct {
	t    testing.TB
	dir  string
	port int
	as   *syscall.SysProcAttr
	cmd  *exec.Cmd
}

// start makes a database in a directory of its own and runs a server on it, which refuses to be root.
func start(t testing.TB) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "sijil-pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &server{t: t, dir: dir}
	if os.Getuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Skip("SKIPPED: there is no user but root")
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		s.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = free.Addr().(*net.TCPAddr).Port
	free.Close()
	make := exec.Command(program(t, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "sijil", "-A", "trust", "-E", "UTF8", "--no-sync")
	make.SysProcAttr, make.Dir = s.as, dir
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	s.run()
	t.Cleanup(s.kill)
	return s
}

func (s *server) run() {
	s.t.Helper()
	s.cmd = exec.Command(program(s.t, "postgres"), "-D", filepath.Join(s.dir, "data"), "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-k", s.dir)
	s.cmd.SysProcAttr, s.cmd.Dir = s.as, s.dir
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), s.url())
		if err == nil {
			conn.Close(context.Background())
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
	}
}

// kill ends the server as a loss of power does.
func (s *server) kill() {
	s.cmd.Process.Signal(syscall.SIGQUIT)
	s.cmd.Wait()
}

func (s *server) url() string { return fmt.Sprintf("postgres://sijil@127.0.0.1:%d/postgres", s.port) }

func (s *server) open(key byte) (*index.Index, error) {
	return postgres.Open(s.t.Context(), s.url(), bytes.Repeat([]byte{key}, index.KeySize))
}

// TestRealPostgres holds the index in PostgreSQL to what is right.
func TestRealPostgres(t *testing.T) {
	x, err := start(t).open(7)
	if err != nil {
		t.Fatal(err)
	}
	// Each look-up is a round trip. More than a few checks are made where nothing else is tested: go test -rapid.checks 100.
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("10"); err != nil {
			t.Fatal(err)
		}
	}
	indextest.Run(t, x)
}

func batch(n int) *index.Batch {
	return &index.Batch{
		Records: []journal.Cursor{{Entry: uint64(n), Offset: int64(n)}}, Position: journal.Cursor{Entry: uint64(n + 1), Offset: int64(n + 1)},
		Entries: []index.Counted{{Chart: "Patient/secret-chart", Number: uint64(n), Entry: uint64(n)}},
		Updates: []index.Update{{Type: "Patient", ID: fmt.Sprint("secret-id-", n), Version: index.Version{Number: 1, Entry: uint64(n), Chart: "Patient/secret-chart"},
			Terms: []term.Term{{Param: "identifier", Kind: term.Token, System: "urn:mrn", Code: "SECRET-MRN"}, {Param: "name", Kind: term.String, Value: "Secretname", Folded: "secretname"}}}},
	}
}

// TestRealServerDies while the index is written to: it goes on when the server is there again, and position and what is found agree.
func TestRealServerDies(t *testing.T) {
	s := start(t)
	x, err := s.open(7)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { x.Close() }()
	for n := range 40 {
		if n%10 == 9 {
			s.kill()
			go func() { time.Sleep(200 * time.Millisecond); s.run() }()
		}
		for { // as whoever follows the journal does
			err := x.Apply(context.Background(), batch(n))
			if err == nil {
				break
			}
			if !errors.Is(err, index.ErrAway) {
				t.Fatal(n, err)
			}
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	if x, err = s.open(7); err != nil {
		t.Fatal(err)
	}
	at, err := x.Position()
	if err != nil || at.Entry == 0 {
		t.Fatal(at, err)
	}
	q := term.Query{Type: "Patient", All: []term.Clause{{Param: "identifier", Kind: term.Token, Any: []term.Test{{Form: term.AnySystem, Code: "SECRET-MRN"}}}}}
	count := func() int {
		n, err := x.Count(t.Context(), &index.Search{Query: q, Bound: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != int(at.Entry) {
		t.Errorf("%d are found at position %d", n, at.Entry)
	}
	for n := int(at.Entry); n < 40; n++ {
		if err := x.Apply(context.Background(), batch(n)); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(); n != 40 {
		t.Errorf("%d are found in the end", n)
	}
}

// TestRealNothingReadable looks through all that the server has for what was indexed.
func TestRealNothingReadable(t *testing.T) {
	s := start(t)
	x, err := s.open(7)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		if err := x.Apply(context.Background(), batch(n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.open(7); !errors.Is(err, postgres.ErrInUse) {
		t.Errorf("a second process: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.url())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	got, err := conn.Query(t.Context(), `SELECT k, v FROM sijil_index`)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for got.Next() {
		var k, v []byte
		if err := got.Scan(&k, &v); err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"secret", "SECRET", "Secret", "Patient", "identifier", "urn:mrn"} {
			if bytes.Contains(k, []byte(word)) || bytes.Contains(v, []byte(word)) {
				t.Errorf("a row %q holds %q", k[:1], word)
			}
		}
		n++
	}
	if n < 100 || got.Err() != nil {
		t.Fatalf("%d rows, %v", n, got.Err())
	}
	if _, err := s.open(8); !errors.Is(err, index.ErrDamaged) {
		t.Errorf("under another key: %v", err)
	}
	if err := postgres.Remove(t.Context(), s.url()); err != nil {
		t.Fatal(err)
	}
	if x, err = s.open(8); err != nil {
		t.Fatal(err)
	}
	x.Close()
}
