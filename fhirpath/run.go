package fhirpath

import (
	"fmt"
	"time"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// Run is the working memory of evaluations, one at a time. It may be kept and used again, so that evaluations do not allocate. The zero
// Run is ready.
type Run struct {
	Environment

	stack     []Item // all collections in hand; each function leaves its result on top
	this      span   // $this
	index     int    // $index
	total     span   // $total
	variables []variable
	spent     int
	high      int // items of stack that were ever used since the last Release
	limits    Limits
	now       time.Time
}

// span is a collection: a part of the stack.
type span struct{ from, to int }

func (s span) len() int { return s.to - s.from }

// variable is one of defineVariable().
type variable struct {
	name  string
	items []Item
}

// node is a compiled expression. eval leaves its result on the stack, above what was there, which stays as it was.
type node interface{ eval(r *Run) error }

// maxKept is the number of items that a Run keeps room for when it is released.
const maxKept = 4096

// Release forgets all items, so that the documents they are of can be freed or used again.
func (r *Run) Release() {
	if cap(r.stack) > maxKept {
		r.stack = nil
	}
	r.drop(0)
	clear(r.stack[:min(r.high, cap(r.stack))])
	clear(r.variables[:cap(r.variables)])
	r.high, r.variables, r.Environment = 0, r.variables[:0], Environment{}
}

// Steps tells how many steps the last evaluation took, as Limits counts them.
func (r *Run) Steps() int { return r.spent }

// Evaluate gives the collection that the expression has for the focus. It is part of the run's memory: it is good until the run is used
// again or released, and must not be changed.
func (e *Expression) Evaluate(r *Run, focus Item) ([]Item, error) {
	r.limits = r.Limits
	if r.limits.Steps == 0 {
		r.limits.Steps = DefaultLimits.Steps
	}
	if r.limits.Items == 0 {
		r.limits.Items = DefaultLimits.Items
	}
	if r.limits.Bytes == 0 {
		r.limits.Bytes = DefaultLimits.Bytes
	}
	r.spent, r.index, r.total, r.now = 0, 0, span{}, r.Now
	if focus.kind == NodeKind && focus.typ == nil {
		focus.typ = typeOfNode(focus.node, e.of)
	}
	r.drop(0)
	r.push(focus)
	r.variables = r.variables[:0]
	r.this = span{0, 1}
	if err := e.root.eval(r); err != nil {
		return nil, err
	}
	return r.stack[1:len(r.stack):len(r.stack)], nil
}

// Truth evaluates a condition: whether it holds. empty says that it has no result, neither true nor false. An invariant of FHIR is violated
// only if it is neither true nor empty: many speak of elements that need not be there.
func (e *Expression) Truth(r *Run, focus Item) (holds, empty bool, err error) {
	if _, err := e.Evaluate(r, focus); err != nil {
		return false, false, err
	}
	t, err := r.truthOf(span{1, len(r.stack)}, 0)
	return t == yes, t == unknown, err
}

// typeOfNode is the type of a resource, or else fallback.
func typeOfNode(v tape.Value, fallback *definition.Structure) *definition.Structure {
	name := v.Get("resourceType")
	if !name.Exists() || fallback != nil && name.Is(fallback.Name) {
		return fallback
	}
	if t := definition.TypeOfBytes(name.Bytes()); t != nil {
		return t
	}
	return fallback
}

func (r *Run) push(it Item) { r.stack = append(r.stack, it) }

func (r *Run) top() int { return len(r.stack) }

func (r *Run) items(s span) []Item { return r.stack[s.from:s.to] }

// drop takes what lies above base away.
func (r *Run) drop(base int) {
	r.high = max(r.high, len(r.stack))
	r.stack = r.stack[:base]
}

// keep moves what lies above from down to base, and counts it.
func (r *Run) keep(base, from int) error {
	n := copy(r.stack[base:], r.stack[from:])
	r.drop(base + n)
	return r.spend(n)
}

// spend counts steps and holds the run to its limits.
func (r *Run) spend(steps int) error {
	r.spent += steps + 1
	if r.spent > r.limits.Steps {
		return &Error{Stage: Execution, Reason: fmt.Sprintf("the evaluation takes more than %d steps", r.limits.Steps), Err: ErrLimit}
	}
	if len(r.stack) > r.limits.Items {
		return &Error{Stage: Execution, Reason: fmt.Sprintf("the evaluation needs more than %d items at one time", r.limits.Items), Err: ErrLimit}
	}
	return nil
}

// truth is a value of three-valued logic.
type truth int8

const (
	no truth = iota
	yes
	unknown
)

func truthFrom(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case no:
		return yes
	case yes:
		return no
	}
	return unknown
}

func (r *Run) pushTruth(t truth) {
	if t != unknown {
		r.push(Boolean(t == yes))
	}
}

// truthOf takes a collection as a condition (FHIRPath N1, §5.5): one item that is no Boolean counts as true.
func (r *Run) truthOf(s span, at int) (truth, error) {
	switch s.len() {
	case 0:
		return unknown, nil
	case 1:
		if b, ok := r.stack[s.from].boolean(); ok {
			return truthFrom(b), nil
		}
		if it := &r.stack[s.from]; it.bare() && systemKind(it.typ) == BooleanKind {
			return unknown, nil
		}
		return yes, nil
	}
	return unknown, &Error{Stage: Execution, Offset: at, Reason: "one value is needed where there are several"}
}

// condition evaluates n as a condition and takes its result off the stack.
func (r *Run) condition(n node, at int) (truth, error) {
	base := r.top()
	if err := n.eval(r); err != nil {
		return unknown, err
	}
	t, err := r.truthOf(span{base, r.top()}, at)
	r.drop(base)
	return t, err
}

// single evaluates n to at most one item, which stays on the stack.
func (r *Run) single(n node, at int) (it *Item, err error) {
	base := r.top()
	if err := n.eval(r); err != nil {
		return nil, err
	}
	return r.only(span{base, r.top()}, at)
}

// only gives the one item of a collection; nil for none.
func (r *Run) only(s span, at int) (*Item, error) {
	switch s.len() {
	case 0:
		return nil, nil
	case 1:
		return &r.stack[s.from], nil
	}
	return nil, &Error{Stage: Execution, Offset: at, Reason: "one value is needed where there are several"}
}

// checkText holds a computed string to its limit.
func (r *Run) checkText(size int) error {
	if size > r.limits.Bytes {
		return &Error{Stage: Execution, Reason: fmt.Sprintf("a string gets longer than %d bytes", r.limits.Bytes), Err: ErrLimit}
	}
	return r.spend(size / 64)
}

func (r *Run) pushText(s string) error {
	r.push(String(s))
	return r.checkText(len(s))
}
