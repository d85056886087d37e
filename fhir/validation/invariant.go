package validation

import (
	"sync"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhirpath"
	"github.com/sijil-health/sijil/terminology"
)

// invariants are rules in FHIRPath, compiled when the first value has to keep them.
type invariants struct {
	list []definition.Invariant
	once sync.Once
	made []invariant
}

type invariant struct {
	*definition.Invariant
	program *fhirpath.Expression
	strict  bool // it does not hold where it has no result
}

// Invariants that are published otherwise than what they say to people, with an expression that says it.
var errata = map[string]string{
	"que-7":  "operator = 'exists' implies (answer is boolean)",        // published with "Boolean", which no element of FHIR is
	"que-12": "enableWhen.count() > 1 implies enableBehavior.exists()", // "If there are more than one": published with 2
}

// Without a result an invariant holds: it compares what cannot be compared, a year with a day in it, or speaks of what is not there. Of these
// it does not: a document or message without a first resource, a number that is none.
var strict = map[string]bool{"bdl-11": true, "bdl-12": true, "eld-3": true}

// ready compiles them. What cannot be compiled can be checked by people only; none of FHIR's own is so.
func (i *invariants) ready(of *definition.Structure, base bool) []invariant {
	i.once.Do(func() {
		for at := range i.list {
			rule := &i.list[at]
			if byRule[rule.Key] || rule.Expression == "" {
				continue
			}
			expression := rule.Expression
			if better := errata[rule.Key]; base && better != "" {
				expression = better
			}
			if program, err := fhirpath.Compile(expression, fhirpath.Of(of)); err == nil {
				i.made = append(i.made, invariant{rule, program, base && strict[rule.Key]})
			}
		}
	})
	return i.made
}

// hold checks a value, with its companion, against invariants. base says that FHIR itself states them, not a profile; lacking that the value
// lacks what is required, so that an invariant without a result says nothing more.
func (r *run) hold(v, companion tape.Value, of *plan, i *invariants, base, lacking bool) {
	if len(i.list) == 0 || of == nil {
		return
	}
	for _, rule := range i.ready(of.def, base) {
		severe := rule.Severity == "error"
		if !severe && !r.options.Warnings || r.full() || !base && !r.effort.step() {
			continue
		}
		holds, empty, err := rule.program.Truth(r.fhirpath(), fhirpath.NodeOf(v, companion, of.def))
		if err != nil || holds || empty && (!rule.strict || lacking) {
			continue
		}
		at, severity := v, "warning"
		if !at.Exists() {
			at = companion
		}
		if severe {
			severity = "error"
		}
		if issue := r.add(Rule, at, severity, "invariant", "%s: %s", rule.Key, rule.Human); issue != nil {
			issue.Key = rule.Key
		}
	}
}

// elementInvariants checks the values of an element against what is stated on it.
func (r *run) elementInvariants(m, v tape.Value, e *member) {
	if len(e.invariants.list) == 0 {
		return
	}
	for _, it := range r.values(m, v, e) {
		r.hold(it.value, it.companion, it.plan, &e.invariants, true, false)
	}
}

// fhirpath gives the working memory of evaluations, set to the resource that is being checked.
func (r *run) fhirpath() *fhirpath.Run {
	if r.paths == nil {
		r.paths = workspaces.Get().(*fhirpath.Run)
		r.paths.Resolve, r.paths.MemberOf, r.paths.ConformsTo = r.resolve, r.memberOf, r.conformsTo
	}
	if !r.set {
		r.paths.Resource = fhirpath.NodeOf(r.resource, tape.Value{}, r.typ.def)
		r.paths.RootResource = fhirpath.Node(r.root)
		r.set = true
	}
	return r.paths
}

var workspaces = sync.Pool{New: func() any { return new(fhirpath.Run) }}

// release gives the working memory back.
func (r *run) release() {
	if r.paths != nil {
		r.paths.Release()
		workspaces.Put(r.paths)
		r.paths = nil
	}
}

func (r *run) resolve(reference string) (fhirpath.Item, error) {
	if t := r.follow([]byte(reference)); t.resource.Exists() {
		return fhirpath.Node(t.resource), nil
	}
	return fhirpath.Item{}, nil
}

func (r *run) memberOf(it fhirpath.Item, valueSet string) (is, known bool, err error) {
	if r.v.codes == nil || it.Type() == nil {
		return false, false, nil
	}
	b, of := r.v.bind(definition.Binding{Strength: "required", ValueSet: valueSet}), r.v.plans.named(it.Type().Name)
	if b == nil || of == nil {
		return false, false, nil
	}
	answer := r.answer(it.Value(), of, b)
	return answer == terminology.Yes, answer != terminology.Undecided, nil
}

func (r *run) conformsTo(it fhirpath.Item, url string) (does, known bool, err error) {
	p := r.profile(url)
	if p == nil || it.Type() == nil {
		return false, false, nil
	}
	of := item{it.Value(), it.Sibling(), r.v.plans.named(it.Type().Name)}
	return r.silently(func(sub *run) { sub.keep(of, p) }), true, nil
}
