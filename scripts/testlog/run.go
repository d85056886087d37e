package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// event is a line of "go test -json"; see "go doc test2json".
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

type test struct{ pkg, name string }

type skip struct {
	test
	reason string
}

// run is the state of one run of the tests.
type run struct {
	running        map[test]*strings.Builder // output of tests that have not ended
	failures       map[string][]string       // output of failed tests, by package
	skips          []skip
	passed, failed int
	broken         bool // a package failed, perhaps without any test of its own failing
}

func newRun() *run {
	return &run{running: make(map[test]*strings.Builder), failures: make(map[string][]string)}
}

func (r *run) bad() bool { return r.broken || r.failed > 0 }

// line takes one line of the stream and gives what is to be shown of it. What is no event is shown as it is.
func (r *run) line(b []byte) string {
	var e event
	if err := json.Unmarshal(b, &e); err != nil || e.Action == "" {
		return string(b) + "\n"
	}
	if e.Test == "" {
		return r.ofPackage(e)
	}
	r.ofTest(e)
	return ""
}

func (r *run) ofPackage(e event) string {
	switch e.Action {
	case "build-output":
		return e.Output
	case "build-fail":
		r.broken = true
	case "output":
		if idle(e.Output) {
			return ""
		}
		return r.takeFailures(e) + e.Output
	case "fail":
		r.broken = true
		return r.unfinished(e.Package)
	}
	return ""
}

// idle tells whether a line only says that a package had nothing to run.
func idle(line string) bool {
	return line == "PASS\n" || line == "testing: warning: no tests to run\n" || strings.HasPrefix(line, "?   \t") ||
		strings.HasSuffix(line, "[no tests to run]\n")
}

// takeFailures gives the output of a package's failed tests, to be shown before its closing line.
func (r *run) takeFailures(e event) string {
	if !strings.HasPrefix(e.Output, "FAIL") {
		return ""
	}
	out := strings.Join(r.failures[e.Package], "")
	delete(r.failures, e.Package)
	return out
}

// unfinished gives the output of tests that neither passed nor failed: the package died with them.
func (r *run) unfinished(pkg string) string {
	var out strings.Builder
	for t, b := range r.running {
		if t.pkg == pkg {
			fmt.Fprintf(&out, "--- DIED: %s\n%s", t.name, b)
			r.failed++
			delete(r.running, t)
		}
	}
	return out.String()
}

func (r *run) ofTest(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "run":
		r.running[t] = new(strings.Builder)
	case "output":
		if b := r.running[t]; b != nil {
			b.WriteString(e.Output)
		}
	case "pass":
		r.passed++
		delete(r.running, t)
	case "fail":
		r.failed++
		r.failures[t.pkg] = append(r.failures[t.pkg], output(r.running[t]))
		delete(r.running, t)
	case "skip":
		r.skips = append(r.skips, skip{t, reason(output(r.running[t]))})
		delete(r.running, t)
	}
}

func output(b *strings.Builder) string {
	if b == nil {
		return ""
	}
	return b.String()
}

// reason is what a skipped test said, without the marks of the test runner.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

func (r *run) closing() string {
	var out strings.Builder
	if len(r.skips) > 0 {
		slices.SortFunc(r.skips, func(a, b skip) int { return strings.Compare(a.pkg+a.name, b.pkg+b.name) })
		out.WriteString("skipped:\n")
		for _, s := range r.skips {
			fmt.Fprintf(&out, "  %s %s: %s\n", s.pkg, s.name, s.reason)
		}
	}
	fmt.Fprintf(&out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skips))
	return out.String()
}
