package fhirpath

import (
	"fmt"
	"regexp"
)

// function is one of FHIRPath's functions, or of those that FHIR adds.
type function struct {
	min, max int    // number of arguments
	input    []Kind // what items of the input have to count as; nil for anything
	perItem  bool   // arguments are evaluated for each item of the input, as $this
	open     bool   // and for other items than those
	ordered  bool   // the result rests on the order of the input
	result   func(in static, args []static) static
	eval     func(r *Run, n *call, in span) error

	// compile prepares a call beyond its arguments, or these, too; check refuses arguments of wrong types.
	compile func(c *compiler, n *call, e *invocation, in static) error
	check   func(c *compiler, e *invocation, args []static) error
}

// call is a compiled invocation.
type call struct {
	on         node // nil for $this
	f          *function
	args       []node
	at         int
	match      typeMatch      // is, as, ofType
	pattern    *regexp.Regexp // matches and its kind, where the pattern is a literal
	descending []bool         // sort
	strict     bool
	complete   bool // compile has dealt with the arguments
	typed      bool // match is set
}

// functions are all that there are, by name.
var functions map[string]*function

func init() {
	functions = make(map[string]*function)
	for _, group := range [...]map[string]*function{
		existenceFunctions, subsetFunctions, filterFunctions, typeFunctions, conversionFunctions, stringFunctions, regexFunctions,
		encodingFunctions, mathFunctions, boundaryFunctions, treeFunctions, utilityFunctions, fhirFunctions,
	} {
		for name, f := range group {
			functions[name] = f
		}
	}
}

func (c *compiler) invocation(e *invocation) (node, static, error) {
	on, in, err := c.input(e.on)
	if err != nil {
		return nil, static{}, err
	}
	f := functions[e.name]
	at := e.offset()
	switch {
	case f == nil:
		return nil, static{}, c.fail(at, "there is no function of this name")
	case len(e.args) < f.min || len(e.args) > f.max:
		return nil, static{}, c.fail(at, fmt.Sprintf("the function takes %s", count(f.min, f.max)))
	case f.input != nil && !in.mayBe(f.input...):
		return nil, static{}, c.fail(at, "the function is not for values of this type")
	case f.ordered && in.unordered && c.strict:
		return nil, static{}, c.fail(at, "the items to which the function is applied have no order")
	}
	if _, ok := on.(thisNode); ok {
		on = nil
	}
	n := &call{on: on, f: f, at: at, strict: c.strict}
	var args []static
	if f.compile != nil {
		if err := f.compile(c, n, e, in); err != nil {
			return nil, static{}, err
		}
	}
	if !n.complete {
		if args, err = c.arguments(n, e, in); err != nil {
			return nil, static{}, err
		}
	}
	if f.check != nil {
		if err := f.check(c, e, args); err != nil {
			return nil, static{}, err
		}
	}
	out := anything
	if f.result != nil {
		out = f.result(in, args)
	}
	if n.typed && e.name != "is" {
		out = n.match.narrow(in)
		if s, ok := on.(*step); ok {
			s.restrict(n.match)
		}
	}
	return n, out, nil
}

func count(least, most int) string {
	switch {
	case most == 0:
		return "no arguments"
	case least == most:
		return fmt.Sprintf("%d arguments", least)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}

// arguments compiles the arguments of a call, those of functions like where() for the items of its input.
func (c *compiler) arguments(n *call, e *invocation, in static) (types []static, err error) {
	inner := *c
	if n.f.perItem {
		inner.focus = in
		inner.focus.unordered = false
		if n.f.open {
			inner.focus = anything
		}
	}
	for _, a := range e.args {
		arg, t, err := inner.compile(a)
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, arg)
		types = append(types, t)
	}
	return types, nil
}

func (n *call) eval(r *Run) error {
	in, base, err := r.evalInput(n.on)
	if err != nil {
		return err
	}
	from := r.top()
	if err := n.f.eval(r, n, in); err != nil {
		return n.locate(err)
	}
	return r.keep(base, from)
}

// locate says where an error arose, if it does not know.
func (n *call) locate(err error) error {
	if e, ok := err.(*Error); ok && e.Offset == 0 {
		e.Offset = n.at
	}
	return err
}

func (n *call) fail(reason string) error {
	return &Error{Stage: Execution, Offset: n.at, Reason: reason}
}

// collection evaluates an argument; its items stay on the stack.
func (r *Run) collection(n *call, i int) (span, error) {
	base, defined := r.top(), len(r.variables)
	err := n.args[i].eval(r)
	r.variables = r.variables[:defined]
	return span{base, r.top()}, err
}

// argument evaluates an argument to one item, or none, and takes it off the stack.
func (r *Run) argument(n *call, i int) (it Item, ok bool, err error) {
	s, err := r.collection(n, i)
	if err != nil {
		return Item{}, false, err
	}
	one, err := r.only(s, n.at)
	if err == nil && one != nil {
		it, ok = *one, true
	}
	r.drop(s.from)
	return it, ok, err
}

// stringArgument is argument for strings.
func (r *Run) stringArgument(n *call, i int) (text string, ok bool, err error) {
	it, ok, err := r.argument(n, i)
	if err != nil || !ok {
		return "", false, err
	}
	if text, ok = it.str(); !ok {
		return "", false, n.fail("an argument is no string")
	}
	return text, true, nil
}

// integerArgument is argument for integers.
func (r *Run) integerArgument(n *call, i int) (number int64, ok bool, err error) {
	it, ok, err := r.argument(n, i)
	if err != nil || !ok {
		return 0, false, err
	}
	if number, ok = it.integer(); !ok {
		return 0, false, n.fail("an argument is no integer")
	}
	return number, true, nil
}

// stringInput gives the one string that a function is applied to.
func (r *Run) stringInput(n *call, in span) (text string, ok bool, err error) {
	it, err := r.only(in, n.at)
	if err != nil || it == nil {
		return "", false, err
	}
	if text, ok = it.str(); ok {
		return text, true, nil
	}
	if it.bare() {
		return "", false, nil
	}
	return "", false, n.fail("the function is for strings")
}

// each calls do for every item of a collection, as $this and with its $index.
func (r *Run) each(in span, do func(i int) error) error {
	this, index, defined := r.this, r.index, len(r.variables)
	for i := in.from; i < in.to; i++ {
		r.this, r.index = span{i, i + 1}, i-in.from
		if err := do(i); err != nil {
			return err
		}
		r.variables = r.variables[:defined]
		if err := r.spend(1); err != nil {
			return err
		}
	}
	r.this, r.index = this, index
	return nil
}

// What results are, before the evaluation.
func alwaysBoolean(static, []static) static { return systemType(BooleanKind) }
func alwaysInteger(static, []static) static { return systemType(IntegerKind) }
func alwaysDecimal(static, []static) static { return systemType(DecimalKind) }
func alwaysString(static, []static) static  { return systemType(StringKind) }
func sameAsInput(in static, _ []static) static {
	return in
}
func inputOrArgument(in static, args []static) static { return in.union(args[0]) }
