package search

import (
	"iter"
	"testing"

	"github.com/sijil-health/sijil/fhir/internal/shared"
	"github.com/sijil-health/sijil/fhir/tape"
)

var bundleLimits = tape.Limits{Bytes: 64 << 20, Nodes: 1 << 22}

// eachFile parses the files of patterns, one after the other.
func eachFile(t testing.TB, patterns ...string) iter.Seq2[string, tape.Value] {
	return func(yield func(string, tape.Value) bool) {
		count := 0
		var doc tape.Tape
		for _, pattern := range patterns {
			for _, name := range shared.Files(pattern) {
				b, err := shared.Read(name)
				if err != nil {
					t.Fatal(err)
				}
				if doc.Parse(b, bundleLimits) != nil {
					continue
				}
				count++
				if !yield(name, doc.Root()) {
					return
				}
			}
		}
		if count == 0 {
			t.Skip("the shared data are not there")
		}
	}
}

// syntheaResources gives the resources of one Synthea bundle.
func syntheaResources(t testing.TB) iter.Seq[tape.Value] {
	return func(yield func(tape.Value) bool) {
		for _, root := range eachFile(t, "data/fhir/synthea/smart-2019/A*.json.gz") {
			for e := root.Get("entry").First(); e.Exists(); e = e.Next() {
				if !yield(e.Get("resource")) {
					return
				}
			}
			return
		}
	}
}
