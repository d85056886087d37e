package diff

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// Parameters gives the operations that make `to` of `from`, two resources of one type in valid form, as a Parameters resource.
func Parameters(from, to tape.Value) []byte {
	c := comparison{b: []byte(`{"resourceType":"Parameters"`)}
	typ := from.Get("resourceType")
	if s := definition.TypeOfBytes(typ.Bytes()); s != nil && to.Get("resourceType").Is(typ.Text()) {
		c.object(typ.Text(), s, from, to)
	}
	if c.some {
		c.b = append(c.b, ']')
	}
	return append(c.b, '}')
}

// comparison writes operations as it finds them.
type comparison struct {
	b    []byte
	some bool
}

// value is one value of an element: of a primitive one, what stands under its name and under "_name", either of which may be missing.
type value struct {
	typ    *definition.Type
	v      tape.Value
	beside tape.Value
}

func (a value) exists() bool { return a.v.Exists() || a.beside.Exists() }

func (a value) equal(b value) bool {
	return a.typ == b.typ && equal(a.v, b.v) && equal(a.beside, b.beside)
}

// object compares all elements of two values of a type. What goes goes last: an object that has lost all its elements is none, and nothing
// could be added to it.
func (c *comparison) object(path string, s *definition.Structure, from, to tape.Value) {
	for _, going := range []bool{false, true} {
		for i := range s.Elements {
			e := &s.Elements[i]
			a, b := of(from, e), of(to, e)
			switch {
			case serverSets(path, e.Name), b.exists() == going, !a.exists() && !b.exists():
			case e.Max == 1:
				c.single(path, e, a, b)
			default:
				c.list(path, e, items(a), items(b))
			}
		}
	}
}

// serverSets tells of elements that differ from version to version by themselves.
func serverSets(path, name string) bool {
	_, within, _ := strings.Cut(path, ".")
	return within == "meta" && (name == "versionId" || name == "lastUpdated")
}

// of finds an element's value, or values, in an object.
func of(v tape.Value, e *definition.Element) value {
	for i := range e.Types {
		name := e.JSONName(&e.Types[i])
		if got := (value{&e.Types[i], v.Get(name), v.Get("_" + name)}); got.exists() {
			return got
		}
		if !e.Choice {
			break
		}
	}
	return value{}
}

// items takes the values of a list apart. A null holds the place of a value that has only what stands beside it.
func items(list value) []value {
	n := max(list.v.Len(), list.beside.Len())
	out := make([]value, n)
	v, beside := list.v.First(), list.beside.First()
	for i := range out {
		out[i].typ = list.typ
		if v.Kind() != tape.Null {
			out[i].v = v
		}
		if beside.Kind() != tape.Null {
			out[i].beside = beside
		}
		v, beside = v.Next(), beside.Next()
	}
	return out
}

func (c *comparison) single(path string, e *definition.Element, a, b value) {
	at := path + "." + e.Name
	switch {
	case a.equal(b):
	case !b.exists():
		c.operation("delete", at, nil)
	case !a.exists():
		c.operation("add", path, func() { c.named(e); c.value("value", b) })
	default:
		c.changed(at, a, b)
	}
}

// changed goes into values of the same type, and replaces others.
func (c *comparison) changed(at string, a, b value) {
	if a.typ == b.typ && a.v.Kind() == tape.Object && b.v.Kind() == tape.Object {
		if s := structure(a); s == structure(b) {
			c.object(at, s, a.v, b.v)
			return
		}
	}
	c.operation("replace", at, func() { c.value("value", b) })
}

// structure is the type of a complex value; of a resource, which it says itself.
func structure(a value) *definition.Structure {
	if a.v.Get("resourceType").Exists() {
		return definition.TypeOfBytes(a.v.Get("resourceType").Bytes())
	}
	return a.typ.Of
}

func (c *comparison) list(path string, e *definition.Element, a, b []value) {
	at := path + "." + e.Name
	if len(a) == 0 {
		for i := range b {
			c.operation("add", path, func() { c.named(e); c.value("value", b[i]) })
		}
		return
	}
	start := 0
	for start < len(a) && start < len(b) && a[start].equal(b[start]) {
		start++
	}
	for len(a) > start && len(b) > start && a[len(a)-1].equal(b[len(b)-1]) {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	for i := start; i < len(a) && i < len(b); i++ {
		if !a[i].equal(b[i]) {
			c.changed(at+"["+strconv.Itoa(i)+"]", a[i], b[i])
		}
	}
	for i := len(a) - 1; i >= len(b) && i >= start; i-- {
		c.operation("delete", at+"["+strconv.Itoa(i)+"]", nil)
	}
	for i := max(len(a), start); i < len(b); i++ {
		c.operation("insert", at, func() { c.index(i); c.value("value", b[i]) })
	}
}

// equal compares two JSON values, or two that are not there.
func equal(a, b tape.Value) bool {
	if a.Kind() != b.Kind() || a.Len() != b.Len() {
		return false
	}
	switch a.Kind() {
	case tape.Object:
		for m := a.First(); m.Exists(); m = m.Next() {
			if !equal(m, b.Get(m.Name())) {
				return false
			}
		}
	case tape.Array:
		for m, n := a.First(), b.First(); m.Exists(); m, n = m.Next(), n.Next() {
			if !equal(m, n) {
				return false
			}
		}
	case tape.String:
		return bytes.Equal(a.Bytes(), b.Bytes())
	case tape.Number:
		return bytes.Equal(a.Raw(), b.Raw())
	}
	return true
}
