package validation

import (
	"sync/atomic"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// Codes knows value sets.
type Codes interface {
	// Contains tells whether a value set, named by its canonical URL and maybe |version, has a code. system is "" where the element is a
	// code alone, whose system the value set implies.
	Contains(valueSet, system, code string) Answer
}

// Answer is what is known of a code.
type Answer uint8

// The answers. Unknown is that of a value set, or of a code system in it, that is not at hand.
const (
	Unknown Answer = iota
	No
	Yes
)

// binding is one that a check can do something with.
type binding struct {
	codes    Codes
	valueSet string
	required bool // or extensible
	yes      atomic.Pointer[map[coded]struct{}]
}

type coded struct{ system, code string }

// maxKnown is how many codes a binding remembers of those that its value set has.
const maxKnown = 256

func (v *Validator) bind(b definition.Binding) *binding {
	if v.codes == nil || b.ValueSet == "" || b.Strength != "required" && b.Strength != "extensible" {
		return nil
	}
	return &binding{codes: v.codes, valueSet: b.ValueSet, required: b.Strength == "required"}
}

// contains asks for a code, and remembers that the value set has it: what is asked for again and again allocates nothing.
func (b *binding) contains(system, code []byte) Answer {
	known := b.yes.Load()
	if known != nil {
		if _, yes := (*known)[coded{string(system), string(code)}]; yes {
			return Yes
		}
	}
	key := coded{string(system), string(code)}
	answer := b.codes.Contains(b.valueSet, key.system, key.code)
	if answer == Yes && (known == nil || len(*known) < maxKnown) {
		more := map[coded]struct{}{key: {}}
		if known != nil {
			for k := range *known {
				more[k] = struct{}{}
			}
		}
		b.yes.CompareAndSwap(known, &more) // who comes second asks again
	}
	return answer
}

// bound checks a value of an element that is bound to a value set.
func (r *run) bound(v tape.Value, m *member) {
	if !m.binding.required && !r.options.Warnings || m.of == nil {
		return
	}
	r.boundTo(v, m.of, m.binding)
}

// answer tells whether a value set has the code, one of the codings or the unit that a value is.
func (r *run) answer(v tape.Value, of *plan, b *binding) Answer {
	switch of.name {
	case "code", "string", "uri":
		if v.Kind() == tape.String {
			return b.contains(nil, v.Bytes())
		}
	case "Coding", "Quantity":
		return b.coding(v)
	case "CodeableConcept":
		return b.concept(v)
	}
	return Unknown
}

func (r *run) boundTo(v tape.Value, of *plan, b *binding) {
	if r.answer(v, of, b) != No {
		return
	}
	if b.required {
		r.wrong(v, "code-invalid", "the code is not in the value set %s, which is required here", b.valueSet)
	} else {
		r.warn(v, "code-invalid", "the code is not in the value set %s: another may be used only where that has none that fits", b.valueSet)
	}
}

// coding asks for a Coding or a Quantity's unit.
func (b *binding) coding(v tape.Value) Answer {
	system, code := v.Get("system"), v.Get("code")
	switch {
	case code.Kind() != tape.String:
		return Unknown
	case system.Kind() != tape.String:
		return No // a value set's codes are of code systems
	}
	return b.contains(system.Bytes(), code.Bytes())
}

// concept is in a value set with one of its codings.
func (b *binding) concept(v tape.Value) Answer {
	codings := v.Get("coding")
	if codings.Len() == 0 {
		if v.Get("text").Exists() && !v.Get("extension").Exists() && b.required {
			return No
		}
		return Unknown
	}
	answer := No
	for c := codings.First(); c.Exists(); c = c.Next() {
		switch b.coding(c) {
		case Yes:
			return Yes
		case Unknown:
			answer = Unknown
		}
	}
	return answer
}
