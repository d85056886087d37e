package search

import (
	"strings"
	"time"

	"github.com/sijil-health/sijil/index/term"
)

// reader reads the values of one search.
type reader struct {
	p        *set
	o        *Options
	tests    int // made so far
	branches int
}

// values makes the tests of a parameter's values without a modifier.
func (r *reader) values(name string, p *Param, value string) (list []term.Test, e *Error) {
	parts, e := valuesOf(name, value)
	if e != nil {
		return nil, e
	}
	for _, v := range parts {
		tests, e := r.value(name, p, v)
		if e != nil {
			return nil, e
		}
		list = append(list, tests...)
	}
	return list, r.spend(len(list))
}

// spend counts tests.
func (r *reader) spend(n int) *Error {
	if r.tests += n; r.tests > MaxTests {
		return refuse("too-costly", "the search compares with too many values; ask for fewer at once")
	}
	return nil
}

// value makes the tests of one value: one is enough.
func (r *reader) value(name string, p *Param, v string) ([]term.Test, *Error) {
	switch p.Kind {
	case term.Token:
		return one(tokenTest(name, v, p.plain))
	case term.Reference:
		return r.references(name, p.Targets, unescape(v))
	case term.Date:
		return one(dateTest(name, v, r.o.Now))
	case term.String:
		if p.sounds() {
			return one(soundTest(name, unescape(v)))
		}
		return one(stringTest(name, unescape(v), term.Begins))
	case term.Number:
		return one(numberTest(name, v))
	case term.Quantity:
		return one(quantityTest(name, v))
	case term.URI:
		return one(term.Test{Form: term.Exact, Value: unescape(v)}, nil)
	case term.Text:
		return one(textTest(name, unescape(v)))
	case term.Composite:
		return r.composite(name, p, v)
	}
	return nil, refuse("not-supported", "%.80q is not searched for", name)
}

func one(t term.Test, e *Error) ([]term.Test, *Error) {
	if e != nil {
		return nil, e
	}
	return []term.Test{t}, nil
}

// tokenTest reads "code" (of any system), "system|code", "|code" (it has no system) or "system|" (any code of it). plain says that the
// codes have systems that stand nowhere.
func tokenTest(name, value string, plain bool) (term.Test, *Error) {
	parts := splitEscaped(value, '|', 2)
	code := unescape(parts[len(parts)-1])
	if len(parts) == 1 {
		return term.Test{Form: term.AnySystem, Code: code}, nil
	}
	switch system := unescape(parts[0]); {
	case system == "" && code == "":
		return term.Test{}, refuse("value", "%.80q needs a code, a system, or both", name)
	case system == "" && plain:
		return term.Test{Form: term.AnySystem, Code: code}, nil
	case code == "":
		return term.Test{Form: term.AnyCode, System: system}, nil
	default:
		return term.Test{Form: term.Exact, System: system, Code: code}, nil
	}
}

// ofTypeTest reads "system|code|value": an identifier's value and the code of its type.
func ofTypeTest(name, value string) (term.Test, *Error) {
	parts := splitEscaped(value, '|', 3)
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
		return term.Test{}, refuse("value", "%.80q must be system|code|value", name)
	}
	return term.Test{Form: term.OfType, Of: unescape(parts[0]) + "|" + unescape(parts[1]), Code: unescape(parts[2])}, nil
}

func stringTest(name, value string, form term.Form) (term.Test, *Error) {
	t := term.Test{Form: form, Value: value, Folded: Fold(value)}
	if form != term.Exact && t.Folded == "" {
		return t, refuse("value", "%.80q has no letter in it", name)
	}
	return t, nil
}

// soundTest looks for the key of one word of a name, or for names that begin with those of several.
func soundTest(name, value string) (term.Test, *Error) {
	key := Sound(value)
	switch {
	case key == "":
		return term.Test{}, refuse("value", "%.80q has no name in it", name)
	case strings.Contains(key, " "):
		return term.Test{Form: term.Begins, Value: value, Folded: Fold(key)}, nil
	}
	return term.Test{Form: term.Exact, Value: key, Folded: Fold(key)}, nil
}

func textTest(name, value string) (term.Test, *Error) {
	t := term.Test{Form: term.Begins, Folded: FoldWords(value)}
	if t.Folded == "" {
		return t, refuse("value", "%.80q has no word in it", name)
	}
	return t, nil
}

// prefixOf takes a comparison off a value; without one, "eq" is meant.
func prefixOf(value string) (term.Prefix, string) {
	if len(value) > 2 {
		switch p := term.Prefix(value[:2]); p {
		case term.Equal, term.NotEqual, term.Greater, term.Less, term.GreaterOrEqual, term.LessOrEqual, term.StartsAfter, term.EndsBefore, term.Approximate:
			return p, value[2:]
		}
	}
	return term.Equal, value
}

// dateTest reads a date with its prefix. What "ap" asks for is widened by a tenth of its distance from now.
func dateTest(name, value string, now time.Time) (term.Test, *Error) {
	prefix, rest := prefixOf(value)
	at, ok := ParseDate(strings.ReplaceAll(rest, " ", "+")) // an unescaped "+" of a zone arrives as a space
	if !ok {
		return term.Test{}, refuse("value", "%.80q must be a date such as 2020-05 or ge2020-05-01T10:00:00Z", name)
	}
	t := term.Test{Prefix: prefix, Lo: at.Lo, Hi: at.Hi}
	if prefix == term.Approximate {
		gap := now.UnixMilli() - at.Lo
		gap = max(gap, -gap) / 10
		t.Lo, t.Hi = t.Lo-gap, t.Hi+gap
	}
	return t, nil
}

func numberTest(name, value string) (term.Test, *Error) {
	prefix, rest := prefixOf(value)
	low, high, ok := span(prefix, rest)
	if !ok {
		return term.Test{}, refuse("value", "%.80q must be a number such as 5.40 or lt100", name)
	}
	return term.Test{Prefix: prefix, Low: low, High: high}, nil
}

// quantityTest reads "number", "number|system|code" or "number||unit" (FHIR R4, 3.1.1.4.11).
func quantityTest(name, value string) (term.Test, *Error) {
	parts := splitEscaped(value, '|', 3)
	t, e := numberTest(name, parts[0])
	if e != nil || len(parts) == 2 {
		return t, refuse("value", "%.80q must be a number such as 5.4, or number|system|code such as 5.4|http://unitsofmeasure.org|mg", name)
	}
	if len(parts) == 1 {
		t.Form = term.Exact
		return t, nil
	}
	t.System, t.Code = unescape(parts[1]), unescape(parts[2])
	switch {
	case t.System == "" && t.Code != "":
		t.Form = term.AnySystem
	case t.System != "" && t.Code == "":
		return t, refuse("value", "%.80q needs a unit's code after its system", name)
	default:
		t.Form, t.Canonical = term.Exact, canonical(t.System, t.Code, t.Low, t.High)
	}
	return t, nil
}

// composite reads values joined by "$", and makes a test of each combination of what its parts may be.
func (r *reader) composite(name string, p *Param, value string) ([]term.Test, *Error) {
	parts := splitEscaped(value, '$', len(p.Components)+1)
	if len(parts) != len(p.Components) {
		return nil, refuse("value", "%.80q must have %d values joined by $", name, len(p.Components))
	}
	list := []term.Test{{}}
	for i, part := range parts {
		if part == "" {
			return nil, refuse("value", "%.80q has an empty part", name)
		}
		tests, e := r.value(name, p.Components[i], part)
		if e != nil {
			return nil, e
		}
		var next []term.Test
		for _, t := range list {
			for _, u := range tests {
				u.Kind = p.Components[i].Kind
				next = append(next, term.Test{Parts: append(t.Parts[:len(t.Parts):len(t.Parts)], u)})
			}
		}
		list = next
	}
	return list, nil
}
