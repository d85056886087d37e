//go:build real && linux

package real_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealBookLost damages what a custodian remembers of what it vouched for. Its own record is served all the same, nothing panics, and
// status, audit and doctor name the damage until somebody has seen to it.
func TestRealBookLost(t *testing.T) {
	c := four(t)
	d := &damaged{n: c.nodes[0], want: make(map[string]string)}
	d.load(t)
	for _, n := range c.nodes[1:] { // somebody must be held for
		n.ask(t, 201, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	}
	c.settled(t)
	for range 2 { // a start puts into a table what the log of the last run holds
		d.n.stop()
		d.n.start(t)
	}
	c.settled(t)
	d.n.stop()
	kept := filepath.Join(t.TempDir(), "book")
	book := filepath.Join(d.n.dir, "held", "book")
	copyTree(t, book, kept)
	for _, class := range []struct {
		pattern string
		places  []float64
	}{{"*.sst", []float64{0.5}}, {"*.sst", nil}, {"MANIFEST-*", nil}, {"MANIFEST-*", []float64{0.5}}} {
		for _, path := range all(t, filepath.Join(book, class.pattern)) {
			spoil(t, path, class.places)
		}
		out := d.n.sijil(t, 2, "audit", d.n.dir)
		doctor := d.n.sijil(t, 2, "doctor", "--dir", d.n.dir)
		if !strings.Contains(out, book) || !strings.Contains(doctor, book) {
			t.Errorf("%v: audit %s\ndoctor %s", class, out, doctor)
		}
		log := len(d.n.said())
		d.n.start(t)
		if n := d.read(t); n > 0 {
			t.Errorf("%v: %d reads are refused", class, n)
		}
		if !warned(t, d.n, "book-lost") {
			t.Errorf("%v: the status does not tell", class)
		}
		if said := d.n.said()[log:]; strings.Contains(said, "goroutine") || !strings.Contains(said, book) {
			t.Errorf("%v: a trace, or the book is not named: %s", class, said)
		}
		aside := all(t, book+".damaged-*")
		if out := d.n.sijil(t, 2, "audit", d.n.dir); len(aside) != 1 || !strings.Contains(out, aside[0]) {
			t.Errorf("%v: put aside %v, audit %s", class, aside, out)
		}
		d.n.stop()
		for _, dir := range append(aside, book) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		copyTree(t, kept, book)
	}
	d.n.start(t)
	if warned(t, d.n, "book-lost") {
		t.Error("the status tells of a book that is whole")
	}
	d.whole(t)
}

// all gives the files that a pattern finds.
func all(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return files
}
