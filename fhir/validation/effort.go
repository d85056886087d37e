package validation

import (
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Limits of what profiles may take of one check. Anybody may write one, and many that lead to one another take any time.
const (
	maxSteps   = 16 << 20 // elements of profiles that are held against a value, slices that are tried, invariants
	stepsOfOne = 64       // that a check within the check counts for
	maxNested  = 64       // of checks within one another
	maxTime    = 20 * time.Second
)

// effort is what a check and those within it may yet take. A nil one has no end.
type effort struct {
	left int
	end  time.Time
}

func newEffort() *effort { return &effort{maxSteps, time.Now().Add(maxTime)} }

// step takes one step; it tells whether there was one left.
func (e *effort) step() bool {
	if e == nil {
		return true
	}
	if e.left--; e.left > 0 && e.left%256 == 0 && time.Now().After(e.end) {
		e.left = 0
	}
	return e.left > 0
}

// begin takes the steps of a check within nested others; it tells whether it may be made.
func (e *effort) begin(nested int) bool {
	switch {
	case e == nil:
		return true
	case nested > maxNested || time.Now().After(e.end):
		e.left = 0
	default:
		e.left -= stepsOfOne
	}
	return e.left > 0
}

func (e *effort) over() bool { return e != nil && e.left <= 0 }

// ended gives the issues; where profiles took too much, with one that says so.
func (r *run) ended(root tape.Value) []Issue {
	if r.effort.over() {
		r.effort = nil
		r.errors = min(r.errors, r.options.Max-1) // this one must be told
		r.add(Count, root, "error", "too-costly", "the check took too much and was ended: something may be wrong that is not told here")
	}
	return r.issues
}
