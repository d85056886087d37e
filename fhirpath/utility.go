package fhirpath

import "time"

// utilityFunctions are those of FHIRPath N1, §5.9, and defineVariable and coalesce of later versions.
var utilityFunctions = map[string]*function{
	"trace": {min: 1, max: 2, perItem: true, result: sameAsInput, eval: trace},
	"now": {result: always(DateTimeKind), eval: func(r *Run, _ *call, _ span) error {
		r.push(temporalItem(r.moment(DateTimeKind, Second)))
		return nil
	}},
	"today": {result: always(DateKind), eval: func(r *Run, _ *call, _ span) error {
		r.push(temporalItem(r.moment(DateKind, Day)))
		return nil
	}},
	"timeOfDay": {result: always(TimeKind), eval: func(r *Run, _ *call, _ span) error {
		r.push(temporalItem(r.moment(TimeKind, Second)))
		return nil
	}},
	"defineVariable": {min: 1, max: 2, perItem: false, result: sameAsInput, compile: compileDefineVariable, eval: defineVariable},
	"coalesce":       {min: 1, max: 16, eval: coalesce},
}

// moment is the time of the evaluation, the same for all of it.
func (r *Run) moment(kind Kind, p Precision) Temporal {
	if r.now.IsZero() {
		r.now = time.Now()
	}
	_, offset := r.now.Zone()
	t := Temporal{Kind: kind, Precision: p}
	t.setTime(r.now)
	if p == Second {
		t.Digits, t.Nanosecond = 3, t.Nanosecond/1e6*1e6
	}
	if kind == DateTimeKind {
		t.Zoned, t.Offset = true, offset/60
	}
	return t
}

func trace(r *Run, n *call, in span) error {
	name, _, err := r.stringArgument(n, 0)
	if err != nil {
		return err
	}
	shown, base := in, r.top()
	if len(n.args) > 1 {
		if err := r.each(in, func(int) error { return n.args[1].eval(r) }); err != nil {
			return err
		}
		shown = span{base, r.top()}
	}
	if r.Trace != nil {
		r.Trace(name, r.items(shown))
	}
	r.drop(base)
	return r.pushSpan(in.from, in.to)
}

// compileDefineVariable lets the second argument see the input as $this.
func compileDefineVariable(c *compiler, n *call, e *invocation, in static) error {
	n.complete = true
	name, ok := e.args[0].(*literal)
	if !ok || name.item.kind != StringKind {
		return c.fail(e.offset(), "the name of a variable is a string, written out")
	}
	if reserved(name.item.text) {
		return c.fail(e.offset(), "there is a variable of this name already")
	}
	n.args = []node{&constant{name.item}}
	if len(e.args) < 2 {
		return nil
	}
	inner := *c
	inner.focus = in
	value, _, err := inner.compile(e.args[1])
	n.args = append(n.args, value)
	return err
}

// defineVariable gives a name to a collection for the rest of the path, and for what is evaluated in it.
func defineVariable(r *Run, n *call, in span) error {
	name := n.args[0].(*constant).item.text
	for _, v := range r.variables {
		if v.name == name {
			return n.fail("there is a variable of this name already")
		}
	}
	value, base := in, r.top()
	if len(n.args) > 1 {
		this := r.this
		r.this = in
		s, err := r.collection(n, 1)
		if err != nil {
			return err
		}
		r.this, value = this, s
	}
	r.variables = append(r.variables, variable{name, append([]Item(nil), r.items(value)...)})
	r.drop(base)
	return r.pushSpan(in.from, in.to)
}

// coalesce gives the first argument that is not empty.
func coalesce(r *Run, n *call, _ span) error {
	for i := range n.args {
		s, err := r.collection(n, i)
		if err != nil || s.len() > 0 {
			return err
		}
	}
	return nil
}
