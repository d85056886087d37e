package search

import (
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhirpath"
	"github.com/sijil-health/sijil/index/term"
)

// programLimits bound what an expression may cost at one resource.
var programLimits = fhirpath.Limits{Steps: 1 << 20, Items: 1 << 16, Bytes: 1 << 20}

// maxSteps bounds what all expressions together may cost at one resource: whoever may write search parameters must not be able to make the index stand still.
const maxSteps = 4 << 20

// program puts a leaf for an expression that is no plain path, and tells whether it is one at all.
func (c *compiler) program(root *step, expression string, param *Param) bool {
	compiled, err := fhirpath.Compile(expression, fhirpath.Of(c.structure))
	if err != nil || compiled.Never() {
		return false
	}
	param.plain, param.open = false, true
	root.leaves = append(root.leaves, leaf{param: param, take: takeProgram, program: compiled})
	return true
}

// takeProgram adds what an expression gives for the resource. One that goes beyond its limits gives nothing, nor do those that come after maxSteps.
func takeProgram(x *extraction, l *leaf, v tape.Value) {
	if x.steps >= maxSteps {
		return
	}
	x.run.Limits = programLimits
	x.run.Limits.Steps = min(programLimits.Steps, maxSteps-x.steps)
	defer x.run.Release()
	items, err := l.program.Evaluate(&x.run, fhirpath.Node(v))
	x.steps += x.run.Steps()
	if err != nil {
		return
	}
	for i := range items {
		x.present[l.param.slot] = true
		if value := items[i].Value(); value.Exists() {
			if take := takerOf(l.param.Kind, cursor{code: items[i].TypeName(), of: items[i].Type()}); take != nil {
				take(x, l, value)
			}
			continue
		}
		x.computed(l, items[i].Text())
	}
}

// computed adds a value that stands nowhere in the resource.
func (x *extraction) computed(l *leaf, text string) {
	switch l.param.Kind {
	case term.Token:
		x.add(l, term.Term{Code: text})
	case term.String:
		x.string(l, text)
	case term.URI, term.Reference:
		x.add(l, term.Term{Value: text})
	case term.Date:
		if at, ok := ParseDate(text); ok {
			x.add(l, term.Term{Lo: at.Lo, Hi: at.Hi})
		}
	}
}
