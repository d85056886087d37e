package terminology

import (
	"regexp"
	"slices"
	"strings"
)

// choose gives the concepts that a filter selects (FHIR R4, http://hl7.org/fhir/filter-operator). The error is an *Error: the filter is not
// known or makes no sense.
func (s *system) choose(f Filter) (bits, error) {
	switch f.Op {
	case "is-a", "descendent-of", "is-not-a", "generalizes":
		return s.chooseByHierarchy(f)
	case "=":
		return s.chooseBy(f, func(value string) bool { return value == f.Value }), nil
	case "in", "not-in":
		values := strings.Split(f.Value, ",")
		for i := range values {
			values[i] = strings.TrimSpace(values[i])
		}
		chosen := s.chooseBy(f, func(value string) bool { return slices.Contains(values, value) })
		if f.Op == "not-in" {
			chosen.invert()
		}
		return chosen, nil
	case "regex":
		re, err := wholeRegexp(f.Value)
		if err != nil {
			return nil, err
		}
		return s.chooseBy(f, re.MatchString), nil
	case "exists":
		chosen := s.chooseBy(f, func(string) bool { return true })
		if f.Value == "false" {
			chosen.invert()
		}
		return chosen, nil
	}
	return nil, fault(NotSupported, "the filter operator %.40s is not known", f.Op)
}

// wholeRegexp compiles a regular expression that has to match all of a value. Go's take linear time.
func wholeRegexp(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > LimitText {
		return nil, fault(TooCostly, "a regular expression is longer than %d bytes", LimitText)
	}
	re, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return nil, fault(Invalid, "a regular expression is not valid")
	}
	return re, nil
}

func (s *system) chooseByHierarchy(f Filter) (bits, error) {
	if f.Property != "concept" && f.Property != "code" {
		return nil, fault(NotSupported, "%s is known for the property concept only", f.Op)
	}
	from := s.find(f.Value)
	if from < 0 {
		return nil, fault(NotFound, "a filter on %s names a code that is not known", s.def.URL)
	}
	next := down
	if f.Op == "generalizes" {
		next = up
	}
	chosen := s.reach(from, next)
	switch f.Op {
	case "descendent-of":
		chosen.clear(from)
	case "is-not-a":
		chosen.invert()
	}
	return chosen, nil
}

// chooseBy selects the concepts of which a value of the property passes.
func (s *system) chooseBy(f Filter, passes func(string) bool) bits {
	chosen := newBits(len(s.concepts))
	for i := range s.concepts {
		if s.hasValue(int32(i), f.Property, passes) {
			chosen.set(int32(i))
		}
	}
	return chosen
}

func (s *system) hasValue(at int32, property string, passes func(string) bool) bool {
	c := &s.concepts[at]
	related := func(list []int32) bool {
		return slices.ContainsFunc(list, func(i int32) bool { return passes(s.concepts[i].Code) })
	}
	switch property {
	case "code", "concept":
		return passes(c.Code)
	case "display":
		return c.Display != "" && passes(c.Display)
	case "definition":
		return c.Definition != "" && passes(c.Definition)
	case "parent":
		return related(c.parents)
	case "child":
		return related(c.children)
	}
	return slices.ContainsFunc(c.Properties, func(p Property) bool { return p.Code == property && passes(p.Value) })
}
