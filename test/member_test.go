//go:build real && linux

package real_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// member is one node: a process of its own, and how to reach it.
type member struct {
	name, dir, log string
	address
	inside []string // command that puts the process somewhere, e.g. into a network namespace
	client *http.Client

	process *exec.Cmd
	ended   chan struct{}
	tokens  map[string]string
}

// patience bounds every wait. Nothing is expected to need it.
const patience = 60 * time.Second

// await asks until it is so. What was seen last is told when it never is.
func await(t *testing.T, what string, is func() bool, seen *string) {
	t.Helper()
	for until := time.Now().Add(patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			if seen == nil {
				seen = new(string)
			}
			t.Fatalf("waited %v for %s: %s", patience, what, *seen)
		}
	}
}

// launch starts the process and does not wait for it.
func (n *member) launch(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	argv := append(append([]string{}, n.inside...), program, "serve", "--dir", n.dir)
	c := exec.Command(argv[0], argv[1:]...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = c.Wait() // how it ended is in its log
		close(ended)
	}()
	n.process, n.ended = c, ended
}

func (n *member) start(t *testing.T) {
	t.Helper()
	n.launch(t)
	n.ready(t)
}

// ready waits until the node answers.
func (n *member) ready(t *testing.T) {
	t.Helper()
	if !n.answers(t) {
		n.tellLog(t)
		t.Fatalf("%s does not start", n.name)
	}
}

// answers tells whether a node that was launched came to serve; false when it ended instead.
func (n *member) answers(t *testing.T) (serves bool) {
	t.Helper()
	await(t, n.name+" to start", func() bool {
		_, err := n.status(t)
		serves = err == nil
		return serves || n.gone()
	}, nil)
	return serves
}

func (n *member) gone() bool {
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// kill ends the process as a power cut does.
func (n *member) kill() { n.end(syscall.SIGKILL) }

// stop ends the process as an operator does.
func (n *member) stop() { n.end(syscall.SIGTERM) }

func (n *member) end(signal syscall.Signal) {
	if n.process == nil {
		return
	}
	_ = syscall.Kill(-n.process.Process.Pid, signal) // it may have ended by itself
	select {
	case <-n.ended:
	case <-time.After(30 * time.Second):
		_ = syscall.Kill(-n.process.Process.Pid, syscall.SIGKILL)
		<-n.ended
	}
	n.process = nil
}

// status is what `sijil status --json` says, as far as the tests look at it.
type status struct {
	Org        string
	Chain      string
	Entries    uint64
	Unanchored uint64
	Height     int64
	Epoch      uint64
	Snapshot   int64 `json:"snapshot_height"`
	VotedOut   int64 `json:"voted_out_height"`
	CatchingUp bool  `json:"catching_up"`
	Quorum     bool
	Members    []struct {
		Org, Name        string
		Votes, Connected bool
	}
	Pending  []struct{ Change, Org string }
	Custody  *struct{ Lag int64 }
	Warnings []struct{ Code string }
}

func (n *member) status(t *testing.T) (*status, error) {
	t.Helper()
	out, code := n.run(t, "status", "--json", "--dir", n.dir)
	if code != 0 {
		return nil, errors.New(out)
	}
	s := new(status)
	return s, json.Unmarshal([]byte(out), s)
}

// token gives a bearer token for a role.
func (n *member) token(t *testing.T, role string) string {
	t.Helper()
	if token := n.tokens[role]; token != "" {
		return token
	}
	purpose := map[string]string{"auditor": "HCOMPL", "administrator": "HSYSADMIN"}[role]
	if purpose == "" {
		purpose = "TREAT"
	}
	out := n.sijil(t, 0, "token", "--dir", n.dir, "--actor", role+"@"+n.name, "--role", role, "--purpose", purpose, "--lifetime", "2h")
	if n.tokens == nil {
		n.tokens = make(map[string]string)
	}
	n.tokens[role] = strings.TrimSpace(out)
	return n.tokens[role]
}

// sijil runs a command and asks for its exit code. It gives what the command says, errors included.
func (n *member) sijil(t *testing.T, code int, args ...string) string {
	t.Helper()
	out, got := n.run(t, args...)
	if got != code {
		t.Fatalf("sijil %s: exit code %d, want %d: %s", strings.Join(args, " "), got, code, out)
	}
	return out
}

func (n *member) run(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	c := exec.Command(program, args...)
	c.Stdout, c.Stderr = &b, &b
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var stuck atomic.Pointer[string]
	late := time.AfterFunc(patience, func() {
		stacks := n.stacks()
		stuck.Store(&stacks)
		_ = c.Process.Kill() // it may just have ended
	})
	err := c.Wait()
	if late.Stop(); stuck.Load() != nil {
		t.Fatalf("sijil %s has not ended: %s\nwhat the node is doing:\n%s", strings.Join(args, " "), b.Bytes(), *stuck.Load())
	}
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		return b.String(), ended.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), 0
}

// said gives the node's log.
func (n *member) said() string {
	b, _ := os.ReadFile(n.log) // there is none before the first start
	return string(b)
}

// tellLog shows the end of the log.
func (n *member) tellLog(t *testing.T) {
	s := n.said()
	t.Logf("log of %s:\n%s", n.name, s[max(0, len(s)-4000):])
}

// stacks tells what the goroutines of the node are doing, for the report of a test that waits for it in vain.
func (n *member) stacks() string {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(n.dir, "node.sock"))
		},
	}}
	resp, err := client.Get("http://node/debug/pprof/goroutine?debug=1")
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body) // as much as came
	return string(b)
}
