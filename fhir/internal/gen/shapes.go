package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// structure is a StructureDefinition, as far as shapes need it.
type structure struct {
	name, base string
	elements   []shapeElement
}

type shapeElement struct {
	Path, Max, ContentReference string
	Base                        struct{ Path string }
	Type                        []struct {
		Code      string
		Extension []struct{ URL, ValueURL string }
	}
}

// types gives an element's data types. Where the definitions give a type of FHIRPath, an extension names that of FHIR.
func (e *shapeElement) types() (names []string) {
	for _, t := range e.Type {
		name := t.Code
		for _, x := range t.Extension {
			if strings.HasSuffix(x.URL, "structuredefinition-fhir-type") {
				name = x.ValueURL
			}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// shapes gives the content of shape/r4.txt; its form is described in package shape.
func (d *definitions) shapes() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "# "+generated)
	for _, s := range d.structures {
		s.write(&b, s.name, s.base)
	}
	return b.Bytes()
}

// write writes the type at a path, and then those that are defined inside it.
func (s *structure) write(b *bytes.Buffer, path, base string) {
	fmt.Fprintf(b, "%s<%s", path, base)
	var inner []*shapeElement
	for i := range s.elements {
		e := &s.elements[i]
		name, own := strings.CutPrefix(e.Path, path+".")
		if !own || strings.Contains(name, ".") || e.Base.Path != e.Path {
			continue
		}
		many := ":"
		if e.Max != "1" && e.Max != "0" {
			many = "*"
		}
		types := e.types()
		switch {
		case e.ContentReference != "":
			types = []string{strings.TrimPrefix(e.ContentReference, "#")}
		case s.defines(e.Path):
			inner = append(inner, e)
			types = []string{e.Path}
		}
		fmt.Fprintf(b, " %s%s%s", name, many, strings.Join(types, "|"))
	}
	b.WriteByte('\n')
	for _, e := range inner {
		s.write(b, e.Path, e.Type[0].Code)
	}
}

// defines tells whether an element has elements of its own.
func (s *structure) defines(path string) bool {
	return slices.ContainsFunc(s.elements, func(e shapeElement) bool {
		return strings.HasPrefix(e.Path, path+".") && e.Base.Path == e.Path
	})
}
