package definition

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// types are all types by name.
type types map[string]*Structure

// reading makes structures of StructureDefinitions. What is the same in many of them is kept once.
type reading struct {
	types      types
	texts      map[string]string
	lists      map[string][]Type
	bindings   map[Binding]*Binding
	invariants map[string][]Invariant
	bases      map[*Structure]string
}

// readTypes reads the types of a pack.
func readTypes(p *pack) (types, error) {
	r := &reading{types: make(types, 1024), texts: make(map[string]string, 8192), lists: make(map[string][]Type),
		bindings: make(map[Binding]*Binding), invariants: make(map[string][]Invariant), bases: make(map[*Structure]string)}
	t := tape.Get()
	defer t.Release()
	if err := p.each(ofType, func(_ *item, raw []byte) error {
		if err := t.Parse(raw, packLimits); err != nil {
			return err
		}
		return r.definition(t.Root())
	}); err != nil {
		return nil, err
	}
	return r.types, r.finish()
}

// packLimits are those of one resource of a pack.
var packLimits = tape.Limits{Bytes: maxBlock, Nodes: 4 << 20}

// text is a string's text, kept once.
func (r *reading) text(v tape.Value) string { return r.keep(v.Bytes()) }

func (r *reading) keep(b []byte) string {
	if s, ok := r.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	r.texts[s] = s
	return s
}

func (r *reading) kept(s string) string {
	if s, ok := r.texts[s]; ok {
		return s
	}
	r.texts[s] = s
	return s
}

// definition reads one StructureDefinition and the backbones in it.
func (r *reading) definition(v tape.Value) error {
	s := &Structure{Name: r.text(v.Get("name")), URL: r.text(v.Get("url")), Abstract: v.Get("abstract").Kind() == tape.True}
	switch v.Get("kind").Text() {
	case "primitive-type":
		s.Kind = Primitive
	case "complex-type":
		s.Kind = Complex
	case "resource":
		s.Kind = Resource
	default:
		return errors.New("neither a type nor a resource")
	}
	elements := v.Get("snapshot").Get("element")
	root := elements.First()
	path := root.Get("path").Text()
	base := v.Get("baseDefinition").Text()
	r.bases[s] = base[strings.LastIndexByte(base, '/')+1:]
	s.Invariants = r.invariantsOf(root)
	r.types[s.Name] = s
	here := map[string]*Structure{path: s}
	counts := children(elements)
	if counts[path] == nil {
		return errors.New("no elements")
	}
	s.Elements = make([]Element, 0, *counts[path])
	for c := root.Next(); c.Exists(); c = c.Next() {
		if err := r.element(c, s, here, counts); err != nil {
			return err
		}
	}
	return nil
}

// children counts the elements right below each path.
func children(elements tape.Value) map[string]*int {
	counts := make(map[string]*int)
	for c := elements.First(); c.Exists(); c = c.Next() {
		path := c.Get("path").Bytes()
		above := path[:max(bytes.LastIndexByte(path, '.'), 0)]
		if counts[string(above)] == nil {
			counts[string(above)] = new(int)
		}
		*counts[string(above)]++
	}
	return counts
}

// element reads an element of the type s into the structure that it belongs to. here has those of s by their paths.
func (r *reading) element(v tape.Value, s *Structure, here map[string]*Structure, counts map[string]*int) error {
	path := v.Get("path").Bytes()
	at := bytes.LastIndexByte(path, '.')
	owner := here[string(path[:max(at, 0)])]
	if owner == nil {
		return fmt.Errorf("%s belongs to no structure", path)
	}
	e := Element{Name: r.keep(path[at+1:]), Min: int(number(v.Get("min"))), Max: Many,
		Summary: v.Get("isSummary").Kind() == tape.True, Modifier: v.Get("isModifier").Kind() == tape.True,
		Attribute: v.Get("representation").At(0).Is("xmlAttr")}
	if max := v.Get("max"); !max.Is("*") {
		e.Max = int(numeral(max.Bytes()))
	}
	if s.Kind == Primitive && e.Name == "value" {
		s.Pattern = regex(v.Get("type").At(0))
		return nil
	}
	if stem, ok := strings.CutSuffix(e.Name, "[x]"); ok {
		e.Name, e.Choice = r.kept(stem), true
	}
	invariants := r.invariantsOf(v)
	if count := counts[string(path)]; count != nil {
		name := s.Name + string(path[bytes.IndexByte(path, '.'):])
		b := &Structure{Name: r.kept(name), Kind: Backbone, Elements: make([]Element, 0, *count), Invariants: invariants}
		r.types[b.Name], here[string(path)], r.bases[b] = b, b, r.text(v.Get("type").At(0).Get("code"))
		e.Types, invariants = r.list([]byte("#"+b.Name), func() []Type { return []Type{{Code: r.bases[b]}} }), nil
	} else if s.Kind == Resource && owner == s && e.Name == "id" { // the definitions say string, the specification id
		e.Types = r.list([]byte("id"), func() []Type { return []Type{{Code: "id"}} })
	} else if to := v.Get("contentReference"); to.Exists() {
		e.Types = r.list(to.Bytes(), func() []Type { return []Type{{Code: "BackboneElement"}} })
	} else {
		e.Types = r.list(v.Get("type").Raw(), func() []Type { return r.typesOf(v.Get("type")) })
	}
	if len(e.Types) == 0 {
		return fmt.Errorf("%s has no type", path)
	}
	e.Invariants, e.Binding = invariants, r.bindingOf(v.Get("binding"))
	owner.Elements = append(owner.Elements, e)
	return nil
}

// list is a list of types, made only once.
func (r *reading) list(key []byte, make func() []Type) []Type {
	if l, ok := r.lists[string(key)]; ok {
		return l
	}
	l := make()
	r.lists[string(key)] = l
	return l
}

func (r *reading) typesOf(v tape.Value) []Type {
	list := make([]Type, 0, v.Len())
	for c := v.First(); c.Exists(); c = c.Next() {
		code := r.text(c.Get("code"))
		if strings.HasPrefix(code, "http://hl7.org/fhirpath/") {
			if code = r.text(extension(c, fhirTypeExtension).Get("valueUrl")); code == "" {
				code = "string" // of xhtml.id it is not said
			}
		}
		list = append(list, Type{Code: code, Targets: r.textsOf(c.Get("targetProfile")), Profiles: r.textsOf(c.Get("profile"))})
	}
	return list
}

func (r *reading) textsOf(v tape.Value) []string {
	var list []string
	for c := v.First(); c.Exists(); c = c.Next() {
		list = append(list, r.text(c))
	}
	return list
}

func (r *reading) bindingOf(v tape.Value) *Binding {
	if !v.Exists() {
		return nil
	}
	b := Binding{Strength: r.text(v.Get("strength")), ValueSet: r.text(v.Get("valueSet")),
		Max: r.text(extension(v, maxValueSetExtension).Get("valueCanonical"))}
	if kept := r.bindings[b]; kept != nil {
		return kept
	}
	kept := &b
	r.bindings[b] = kept
	return kept
}

func (r *reading) invariantsOf(v tape.Value) []Invariant {
	v = v.Get("constraint")
	if v.Len() == 0 {
		return nil
	}
	if l, ok := r.invariants[string(v.Raw())]; ok {
		return l
	}
	list := make([]Invariant, 0, v.Len())
	for c := v.First(); c.Exists(); c = c.Next() {
		list = append(list, Invariant{Key: r.text(c.Get("key")), Severity: r.text(c.Get("severity")), Human: r.text(c.Get("human")),
			Expression: r.text(c.Get("expression"))})
	}
	r.invariants[string(v.Raw())] = list
	return list
}

// finish ties the structures together.
func (r *reading) finish() error {
	for s, base := range r.bases {
		if s.Base = r.types[base]; s.Base == nil && base != "" {
			return fmt.Errorf("%s: unknown base %s", s.Name, base)
		}
	}
	for key, list := range r.lists {
		for i := range list {
			name := list[i].Code
			if key[0] == '#' {
				name = key[1:]
			}
			if list[i].Of = r.types[name]; list[i].Of == nil {
				return fmt.Errorf("unknown type %q in %s", name, key)
			}
		}
	}
	done := make(map[*Structure]bool, len(r.types))
	for _, s := range r.types {
		s.inherit(done)
	}
	for _, s := range r.types {
		for i := range s.Elements {
			s.Elements[i].Invariants = withoutTypes(&s.Elements[i])
		}
		s.nameElements(r.kept)
	}
	return nil
}

// inherit adds the invariants of the base, which a snapshot repeats or leaves out.
func (s *Structure) inherit(done map[*Structure]bool) {
	if s.Base == nil || done[s] {
		return
	}
	done[s] = true
	s.Base.inherit(done)
	var missing []Invariant
	for _, i := range s.Base.Invariants {
		if !has(s.Invariants, i.Key) {
			missing = append(missing, i)
		}
	}
	switch {
	case len(s.Invariants) == 0:
		s.Invariants = s.Base.Invariants
	case len(missing) > 0:
		s.Invariants = append(missing, s.Invariants...)
	}
}

func has(list []Invariant, key string) bool {
	for i := range list {
		if list[i].Key == key {
			return true
		}
	}
	return false
}

// withoutTypes gives the invariants stated on an element that are not those of its types anyway.
func withoutTypes(e *Element) []Invariant {
	var kept []Invariant
	for _, i := range e.Invariants {
		of := false
		for _, t := range e.Types {
			of = of || has(t.Of.Invariants, i.Key)
		}
		if !of {
			kept = append(kept, i)
		}
	}
	if len(kept) == len(e.Invariants) {
		return e.Invariants
	}
	return kept
}
