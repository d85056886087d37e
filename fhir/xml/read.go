package xml

import (
	"cmp"
	"slices"
	"strconv"
	"sync"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

var documents = sync.Pool{New: func() any { return new(Document) }}

// ToJSON gives the JSON of the resource that an XML document is. places tells where in src each part of the JSON comes from. The error is an
// *Error, or wraps tape.ErrTooLarge.
func ToJSON(src []byte, limits Limits) (json []byte, places *Places, err error) {
	d := documents.Get().(*Document)
	defer documents.Put(d)
	if err := d.Parse(src, limits); err != nil {
		return nil, nil, err
	}
	return d.JSON(false)
}

// JSON gives the JSON of the resource that the document is. FHIR's elements have an order in XML, in which they must stand unless anyOrder
// is set: then those of one name may stand apart from each other, and come in the order in which they do.
func (d *Document) JSON(anyOrder bool) ([]byte, *Places, error) {
	r := reader{d: d, out: make([]byte, 0, len(d.src)), anyOrder: anyOrder, places: &Places{src: d.src}}
	if err := r.resource(d.Root()); err != nil {
		return nil, nil, err
	}
	return r.out, r.places, nil
}

// reader makes JSON of a document.
type reader struct {
	d        *Document
	out      []byte
	anyOrder bool
	path     []step
	children []child // of the elements that are being read, the innermost last
	places   *Places
}

// step is a part of a path; index is -1 where there is but one.
type step struct {
	name  []byte
	index int
}

// child is an element inside another, with what it is.
type child struct {
	node    Node
	element *definition.Element
	typ     *definition.Type
	order   int // of the element among those of the structure
}

func (r *reader) fail(at Node, reason string) error {
	b := []byte(nil)
	for _, s := range r.path {
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = append(b, s.name...)
		if s.index >= 0 {
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(s.index), 10)
			b = append(b, ']')
		}
	}
	return &Error{Position: at.Position(), Path: string(b), Reason: reason}
}

// mark notes that what is written next comes from n.
func (r *reader) mark(n Node) {
	r.places.of = append(r.places.of, place{uint32(len(r.out)), uint32(n.Start())})
}

// resource writes the object of an element that is named as a type of resource.
func (r *reader) resource(n Node) error {
	if n.Space() != FHIR {
		return r.fail(n, "a resource is expected: an element of the namespace http://hl7.org/fhir")
	}
	s := resourceType(n.Local())
	if s == nil {
		return r.fail(n, "the element names no resource type of FHIR R4")
	}
	if len(r.path) == 0 {
		r.path = append(r.path, step{[]byte(s.Name), -1})
	}
	r.mark(n)
	r.places.resources = append(r.places.resources, source{uint32(len(r.out)), n.node().span})
	r.out = append(r.out, `{"resourceType":"`...)
	r.out = append(append(r.out, s.Name...), '"')
	if _, err := r.members(s, n, true); err != nil {
		return err
	}
	r.out = append(r.out, '}')
	return nil
}

// object writes an element with others inside it.
func (r *reader) object(s *definition.Structure, n Node) error {
	r.mark(n)
	r.out = append(r.out, '{')
	some, err := r.members(s, n, false)
	if err == nil && !some {
		err = r.fail(n, "the element is empty")
	}
	r.out = append(r.out, '}')
	return err
}

// members writes what an element of a structure has: its attributes, and then the elements inside it. some tells whether something stands
// before what is written, and afterwards whether there was anything.
func (r *reader) members(s *definition.Structure, n Node, some bool) (bool, error) {
	attrs := n.Attrs()
	for i := range attrs {
		written, err := r.attribute(s, n, &attrs[i], some)
		if err != nil {
			return false, err
		}
		some = some || written
	}
	base := len(r.children)
	defer func() { r.children = r.children[:base] }()
	if err := r.collect(s, n); err != nil {
		return false, err
	}
	for from, end := base, len(r.children); from < end; {
		to := from + 1
		for to < end && r.children[to].order == r.children[from].order {
			to++
		}
		if some {
			r.out = append(r.out, ',')
		}
		some = true
		if err := r.group(from, to); err != nil {
			return false, err
		}
		from = to
	}
	return some, nil
}

// attribute writes an attribute that FHIR defines: an id, or the url of an extension. The value of a primitive element is its caller's.
func (r *reader) attribute(s *definition.Structure, n Node, a *Attr, some bool) (bool, error) {
	if _, ok := a.Declares(); ok {
		return false, nil
	}
	name := a.Local()
	switch {
	case a.space == NoSpace && s.Kind == definition.Primitive && string(name) == "value":
		return false, nil
	case a.space == Instance && s.Kind == definition.Resource && (string(name) == "schemaLocation" || string(name) == "noNamespaceSchemaLocation"):
		return false, nil // says nothing of the resource
	}
	e, _ := s.Find(name)
	if a.space != NoSpace || e == nil || !e.Attribute {
		return false, r.fail(n, "the element has an attribute that FHIR does not define for it")
	}
	if some {
		r.out = append(r.out, ',')
	}
	r.out = append(append(append(r.out, '"'), e.Name...), `":`...)
	r.mark(n)
	r.out = tape.AppendQuoted(r.out, string(a.Value()))
	return true, nil
}

// collect takes note of the elements inside n, in the order of the structure.
func (r *reader) collect(s *definition.Structure, n Node) error {
	base, last := len(r.children), 0
	for c := n.First(); c.Exists(); c = c.Next() {
		switch c.Kind() {
		case Text:
			if !isBlank(c.Raw()) {
				return r.fail(n, "a text stands in the element; FHIR has values in attributes")
			}
			continue
		case Comment, Instruction:
			continue
		}
		e, t := s.Find(c.Local())
		if space := c.Space(); e == nil || e.Attribute || space != FHIR && (space != XHTML || !isNarrative(t)) || space == FHIR && isNarrative(t) {
			return r.unknown(s, n, c, e)
		}
		order := last
		if r.anyOrder {
			order = 0
		}
		for order < len(s.Elements) && &s.Elements[order] != e {
			order++
		}
		if order == len(s.Elements) {
			r.path = append(r.path, step{c.Local(), -1})
			return r.fail(c, "the element stands after others that it must come before (FHIR R4, 2.6.1)")
		}
		last = order
		r.children = append(r.children, child{c, e, t, order})
	}
	if r.anyOrder {
		slices.SortStableFunc(r.children[base:], func(a, b child) int { return cmp.Compare(a.order, b.order) })
	}
	return nil
}

// unknown tells why an element may not stand where it does.
func (r *reader) unknown(s *definition.Structure, n, c Node, e *definition.Element) error {
	path := r.path
	r.path = append(r.path, step{c.Local(), -1})
	defer func() { r.path = path }()
	switch {
	case e == nil:
		return r.fail(c, "the element is none that FHIR R4 defines for "+s.Name)
	case e.Attribute:
		return r.fail(c, "FHIR has this as an attribute, not as an element")
	}
	return r.fail(c, "the element is not of the namespace that FHIR defines it in")
}

// group writes the elements of one name.
func (r *reader) group(from, to int) error {
	first := r.children[from]
	name := first.node.Local()
	r.path = append(r.path, step{name, -1})
	defer func() { r.path = r.path[:len(r.path)-1] }()
	repeats := first.element.Max != 1
	if to-from > 1 {
		second := &r.children[from+1]
		switch {
		case second.typ != first.typ:
			return r.fail(second.node, "the element may have a value of one type only")
		case !repeats:
			return r.fail(second.node, "the element may stand only once")
		}
	}
	if isPrimitive(first.typ) {
		return r.primitives(name, from, to, repeats)
	}
	r.name("", name)
	if repeats {
		r.out = append(r.out, '[')
	}
	for i := from; i < to; i++ {
		if i > from {
			r.out = append(r.out, ',')
		}
		if repeats {
			r.path[len(r.path)-1].index = i - from
		}
		if err := r.value(&r.children[i]); err != nil {
			return err
		}
	}
	if repeats {
		r.out = append(r.out, ']')
	}
	return nil
}

func (r *reader) name(before string, name []byte) {
	r.out = append(append(r.out, '"'), before...)
	r.out = append(append(r.out, name...), `":`...)
}

// value writes what is no primitive.
func (r *reader) value(c *child) error {
	n, s := c.node, c.typ.Of
	switch {
	case isNarrative(c.typ):
		return r.narrative(n)
	case s == nil:
		return r.fail(n, "the element is of a type that FHIR R4 does not define")
	case s.Kind != definition.Resource:
		return r.object(s, n)
	}
	var inner Node
	for c := n.First(); c.Exists(); c = c.Next() {
		switch {
		case c.Kind() == Text && !isBlank(c.Raw()), c.Kind() == Element && inner.Exists():
			return r.fail(c, "one resource is expected in the element, and nothing else")
		case c.Kind() == Element:
			inner = c
		}
	}
	for _, a := range n.Attrs() {
		if _, ok := a.Declares(); !ok {
			return r.fail(n, "the element has an attribute that FHIR does not define for it")
		}
	}
	if !inner.Exists() {
		return r.fail(n, "the element is empty")
	}
	return r.resource(inner)
}
