package fhirpath

import (
	"fmt"

	"github.com/sijil-health/sijil/fhir/definition"
)

// Expression is a compiled expression. It may be used by many goroutines at once, each with a Run of its own.
type Expression struct {
	source string
	root   node
	of     *definition.Structure
	result static
}

// String is the expression as it was compiled.
func (e *Expression) String() string { return e.source }

// Never tells whether the expression is empty for every focus of the type that it was compiled for: "Patient.name" of an Observation.
func (e *Expression) Never() bool { return e.result.never() }

// Types are the FHIR types that items of the result may have. ok is false where they cannot be told before the evaluation, or may be of
// System.
func (e *Expression) Types() (types []*definition.Structure, ok bool) {
	for _, t := range e.result.types {
		if t.fhir == nil {
			return nil, false
		}
		types = append(types, t.fhir)
	}
	return types, !e.result.any
}

// Option says how an expression is compiled.
type Option func(*compiler)

// Of says that the expression will be evaluated on items of the type. Names of elements are then resolved when it is compiled.
func Of(t *definition.Structure) Option {
	return func(c *compiler) { c.of = t }
}

// Strict refuses what FHIRPath leaves to implementations: names that are no elements of a known type, a condition that is never a
// Boolean, as() of several items, and the order of items that have none. Otherwise an unknown element is empty, as() filters, and there is
// an order. Search parameters and invariants of R4 are written for the latter.
func Strict() Option {
	return func(c *compiler) { c.strict = true }
}

type compiler struct {
	of     *definition.Structure
	strict bool
	focus  static // $this
	total  static // $total
}

// Compile reads an expression. The error is an *Error.
func Compile(expression string, options ...Option) (*Expression, error) {
	var c compiler
	for _, o := range options {
		o(&c)
	}
	c.focus, c.total = anything, anything
	if c.of != nil {
		c.focus = fhirType(c.of)
	}
	tree, err := parse(expression)
	if err != nil {
		return nil, err
	}
	root, result, err := c.compile(tree)
	if err != nil {
		return nil, err
	}
	return &Expression{source: expression, root: root, of: c.of, result: result}, nil
}

// MustCompile is Compile for expressions that are part of a program. It panics if the expression is wrong.
func MustCompile(expression string, options ...Option) *Expression {
	e, err := Compile(expression, options...)
	if err != nil {
		panic(err)
	}
	return e
}

func (c *compiler) fail(at int, reason string) error {
	return &Error{Stage: Semantics, Offset: at, Reason: reason}
}

func (c *compiler) compile(e expr) (node, static, error) {
	switch e := e.(type) {
	case *literal:
		return &constant{e.item}, systemType(e.item.kind), nil
	case *emptySet:
		return nothing{}, static{}, nil
	case *special:
		return c.special(e)
	case *external:
		return c.external(e)
	case *member:
		return c.member(e)
	case *invocation:
		return c.invocation(e)
	case *indexer:
		return c.indexer(e)
	case *unary:
		return c.unary(e)
	case *binary:
		return c.binary(e)
	case *typeTest:
		return c.typeTest(e)
	}
	return nil, static{}, c.fail(e.offset(), fmt.Sprintf("unknown syntax %T", e))
}

// input compiles what stands before a point; nil for $this, where nothing does.
func (c *compiler) input(on expr) (node, static, error) {
	if on == nil {
		return nil, c.focus, nil
	}
	return c.compile(on)
}

func (c *compiler) special(e *special) (node, static, error) {
	switch e.name {
	case "index":
		return indexNode{}, systemType(IntegerKind), nil
	case "total":
		return totalNode{}, c.total, nil
	}
	return thisNode{}, c.focus, nil
}

// constant is a literal.
type constant struct{ item Item }

func (n *constant) eval(r *Run) error { r.push(n.item); return nil }

// nothing is the empty collection.
type nothing struct{}

func (nothing) eval(*Run) error { return nil }

type thisNode struct{}

func (thisNode) eval(r *Run) error { r.stack = append(r.stack, r.items(r.this)...); return nil }

type indexNode struct{}

func (indexNode) eval(r *Run) error { r.push(Integer(int64(r.index))); return nil }

type totalNode struct{}

func (totalNode) eval(r *Run) error { r.stack = append(r.stack, r.items(r.total)...); return nil }

// evalInput evaluates what a step or function is applied to. base is where the result has to go in the end.
func (r *Run) evalInput(on node) (in span, base int, err error) {
	base = r.top()
	if on == nil {
		return r.this, base, nil
	}
	if err := on.eval(r); err != nil {
		return span{}, base, err
	}
	return span{base, r.top()}, base, nil
}
