package definition

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// form says which members of an object are kept, and which of theirs; nil keeps a value as it is. A name that ends in * stands for all
// that begin so.
type form map[string]form

// flags are members that are false where they are not there.
var flags = []string{"abstract", "isModifier", "isSummary", "mustSupport", "ordered"}

// usedExtensions are the extensions of types and bindings that say something to us.
var usedExtensions = []string{fhirTypeExtension, regexExtension, maxValueSetExtension}

const (
	fhirTypeExtension    = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
	regexExtension       = "http://hl7.org/fhir/StructureDefinition/regex"
	maxValueSetExtension = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
)

// value adds what is kept of a value to b, as compact JSON.
func (f form) value(b []byte, v tape.Value) []byte {
	switch {
	case v.Kind() < tape.Array:
		return append(b, v.Raw()...)
	case f == nil:
		var compact bytes.Buffer
		_ = json.Compact(&compact, v.Raw()) // the tape has read it
		return append(b, compact.Bytes()...)
	case v.Kind() == tape.Array:
		b = append(b, '[')
		first := true
		for c := v.First(); c.Exists(); c = c.Next() {
			if inherited(v, c) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = f.value(b, c)
		}
		return append(b, ']')
	}
	return f.object(b, v)
}

func (f form) object(b []byte, v tape.Value) []byte {
	b = append(b, '{')
	first := true
	for c := v.First(); c.Exists(); c = c.Next() {
		of, keep := f.member(c.Name())
		if !keep || c.Named("extension") && !used(c) || c.Kind() == tape.False && slices.Contains(flags, c.Name()) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(tape.AppendQuoted(b, c.Name()), ':')
		b = of.value(b, c)
	}
	return append(b, '}')
}

func (f form) member(name string) (form, bool) {
	if of, ok := f[name]; ok {
		return of, true
	}
	for pattern, of := range f {
		if stem, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasPrefix(name, stem) {
			return of, true
		}
	}
	return nil, false
}

// used tells whether there is an extension among these that is used.
func used(extensions tape.Value) bool {
	for c := extensions.First(); c.Exists(); c = c.Next() {
		if slices.Contains(usedExtensions, c.Get("url").Text()) {
			return true
		}
	}
	return false
}

// inherited tells whether c is an invariant that stands on each element of a snapshot and is that of its type all the same.
func inherited(list, c tape.Value) bool {
	return list.Named("constraint") && (c.Get("key").Is("ele-1") || c.Get("key").Is("ext-1")) &&
		strings.HasPrefix(c.Get("source").Text(), "http://hl7.org/fhir/StructureDefinition/E")
}
