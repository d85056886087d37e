package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// workers are the parts that this program plays as a process of its own, by its first argument.
var workers = map[string]func(args []string) error{
	"ledger-node": func([]string) error { return answer(openLedgerNode) },
	"comet-node":  func([]string) error { return answer(openCometNode) },
	"slow":        behindSlowDisk,
	"fsync":       printFsync,
}

// order is what the parent asks of a worker, a line of JSON.
type order struct {
	Do      string  // one of the worker's own words
	Seconds float64 // for how long
}

// result is what a worker answers, a line of JSON.
type result struct {
	Error   string  `json:",omitempty"`
	Entries uint64  `json:",omitempty"`
	Batches uint64  `json:",omitempty"`
	Blocks  int64   `json:",omitempty"`
	Seconds float64 `json:",omitempty"` // of time
	CPU     float64 `json:",omitempty"` // seconds of processor time
	P50     float64 `json:",omitempty"` // ms
	P99     float64 `json:",omitempty"` // ms
}

// role is a worker that is up.
type role interface {
	do(order) (result, error)
	io.Closer
}

// answer opens a role from the first line of standard input and then answers order after order until the input ends.
func answer[S any](open func(S) (role, error)) error {
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	var spec S
	if err := in.Decode(&spec); err != nil {
		return err
	}
	r, err := open(spec)
	if err != nil {
		return err
	}
	for {
		var o order
		if err := in.Decode(&o); err != nil { // the parent has closed the pipe, or is gone
			return r.Close()
		}
		got, err := r.do(o)
		if err != nil {
			got.Error = err.Error()
		}
		if err := out.Encode(got); err != nil {
			return errors.Join(err, r.Close())
		}
	}
}

// worker is the parent's end.
type worker struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
}

// hire starts a worker and gives it its specification.
func (b *bench) hire(name string, spec any) (*worker, error) {
	w := &worker{name: name, cmd: exec.Command(b.self, name)}
	w.cmd.Stderr = os.Stderr
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.out = json.NewDecoder(out)
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	return w, json.NewEncoder(w.in).Encode(spec)
}

// ask gives one order and waits for its result.
func (w *worker) ask(o order) (result, error) {
	if err := json.NewEncoder(w.in).Encode(o); err != nil {
		return result{}, fmt.Errorf("%s: %w", w.name, err)
	}
	var r result
	if err := w.out.Decode(&r); err != nil {
		return r, fmt.Errorf("%s: %s: %w", w.name, o.Do, err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("%s: %s: %s", w.name, o.Do, r.Error)
	}
	return r, nil
}

// dismiss ends workers: their input ends, and they close what they have open.
func dismiss(all []*worker) {
	for _, w := range all {
		w.in.Close()
	}
	for _, w := range all {
		late := time.AfterFunc(20*time.Second, func() { _ = w.cmd.Process.Kill() })
		_ = w.cmd.Wait() // what it had to say is on standard error
		late.Stop()
	}
}

// each gives the same order to all at once.
func each(all []*worker, o order) ([]result, error) {
	got, errs := make([]result, len(all)), make([]error, len(all))
	done := make(chan struct{})
	for i, w := range all {
		go func() {
			got[i], errs[i] = w.ask(o)
			done <- struct{}{}
		}()
	}
	for range all {
		<-done
	}
	return got, errors.Join(errs...)
}
