package verify

import (
	"fmt"
)

// ChartError says where a chart's entries stop being whole.
type ChartError struct {
	Number uint64 // of the entry that is missing, or that does not fit
	Err    error
}

// Error gives the number and the reason.
func (e *ChartError) Error() string { return fmt.Sprintf("chart entry %d: %v", e.Number, e.Err) }

// Unwrap gives the reason.
func (e *ChartError) Unwrap() error { return e.Err }

// ChartWalk follows one chart from its first entry on, so that an entry left out, replaced or put in later shows. The zero
// value begins at entry 0. It does not show entries left out at the end: compare Next with what custodians hold.
type ChartWalk struct {
	first *Entry
	next  uint64
	prev  Hash
	tags  map[Tag]struct{}
}

// Next is the number of the entry that comes next: how many entries the chart has so far.
func (w *ChartWalk) Next() uint64 { return w.next }

// Add checks the entry that follows and gives it decoded. An error is a *ChartError, and ends the walk.
func (w *ChartWalk) Add(o *OpenedEntry) (*Entry, error) {
	fail := func(format string, args ...any) (*Entry, error) {
		return nil, &ChartError{w.next, fmt.Errorf(format, args...)}
	}
	e, err := DecodeEntry(o.Body)
	if err != nil {
		return fail("%w", err)
	}
	if w.first == nil {
		w.first, w.tags = e, make(map[Tag]struct{})
	}
	_, reused := w.tags[o.Tag]
	switch {
	case e.Org != w.first.Org || e.Chart != w.first.Chart:
		return fail("it belongs to another chart")
	case e.Number != w.next:
		return fail("missing; entry %d comes in its place", e.Number)
	case e.Prev != w.prev:
		return fail("the entry before it is not the one that was there when it was made")
	case reused:
		return fail("its tag was used before")
	}
	w.tags[o.Tag] = struct{}{}
	w.next, w.prev = w.next+1, o.Leaf()
	return e, nil
}

// VerifyChain walks all entries of one chart, in order from entry 0.
func VerifyChain(entries []OpenedEntry) error {
	var w ChartWalk
	for i := range entries {
		if _, err := w.Add(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}
