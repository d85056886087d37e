package search

import (
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// Cut tells whether resources are to be answered in part.
func (r *Result) Cut() bool { return len(r.Elements) > 0 || r.Summary != "" && r.Summary != "count" }

// AppendPart appends to b the part of a resource that _summary or _elements ask for (FHIR R4, 3.1.1.5.8, 3.1.1.5.9). What stays is copied from
// the source byte for byte; the tag SUBSETTED says that something is missing.
func (r *Result) AppendPart(b []byte, root tape.Value) []byte {
	s := definition.TypeOf(root.Get("resourceType").Text())
	if s == nil || root.Kind() != tape.Object {
		return append(b, root.Raw()...)
	}
	c := cutter{r: r}
	b = append(b, '{')
	first, tagged := true, false
	for m := root.First(); m.Exists(); m = m.Next() {
		keep := c.keeps(s, m)
		if keep == keepNone {
			continue
		}
		before := len(b)
		b = appendName(b, m, first)
		if m.Named("meta") {
			b, tagged = appendTagged(b, m), true
		} else if keep == keepAll {
			b = append(b, m.Raw()...)
		} else if part := c.part(s, m); part != nil {
			b = append(b, part...)
		} else {
			b = b[:before]
			continue
		}
		first = false
	}
	if !tagged {
		if !first {
			b = append(b, ',')
		}
		b = append(b, `"meta":{"tag":[`+subsetted+`]}`...)
	}
	return append(b, '}')
}

const subsetted = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}`

// appendTagged appends a meta with the tag beside its own.
func appendTagged(b []byte, meta tape.Value) []byte {
	if meta.Kind() != tape.Object {
		return append(b, `{"tag":[`+subsetted+`]}`...)
	}
	tags := meta.Get("tag")
	for tag := tags.First(); tag.Exists(); tag = tag.Next() {
		if tag.Get("code").Is("SUBSETTED") {
			return append(b, meta.Raw()...)
		}
	}
	raw, at := meta.Raw(), meta.Start()
	if tags.Kind() == tape.Array && tags.Len() > 0 {
		end := tags.End() - 1 - at // before its bracket
		b = append(append(b, raw[:end]...), ',')
		b = append(b, subsetted...)
		return append(b, raw[end:]...)
	}
	b = append(b, '{')
	for m := meta.First(); m.Exists(); m = m.Next() {
		if !m.Named("tag") {
			b = append(append(appendName(b, m, true), m.Raw()...), ',')
		}
	}
	return append(b, `"tag":[`+subsetted+`]}`...)
}

// appendName appends a member's name as it stands in the source, and a comma before it where it is not the first.
func appendName(b []byte, m tape.Value, first bool) []byte {
	if !first {
		b = append(b, ',')
	}
	b = tape.AppendQuoted(b, m.Name())
	return append(b, ':')
}

// keep says how much of an element stays.
type keep uint8

const (
	keepNone keep = iota
	keepPart      // those of its elements that are of the summary
	keepAll
)

type cutter struct{ r *Result }

// keeps decides about an element of the resource itself. What every resource must have stays always: without its mandatory elements it would not
// be valid, without its modifiers it would be misunderstood.
func (c *cutter) keeps(s *definition.Structure, m tape.Value) keep {
	name := strings.TrimPrefix(m.Name(), "_")
	if name == "resourceType" || name == "id" || name == "meta" {
		return keepAll
	}
	e, _ := s.FindString(name)
	if e == nil {
		return keepNone
	}
	switch {
	case len(c.r.Elements) > 0:
		if e.Min > 0 || e.Modifier || slices.Contains(c.r.Elements, e.Name) || slices.Contains(c.r.Elements, name) {
			return keepAll
		}
	case c.r.Summary == "true":
		if e.Summary || e.Modifier {
			return keepPart
		}
	case c.r.Summary == "data":
		if name != "text" {
			return keepAll
		}
	case c.r.Summary == "text":
		if name == "text" || e.Min > 0 {
			return keepAll
		}
	}
	return keepNone
}

// part gives of an element what is of the summary; nil for nothing.
func (c *cutter) part(s *definition.Structure, m tape.Value) []byte {
	_, t := s.FindString(strings.TrimPrefix(m.Name(), "_"))
	if t == nil || !divides(t.Of) {
		return m.Raw()
	}
	return c.appendSummary(nil, t.Of, m, 0)
}

// divides tells whether some elements of a type are of the summary and others not.
func divides(s *definition.Structure) bool {
	if s == nil || s.Kind != definition.Backbone && s.Kind != definition.Complex {
		return false
	}
	return slices.ContainsFunc(s.Elements, func(e definition.Element) bool { return e.Summary })
}

// appendSummary appends the summary of a value of a type, with brackets where it is a list. It gives nil where nothing is left.
func (c *cutter) appendSummary(b []byte, s *definition.Structure, v tape.Value, depth int) []byte {
	switch v.Kind() {
	case tape.Array:
		return c.appendList(b, s, v, depth)
	case tape.Object:
	default:
		return append(b, v.Raw()...)
	}
	b = append(b, '{')
	first := true
	for m := v.First(); m.Exists(); m = m.Next() {
		name := strings.TrimPrefix(m.Name(), "_")
		e, t := s.FindString(name)
		if e == nil || !e.Summary && !e.Modifier && name != "id" && name != "extension" && e.Min == 0 {
			continue
		}
		before := len(b)
		b = appendName(b, m, first)
		if !divides(t.Of) || depth > tape.MaxDepth {
			b = append(b, m.Raw()...)
		} else if part := c.appendSummary(b, t.Of, m, depth+1); part != nil {
			b = part
		} else {
			b = b[:before]
			continue
		}
		first = false
	}
	if first {
		return nil
	}
	return append(b, '}')
}

func (c *cutter) appendList(b []byte, s *definition.Structure, v tape.Value, depth int) []byte {
	b = append(b, '[')
	first := true
	for e := v.First(); e.Exists(); e = e.Next() {
		before := len(b)
		if !first {
			b = append(b, ',')
		}
		if part := c.appendSummary(b, s, e, depth); part != nil {
			b, first = part, false
		} else {
			b = b[:before]
		}
	}
	if first {
		return nil
	}
	return append(b, ']')
}
