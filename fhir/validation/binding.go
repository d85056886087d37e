package validation

import (
	"strings"
	"sync"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/terminology"
)

// binding is one that a check can do something with. Its value set is compiled when the first code is asked for.
type binding struct {
	valueSet string
	required bool // or extensible
	codes    *terminology.Terminology
	once     sync.Once
	set      *terminology.Set // nil where it is not known
}

// mediaTypes is a value set that is not asked: nobody knows all of them, and the elements that are bound to it take short forms, such as "json".
const mediaTypes = "http://hl7.org/fhir/ValueSet/mimetypes"

func (v *Validator) bind(b definition.Binding) *binding {
	if v.codes == nil || b.ValueSet == "" || strings.HasPrefix(b.ValueSet, mediaTypes) || b.Strength != "required" && b.Strength != "extensible" {
		return nil
	}
	return &binding{codes: v.codes, valueSet: b.ValueSet, required: b.Strength == "required"}
}

// members is the value set; nil for one that is not known here.
func (b *binding) members() *terminology.Set {
	b.once.Do(func() {
		if set, err := b.codes.Set(b.valueSet); err == nil {
			b.set = set
		}
	})
	return b.set
}

// bound checks a value of an element that is bound to a value set.
func (r *run) bound(v tape.Value, m *member) {
	if !m.binding.required && !r.options.Warnings || m.of == nil {
		return
	}
	r.boundTo(v, m.of, m.binding)
}

// answer tells whether a value set has the code, one of the codings or the unit that a value is.
func (r *run) answer(v tape.Value, of *plan, b *binding) terminology.Verdict {
	set := b.members()
	if set == nil {
		return terminology.Undecided
	}
	if r.options.Note != nil {
		for _, origin := range set.Origins() {
			r.options.Note(origin)
		}
	}
	switch of.name {
	case "code", "string", "uri":
		if v.Kind() == tape.String {
			return set.ContainsCodeBytes(v.Bytes())
		}
	case "Coding", "Quantity":
		return coding(v, set)
	case "CodeableConcept":
		return concept(v, set, b.required)
	}
	return terminology.Undecided
}

func (r *run) boundTo(v tape.Value, of *plan, b *binding) {
	if r.answer(v, of, b) != terminology.No {
		return
	}
	if b.required {
		r.wrong(v, "code-invalid", "the code is not in the value set %s, which is required here", b.valueSet)
	} else {
		r.warn(v, "code-invalid", "the code is not in the value set %s: another may be used only where that has none that fits", b.valueSet)
	}
}

// coding asks for a Coding, or for a Quantity's unit. A code without a system is of none.
func coding(v tape.Value, set *terminology.Set) terminology.Verdict {
	system, code := v.Get("system"), v.Get("code")
	switch {
	case code.Kind() != tape.String:
		return terminology.Undecided
	case system.Kind() != tape.String:
		return terminology.No
	}
	return set.ContainsBytes(system.Bytes(), code.Bytes())
}

// concept is in a value set with one of its codings. Text alone is enough but where the value set is required.
func concept(v tape.Value, set *terminology.Set, required bool) terminology.Verdict {
	codings := v.Get("coding")
	if codings.Len() == 0 {
		if required && v.Get("text").Exists() && !v.Get("extension").Exists() {
			return terminology.No
		}
		return terminology.Undecided
	}
	answer := terminology.No
	for c := codings.First(); c.Exists(); c = c.Next() {
		answer = max(answer, coding(c, set))
	}
	return answer
}
