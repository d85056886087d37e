package shape

import (
	"bytes"
	"fmt"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Fault is something in a document that no resource may have. Its text quotes no content.
type Fault struct {
	At   tape.Value
	Code string // of http://hl7.org/fhir/issue-type: "structure" or "value"
	Text string
}

// MaxFaults bounds what one Check gives.
const MaxFaults = 20

// Check gives what is wrong with the form of a resource, in the order of the document; nothing when it is in order.
func Check(root tape.Value) []Fault {
	c := checker{all: structures()}
	c.resource(root)
	return c.faults
}

// CheckBundle is Check for the members of a Bundle beside its entries.
func CheckBundle(root tape.Value) []Fault {
	c := checker{all: structures(), skip: "entry"}
	c.resource(root)
	return c.faults
}

// CheckEntry is Check for an entry of a Bundle, without the resource in it.
func CheckEntry(entry tape.Value) []Fault {
	c := checker{all: structures(), skip: "resource"}
	c.members(entry, c.all["Bundle.entry"])
	return c.faults
}

type checker struct {
	all    map[string]*structure
	skip   string // member of the outermost object that is not looked at
	faults []Fault
}

func (c *checker) fault(at tape.Value, code, format string, args ...any) {
	if len(c.faults) < MaxFaults {
		c.faults = append(c.faults, Fault{at, code, fmt.Sprintf(format, args...)})
	}
}

// resource checks a value that must be a resource of any type.
func (c *checker) resource(v tape.Value) {
	if v.Kind() != tape.Object {
		c.fault(v, "structure", "a resource is a JSON object, this is %s", v.Kind())
		return
	}
	typ := v.Get("resourceType")
	if typ.Kind() != tape.String {
		c.fault(v, "structure", "a resource must have a resourceType, which is a string")
		return
	}
	s := c.all[string(typ.Bytes())]
	if s == nil || !s.resource {
		c.fault(typ, "structure", "resourceType names no resource type of FHIR R4")
		return
	}
	c.members(v, s)
}

// members checks an object that must be of a type.
func (c *checker) members(v tape.Value, s *structure) {
	if v.Kind() != tape.Object {
		c.fault(v, "structure", "this must be an object, not %s", v.Kind())
		return
	}
	if v.Len() == 0 {
		c.fault(v, "structure", "an object must not be empty: leave out what has no value")
	}
	var chosen choices
	skip := c.skip
	c.skip = ""
	for m := v.First(); m.Exists() && len(c.faults) < MaxFaults; m = m.Next() {
		name := m.NameBytes()
		if skip != "" && string(name) == skip {
			continue
		}
		plain, companion := bytes.CutPrefix(name, []byte{'_'})
		e := s.find(plain)
		switch {
		case e == nil && s.resource && string(name) == "resourceType":
			continue
		case e == nil || companion && e.primitive == none:
			c.fault(m, "structure", "%s has no element of this name", s.name)
			continue
		case e.choice > 0 && !chosen.take(e):
			c.fault(m, "structure", "only one type of a choice element may be given")
		}
		c.element(m, v, e, companion)
	}
}

// choices remembers which types of choice elements an object has; no type has more than eight.
type choices [8]*element

// take tells whether an element may stand beside those before it.
func (c *choices) take(e *element) bool {
	if c[e.choice-1] == nil {
		c[e.choice-1] = e
	}
	return c[e.choice-1] == e
}

// element checks member m of v.
func (c *checker) element(m, v tape.Value, e *element, companion bool) {
	switch {
	case !e.many:
		c.value(m, e, companion)
	case m.Kind() != tape.Array:
		c.fault(m, "structure", "this must be an array, not %s", m.Kind())
	case m.Len() == 0:
		c.fault(m, "structure", "an array must not be empty: leave out what has no value")
	default:
		for i := m.First(); i.Exists() && len(c.faults) < MaxFaults; i = i.Next() {
			if i.Kind() == tape.Null && e.primitive != none && (companion || v.Get("_"+e.name).Exists()) {
				continue // holds the place of a value or of its extensions
			}
			c.value(i, e, companion)
		}
	}
}

// value checks one value of an element.
func (c *checker) value(v tape.Value, e *element, companion bool) {
	switch {
	case companion:
		c.members(v, c.all["Element"])
	case e.of != nil:
		c.members(v, e.of)
	case e.primitive == none:
		c.resource(v)
	default:
		c.primitive(v, e.primitive)
	}
}
