package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/node"
)

// Demo is one demonstration.
type Demo struct {
	Dir      string // where the four nodes live
	Self     string // the sijil program
	Say      *lang.Catalogue
	Out      io.Writer
	Terminal bool // Out shows progress in place

	File  File // as written to demo.json, once Start has returned
	again bool // the directory held a demonstration already
	nodes []*exec.Cmd
}

// readyWithin is how long four nodes may take to start on a small machine.
const readyWithin = 90 * time.Second

// Start brings the four nodes up, loads the sample patients unless they are there, and writes DIR/demo.json.
//
// Errors: ErrForeign, ErrPorts, before anything is written; that of ctx when it ends.
func (d *Demo) Start(ctx context.Context) error {
	d.tell("demo.title")
	if err := d.look(); err != nil {
		return err
	}
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return err
	}
	if err := os.Remove(d.file()); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an earlier run: those processes are gone
		return err
	}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	for _, role := range organisations {
		d.tell("demo.starting", d.Say.T("member."+role))
		if err := d.run(role); err != nil {
			return err
		}
	}
	wait, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for i, role := range organisations {
		if err := d.ready(wait, i, role); err != nil {
			return err
		}
	}
	if err := d.describe(ctx); err != nil {
		return err
	}
	for _, m := range d.File.Members {
		d.tell("demo.ready", m.Name, m.FHIR)
	}
	if err := d.load(ctx); err != nil {
		return err
	}
	return d.publish()
}

// run starts one node. It is put into a process group of its own: Ctrl-C on the terminal reaches the demonstration, which then stops the
// nodes in order.
func (d *Demo) run(role string) error {
	dir := filepath.Join(d.Dir, role)
	log, err := os.OpenFile(filepath.Join(d.Dir, role+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c := exec.Command(d.Self, "serve", "--dir", dir)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return err
	}
	d.nodes = append(d.nodes, c)
	return nil
}

// ready waits until a node answers.
func (d *Demo) ready(ctx context.Context, i int, role string) error {
	ended := make(chan error, 1)
	go func() {
		for {
			var s node.Status
			if err := node.Ask(ctx, filepath.Join(d.Dir, role), http.MethodGet, "/status", nil, &s); err == nil {
				ended <- nil
				return
			}
			if errors.Is(ctx.Err(), context.Canceled) {
				ended <- ctx.Err() // the person ended it
				return
			}
			if ctx.Err() != nil || d.nodes[i].Process.Signal(syscall.Signal(0)) != nil || exited(d.nodes[i].Process.Pid) {
				ended <- fmt.Errorf("%s did not start; see %s", role, filepath.Join(d.Dir, role+".log"))
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	return <-ended
}

// exited tells whether a child has ended and only waits to be reaped.
func exited(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	for i := len(b) - 1; i > 0; i-- {
		if b[i] == ')' {
			return i+2 < len(b) && b[i+2] == 'Z'
		}
	}
	return false
}

// Stop ends the four nodes, in the opposite order of their start.
func (d *Demo) Stop() error {
	if len(d.nodes) == 0 {
		return nil
	}
	d.tell("demo.stopping")
	var err error
	for i := len(d.nodes) - 1; i >= 0; i-- {
		if e := d.nodes[i].Process.Signal(syscall.SIGTERM); e != nil && !errors.Is(e, os.ErrProcessDone) {
			err = errors.Join(err, e)
		}
	}
	for _, c := range d.nodes {
		stopped := time.AfterFunc(20*time.Second, func() { _ = c.Process.Kill() })
		_ = c.Wait() // a node that a step of the walk killed ends with its signal
		stopped.Stop()
	}
	d.tell("demo.stopped")
	return err
}

func (d *Demo) tell(key string, args ...any) { fmt.Fprintln(d.Out, d.Say.T(key, args...)) }
