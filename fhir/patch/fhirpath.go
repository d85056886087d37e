package patch

import (
	"errors"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhirpath"
)

// fhirpathPatch is a FHIRPath Patch.
type fhirpathPatch struct {
	list []change
	Limits
}

// ReadFHIRPath reads a FHIRPath Patch (FHIR R4, 3.1.0.8), a resource of type Parameters. A deletion of what is not there changes nothing. It
// needs the tape of the parameters as long as it is applied.
func ReadFHIRPath(parameters tape.Value, l Limits) (Patch, error) {
	l = l.orDefault()
	list, bad := readChanges(parameters, l)
	if bad != nil {
		return nil, bad
	}
	return &fhirpathPatch{list, l}, nil
}

// Apply implements Patch.
func (p *fhirpathPatch) Apply(src []byte) ([]byte, error) {
	list, l := p.list, p.Limits
	var run fhirpath.Run
	run.Limits.Steps = maxWork / max(len(list), 8)
	work, size := 0, len(src)
	for i := range list {
		if work += len(src); work > 4*maxWork {
			return nil, fail(TooCostly, "the patch takes too much work; send it in parts").in(i)
		}
		d, err := read(src, l)
		if err != nil {
			return nil, err
		}
		d.size = size
		if bad := d.change(&run, &list[i]); bad != nil {
			return nil, bad.in(i)
		}
		size = d.size
		src = d.root.appendTo(make([]byte, 0, d.size))
	}
	return src, nil
}

// change does what one operation says.
func (d *document) change(run *fhirpath.Run, c *change) *Error {
	root := d.root.v
	if definition.TypeOf(root.Get("resourceType").Text()) == nil {
		return fail(Impossible, "what is to be changed is no resource")
	}
	switch c.typ {
	case "add":
		at, bad := d.single(run, root, c.path)
		if bad != nil {
			return bad
		}
		s, bad := d.slotIn(root, at, c.name)
		if bad != nil {
			return bad
		}
		return d.addTo(s, c)
	case "insert", "move":
		s, bad := d.list(run, root, c.path)
		if bad != nil {
			return bad
		}
		if c.typ == "move" {
			return s.move(c.source, c.destination)
		}
		v, bad := d.valueFor(s, c.value)
		if bad != nil {
			return bad
		}
		return s.insert(c.index, v)
	}
	items, bad := d.evaluate(run, root, c.path)
	if bad != nil {
		return bad
	}
	switch {
	case len(items) == 0 && c.typ == "delete":
		return nil
	case len(items) == 0:
		return fail(Impossible, "path leads to nothing")
	case len(items) > 1:
		return fail(Impossible, "path leads to several elements; an index or a condition must choose one")
	}
	s, i, bad := d.slotOf(root, items[0])
	if bad != nil {
		return bad
	}
	if c.typ == "delete" {
		return s.remove(i)
	}
	v, bad := d.valueFor(s, c.value)
	if bad != nil {
		return bad
	}
	return s.replace(i, v)
}

// addTo adds a value to a list, or makes it the value of an element that has none.
func (d *document) addTo(s *slot, c *change) *Error {
	v, bad := d.valueFor(s, c.value)
	if bad != nil {
		return bad
	}
	if s.repeats() {
		return s.insert(s.len(), v)
	}
	for i := range s.element.Types {
		other := *s
		other.name = s.element.JSONName(&s.element.Types[i])
		if other.exists() {
			return fail(Impossible, "the element has a value already; replace it")
		}
	}
	return s.set(v)
}

// evaluate gives the elements that a path leads to.
func (d *document) evaluate(run *fhirpath.Run, root tape.Value, path string) ([]fhirpath.Item, *Error) {
	if len(path) > maxPath {
		return nil, fail(Malformed, "path is longer than %d bytes", maxPath)
	}
	e, err := fhirpath.Compile(path, fhirpath.Of(definition.TypeOf(root.Get("resourceType").Text())))
	if err != nil {
		return nil, fail(Malformed, "path is no FHIRPath: %v", err)
	}
	items, err := e.Evaluate(run, fhirpath.Node(root))
	if errors.Is(err, fhirpath.ErrLimit) {
		return nil, fail(TooCostly, "path takes too much work: %v", err)
	}
	if err != nil {
		return nil, fail(Impossible, "path cannot be evaluated: %v", err)
	}
	for _, it := range items {
		if it.Kind() != fhirpath.NodeKind || !it.Value().Exists() && !it.Sibling().Exists() {
			return nil, fail(Impossible, "path leads to a value that is no element of the resource")
		}
	}
	return items, nil
}

// single gives the one element that a path leads to.
func (d *document) single(run *fhirpath.Run, root tape.Value, path string) (fhirpath.Item, *Error) {
	items, bad := d.evaluate(run, root, path)
	switch {
	case bad != nil:
		return fhirpath.Item{}, bad
	case len(items) == 0:
		return fhirpath.Item{}, fail(Impossible, "path leads to nothing that something could be added to")
	case len(items) > 1:
		return fhirpath.Item{}, fail(Impossible, "path leads to several elements; an index or a condition must choose one")
	}
	return items[0], nil
}

// slotIn gives the slot of a name in an element. In a primitive one it is beside its value, in a companion that is made if need be.
func (d *document) slotIn(root tape.Value, in fhirpath.Item, name string) (*slot, *Error) {
	t := in.Type()
	if t == nil || t.Kind != definition.Primitive {
		return d.slot(root, in.Value(), name)
	}
	e, _ := t.FindString(name)
	if e == nil {
		return nil, fail(Impossible, "the name is of no element that FHIR R4 defines there")
	}
	if in.Sibling().Kind() == tape.Object {
		return d.slot(root, in.Sibling(), name)
	}
	s, i, bad := d.slotOf(root, in)
	if bad != nil {
		return nil, bad
	}
	companion := &node{open: true, end: []byte{'}'}}
	if s.repeats() {
		if _, _, bad := s.arrays(); bad != nil {
			return nil, bad
		}
		s.side("_"+s.name, s.len()).kids[i].node = companion
	} else {
		s.parent.insert(len(s.parent.kids), "_"+s.name, companion)
	}
	return &slot{d: d, parent: companion, name: e.Name, element: e, typ: &e.Types[0]}, nil
}

// list gives the list that a path means, which may be empty: that of the last name in it.
func (d *document) list(run *fhirpath.Run, root tape.Value, path string) (*slot, *Error) {
	before, name, ok := cutLast(path)
	if ok {
		at, bad := d.single(run, root, before)
		if bad != nil {
			return nil, bad
		}
		s, bad := d.slotIn(root, at, name)
		if bad == nil && !s.repeats() {
			bad = fail(Impossible, "path leads to an element that does not repeat")
		}
		return s, bad
	}
	items, bad := d.evaluate(run, root, path)
	if bad != nil {
		return nil, bad
	}
	if len(items) == 0 {
		return nil, fail(Impossible, "path leads to nothing")
	}
	s, _, bad := d.slotOf(root, items[0])
	if bad == nil && !s.repeats() {
		bad = fail(Impossible, "path leads to an element that does not repeat")
	}
	return s, bad
}

// cutLast takes the last name off a path.
func cutLast(path string) (before, name string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if i <= 0 {
		return "", "", false
	}
	name = strings.TrimSpace(path[i+1:])
	if w := (xpath{s: name}); name != "" {
		if _, ok := w.word(); ok && w.s == "" {
			return path[:i], name, true
		}
	}
	return "", "", false
}

var errPlace = errors.New("not in the document")

// pointerTo gives the place of a value of the document.
func pointerTo(root, v tape.Value) (pointer, error) {
	var p pointer
	for at := root; at.Start() != v.Start() || at.End() != v.End(); {
		i, c := 0, at.First()
		for c.Exists() && c.End() <= v.Start() {
			c = c.Next()
			i++
		}
		if !c.Exists() || c.Start() > v.Start() || c.End() < v.End() {
			return nil, errPlace
		}
		if at.Kind() == tape.Array {
			p = append(p, itoa(i))
		} else {
			p = append(p, c.Name())
		}
		at = c
	}
	return p, nil
}
