package fhir

import (
	"net/http"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// each calls fn for every value that stands at a path below v: member names joined by dots, arrays passed over.
func each(v tape.Value, path string, fn func(tape.Value) *problem) *problem {
	if v.Kind() == tape.Array {
		for c := v.First(); c.Exists(); c = c.Next() {
			if p := each(c, path, fn); p != nil {
				return p
			}
		}
		return nil
	}
	if path == "" {
		if !v.Exists() || v.Kind() == tape.Null {
			return nil
		}
		return fn(v)
	}
	if v.Exists() && v.Kind() != tape.Object {
		return fail(http.StatusBadRequest, "structure", "the element must be an object, not %s", v.Kind()).at(v)
	}
	name, rest, _ := strings.Cut(path, ".")
	return each(v.Get(name), rest, fn)
}
