package patch

import "github.com/sijil-health/sijil/fhir/xml"

// place is what a path leads to: a node, or an attribute of an element.
type place struct {
	node   xml.Node
	attr   *xml.Attr
	parent xml.Node
}

// find gives what a selector leads to.
func (path selector) find(d *xml.Document, spend func(int) *Error) ([]place, *Error) {
	var from []place
	for n := d.Top(); n.Exists(); n = n.Next() {
		from = append(from, place{node: n})
	}
	if len(path) == 0 {
		return nil, nil
	}
	found, bad := path[0].among(d, from, spend)
	if bad != nil {
		return nil, bad
	}
	return path[1:].from(d, found, spend)
}

// from follows the path from some elements.
func (path selector) from(d *xml.Document, at []place, spend func(int) *Error) ([]place, *Error) {
	for i := range path {
		var next []place
		for _, p := range at {
			found, bad := path[i].among(d, path[i].around(p), spend)
			if bad != nil {
				return nil, bad
			}
			next = append(next, found...)
		}
		at = next
	}
	return at, nil
}

// around gives what a step chooses from.
func (s *step) around(p place) []place {
	if p.attr != nil || p.node.Kind() != xml.Element {
		return nil
	}
	var list []place
	switch s.kind {
	case toSelf:
		return []place{p}
	case toAttribute:
		attrs := p.node.Attrs()
		for i := range attrs {
			list = append(list, place{node: p.node, attr: &attrs[i]})
		}
	default:
		for c := p.node.First(); c.Exists(); c = c.Next() {
			list = append(list, place{node: c, parent: p.node})
		}
	}
	return list
}

// among gives those of a list that a step means.
func (s *step) among(d *xml.Document, list []place, spend func(int) *Error) ([]place, *Error) {
	if bad := spend(len(list) + 1); bad != nil {
		return nil, bad
	}
	found := list[:0]
	for _, p := range list {
		if s.means(d, p) {
			found = append(found, p)
		}
	}
	for _, c := range s.where {
		kept := make([]place, 0, len(found))
		for i, p := range found {
			ok, bad := c.holds(d, p, i+1, len(found), spend)
			if bad != nil {
				return nil, bad
			}
			if ok {
				kept = append(kept, p)
			}
		}
		found = kept
	}
	return found, nil
}

func (s *step) means(d *xml.Document, p place) bool {
	switch s.kind {
	case toSelf:
		return true
	case toText:
		return p.node.Kind() == xml.Text
	case toComment:
		return p.node.Kind() == xml.Comment
	case toAttribute:
		_, declares := p.attr.Declares()
		return !declares && string(p.attr.Local()) == s.local && d.URI(p.attr.Space()) == s.space
	}
	return p.node.Kind() == xml.Element && (s.any || string(p.node.Local()) == s.local && d.URI(p.node.Space()) == s.space)
}

// holds tells whether a condition is true of p, one of several.
func (c *condition) holds(d *xml.Document, p place, position, of int, spend func(int) *Error) (bool, *Error) {
	switch {
	case c.position > 0:
		return position == c.position, nil
	case c.position < 0:
		return position == of, nil
	case c.join != "":
		for _, part := range c.parts {
			ok, bad := part.holds(d, p, position, of, spend)
			if bad != nil || ok == (c.join == "or") {
				return ok, bad
			}
		}
		return c.join == "and", nil
	}
	found, bad := c.path.from(d, []place{p}, spend)
	if bad != nil || c.compare == "" {
		return len(found) > 0, bad
	}
	for _, f := range found {
		if bad := spend(f.size()); bad != nil {
			return false, bad
		}
		if (f.text() == c.text) == (c.compare == "=") {
			return true, nil
		}
	}
	return false, nil
}

func (p place) size() int {
	if p.attr != nil {
		return p.attr.End() - p.attr.Start()
	}
	return p.node.End() - p.node.Start()
}

// text is the string-value of XPath.
func (p place) text() string {
	switch {
	case p.attr != nil:
		return string(p.attr.Value())
	case p.node.Kind() == xml.Comment:
		raw := string(p.node.Raw())
		return raw[len("<!--") : len(raw)-len("-->")]
	}
	return p.node.Text()
}
