package patch

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// change is one operation of a FHIRPath Patch.
type change struct {
	typ, path, name            string
	index, source, destination int        // -1 where it is not said
	value                      tape.Value // the part that is named "value"
}

// needs are the parts that each type of operation must have besides its path (FHIR R4, 3.1.0.8).
var needs = map[string][]string{
	"add": {"name", "value"}, "insert": {"index", "value"}, "delete": nil, "replace": {"value"}, "move": {"source", "destination"},
}

// readChanges reads the Parameters whole before anything of it is done.
func readChanges(parameters tape.Value, l Limits) ([]change, *Error) {
	if !parameters.Get("resourceType").Is("Parameters") {
		return nil, fail(Malformed, "a FHIRPath Patch is a resource of type Parameters")
	}
	list := parameters.Get("parameter")
	if list.Exists() && list.Kind() != tape.Array {
		return nil, fail(Malformed, "parameter must be an array")
	}
	if list.Len() > l.Operations {
		return nil, fail(TooCostly, "the patch has %d operations; at most %d are taken", list.Len(), l.Operations)
	}
	changes := make([]change, 0, list.Len())
	for p := list.First(); p.Exists(); p = p.Next() {
		if !p.Get("name").Is("operation") {
			return nil, fail(Malformed, "each parameter of a FHIRPath Patch is named operation").in(len(changes))
		}
		c, bad := readChange(p)
		if bad != nil {
			return nil, bad.in(len(changes))
		}
		changes = append(changes, c)
	}
	return changes, nil
}

func readChange(p tape.Value) (change, *Error) {
	c := change{index: -1, source: -1, destination: -1}
	given := map[string]bool{}
	for part := p.Get("part").First(); part.Exists(); part = part.Next() {
		name := part.Get("name").Text()
		if given[name] {
			return c, fail(Malformed, "a part of it stands twice")
		}
		given[name] = true
		ok := true
		switch name {
		case "type":
			c.typ, ok = text(part)
		case "path":
			c.path, ok = text(part)
		case "name":
			c.name, ok = text(part)
		case "index":
			c.index, ok = position(part)
		case "source":
			c.source, ok = position(part)
		case "destination":
			c.destination, ok = position(part)
		case "value":
			c.value = part
		default:
			return c, fail(Malformed, "a part of it is none of type, path, name, value, index, source and destination")
		}
		if !ok {
			return c, fail(Malformed, "its part %s has no value, or one of the wrong type", name)
		}
	}
	need, known := needs[c.typ]
	if !known {
		return c, fail(Malformed, "type must be add, insert, delete, replace or move")
	}
	for _, name := range append([]string{"path"}, need...) {
		if !given[name] {
			return c, fail(Malformed, "%s needs the part %s", c.typ, name)
		}
	}
	return c, nil
}

// text is the value of a part that is a string or a code.
func text(part tape.Value) (string, bool) {
	for m := part.First(); m.Exists(); m = m.Next() {
		if strings.HasPrefix(m.Name(), "value") {
			s := m.Text()
			return s, s != ""
		}
	}
	return "", false
}

// position is the value of a part that is a number from 0.
func position(part tape.Value) (int, bool) {
	for _, name := range []string{"valueInteger", "valueUnsignedInt", "valuePositiveInt"} {
		if v := part.Get(name); v.Kind() == tape.Number {
			return index(string(v.Raw()))
		}
	}
	return 0, false
}
