package validation

import (
	"fmt"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhirpath"
	"github.com/sijil-health/sijil/terminology"
)

// Validator checks resources. It may be used by many goroutines at once.
type Validator struct {
	plans    *plans
	codes    *terminology.Terminology
	profiles profiles
}

// New makes a Validator. codes knows value sets; profile gives the StructureDefinition of a canonical URL as JSON, nil for one that is not
// known. Both may be nil. Nothing is compiled before it is needed.
func New(codes *terminology.Terminology, profile func(url string) []byte) *Validator {
	v := &Validator{codes: codes}
	if profile != nil {
		v.profiles.source = func(url string) ([]byte, string) { return profile(url), "" }
	}
	v.plans = &plans{made: map[string]*plan{}, sets: v.bind}
	return v
}

// With gives a Validator whose profiles are others, with bindings to value sets that others know; what FHIR itself asks for stays as it is. It is made quickly.
// profile also gives what Options.Note is told when a profile was used; "" for nothing.
func (v *Validator) With(codes *terminology.Terminology, profile func(url string) (src []byte, origin string)) *Validator {
	return &Validator{plans: v.plans, codes: codes, profiles: profiles{source: profile}}
}

// Issue is something that a document should not have, or lacks. Its text quotes no content.
type Issue struct {
	Severity string // "error", "warning" or "information"
	Code     string // of http://hl7.org/fhir/issue-type
	Text     string
	Key      string // of the invariant that does not hold: "obs-7"
	Path     string // FHIRPath of the element: "Patient.contact[0].period"
	tape.Position
	Of Class
}

// Class says how far an error goes.
type Class uint8

// The classes. Form: the document does not have the form of its type and cannot be read as what it says it is. Count: something required is
// missing, or stands too often. Rule: codes, references, invariants; a record that has to take what comes can live with that.
const (
	Rule Class = iota
	Count
	Form
)

// Options say how far a check goes.
type Options struct {
	Max      int       // issues at most; 0 for DefaultMax
	Warnings bool      // also what is no error
	Lenient  bool      // errors of class Rule are given as warnings
	Alone    bool      // the resource stands in another document by chance: paths begin at it
	Siblings *Siblings // in the document; nil where no other check asks for them
	Profiles []string  // canonical URLs of profiles that the resource has to keep
	Claimed  bool      // and those of meta.profile, of every resource in the document, and what is known of extensions

	// Note, unless nil, is told the origins of profiles and value sets that were used, some more than once: see Validator.With, terminology.CodeSystem.
	Note func(origin string)
}

// DefaultMax is how many issues are given at most unless Options.Max says otherwise.
const DefaultMax = 20

// Resource gives what is wrong with a resource, in the order of the document as far as it goes; nothing when it is in order.
func (v *Validator) Resource(root tape.Value, o Options) []Issue {
	r := v.run(root, o)
	defer r.release()
	r.resourceValue(root, nil)
	if it := (item{value: root, plan: v.typeOf(root)}); it.plan != nil && len(o.Profiles) > 0 {
		r.scope.typ = it.plan
		for _, url := range o.Profiles {
			if !baseType(url) && r.profile(url) == nil {
				r.wrong(root, "not-supported", "the profile that is asked for is not known to this node, and could not be checked")
			}
			r.asked(it, url)
		}
	}
	return r.ended(root)
}

// asked checks a profile that the caller or the resource names, if it is known.
func (r *run) asked(it item, url string) {
	if p := r.profile(url); p != nil {
		r.keep(it, p)
	} else if !baseType(url) {
		r.unknown(it)
	}
}

// Form gives what is wrong with the form of a resource, and nothing else.
func (v *Validator) Form(root tape.Value) []Issue {
	r := v.run(root, Options{})
	r.form = true
	r.resourceValue(root, nil)
	return r.issues
}

// Bundle checks what stands in a Bundle beside its entries, for its form.
func (v *Validator) Bundle(root tape.Value) []Issue {
	r := v.run(root, Options{})
	r.form, r.skip = true, "entry"
	r.resourceValue(root, nil)
	return r.issues
}

// Entry checks an entry of a Bundle for its form, without the resource in it.
func (v *Validator) Entry(entry tape.Value) []Issue {
	r := v.run(entry, Options{})
	r.form, r.skip = true, "resource"
	r.members(object{entry, v.plans.named("Bundle.entry"), nil})
	return r.issues
}

func (v *Validator) run(root tape.Value, o Options) *run {
	if o.Max == 0 {
		o.Max = DefaultMax
	}
	r := &run{v: v, options: o, document: root, siblings: o.Siblings, scope: scope{root: root, resource: root}}
	if r.siblings == nil {
		r.siblings = new(Siblings)
	}
	if !o.Alone {
		r.document = root.Root()
	}
	if o.Claimed || len(o.Profiles) > 0 {
		r.effort = newEffort()
	}
	return r
}

// run is one check of one document.
type run struct {
	v       *Validator
	options Options
	form    bool   // nothing but the form is looked at
	silent  bool   // whether there are issues is asked, not which
	skip    string // member of the outermost object that is not looked at
	issues  []Issue
	errors  int // of issues
	scope
	document tape.Value // that paths begin at
	siblings *Siblings
	effort   *effort         // that profiles may take; nil where none is checked
	nested   int             // how many checks this one is within
	by       *profile        // that is being checked
	active   map[active]bool // what is being checked against which profile
	paths    *fhirpath.Run   // nil before it is needed
}

// scope is the resource that is being checked.
type scope struct {
	resource tape.Value // the nearest: %resource of FHIRPath
	root     tape.Value // what contains it, or itself: %rootResource
	typ      *plan      // of resource
	set      bool       // run.paths knows it
}

// full tells whether there are as many errors as are wanted. Warnings do not count, so that they hide none.
func (r *run) full() bool { return r.errors >= r.options.Max || r.effort.over() }

// formal notes that the document does not have the form of its type.
func (r *run) formal(at tape.Value, code, format string, args ...any) {
	r.add(Form, at, "error", code, format, args...)
}

// wrong notes an error of class Rule.
func (r *run) wrong(at tape.Value, code, format string, args ...any) *Issue {
	return r.add(Rule, at, "error", code, format, args...)
}

// warn notes what may be wrong, if the caller wants to know.
func (r *run) warn(at tape.Value, code, format string, args ...any) {
	if r.options.Warnings {
		r.add(Rule, at, "warning", code, format, args...)
	}
}

// broken notes an invariant that does not hold and that is checked without FHIRPath.
func (r *run) broken(at tape.Value, key, text string) {
	if i := r.wrong(at, "invariant", "%s: %s", key, text); i != nil {
		i.Key = key
	}
}

// add notes an issue; it gives nil where there are enough.
func (r *run) add(of Class, at tape.Value, severity, code, format string, args ...any) *Issue {
	if of == Rule && r.options.Lenient && severity == "error" {
		severity = "warning"
	}
	switch {
	case severity == "error" && r.full(), severity != "error" && len(r.issues)-r.errors >= r.options.Max:
		return nil
	case severity == "error":
		r.errors++
	}
	if r.silent { // where it is would be sought from the beginning of the document on, each time
		r.issues = append(r.issues, Issue{Severity: severity, Of: of})
		return &r.issues[len(r.issues)-1]
	}
	r.issues = append(r.issues, Issue{
		Severity: severity, Code: code, Text: fmt.Sprintf(format, args...), Path: r.v.path(r.document, at), Position: at.Position(), Of: of,
	})
	return &r.issues[len(r.issues)-1]
}
