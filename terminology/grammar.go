package terminology

import (
	"maps"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/ucum"
)

// Systems that a grammar defines.
const (
	ucumSystem      = "http://unitsofmeasure.org"
	mediaTypeSystem = "urn:ietf:bcp:13"
	languageSystem  = "urn:ietf:bcp:47"
)

// grammar judges the codes of a system that has no list of them. A code that fits is taken for one: for languages that is more than are
// registered.
type grammar struct {
	name   string
	valid  func(code string) bool
	filter func(f Filter) func(code string) Verdict // nil where the filter is not known
}

var grammars = map[string]*grammar{
	ucumSystem:      {"UCUM", ucum.Valid, unitFilter},
	mediaTypeSystem: {"MIME types", validMediaType, func(Filter) func(string) Verdict { return nil }},
	languageSystem:  {"Language tags", func(code string) bool { return parseLanguage(code) != nil }, languageFilter},
}

// Grammars are the URLs of the code systems that a grammar defines.
func Grammars() []string { return slices.Sorted(maps.Keys(grammars)) }

// unitFilter knows the units that are comparable with one: canonical = "m".
func unitFilter(f Filter) func(string) Verdict {
	if f.Property != "canonical" || f.Op != "=" {
		return nil
	}
	return func(code string) Verdict { return verdict(ucum.Comparable(code, f.Value)) }
}

// validMediaType holds a code to type/subtype with parameters (RFC 6838, 4.2; RFC 2045, 5.1). FHIR's own short forms are none.
func validMediaType(code string) bool {
	if len(code) > 255 {
		return false
	}
	main, parameters, more := strings.Cut(code, ";")
	typ, subtype, found := strings.Cut(strings.TrimSpace(main), "/")
	if !found || !token(typ) || !token(subtype) {
		return false
	}
	for more {
		var p string
		p, parameters, more = cutParameter(parameters)
		name, value, found := strings.Cut(strings.TrimSpace(p), "=")
		quoted := len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"'
		if !found || !token(name) || !quoted && !token(value) {
			return false
		}
	}
	return true
}

// cutParameter cuts at the next semicolon that is not between quotes.
func cutParameter(s string) (p, rest string, more bool) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// token is a word of RFC 2045.
func token(s string) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokenBytes = func() (t [256]bool) {
	for c := byte('!'); c <= '~'; c++ {
		t[c] = strings.IndexByte(`()<>@,;:\"/[]?=`, c) < 0
	}
	return t
}()
