package validation

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// profile is a StructureDefinition that constrains a type, made ready for checking. Of its snapshot is kept what goes beyond the type.
type profile struct {
	url    string
	of     *plan
	root   *node
	doc    *tape.Tape // that fixed values and patterns are of
	origin string     // see Validator.With
}

// profiles are compiled when they are first asked for.
type profiles struct {
	source func(url string) (src []byte, origin string)
	mu     sync.Mutex
	made   map[string]*profile // by what was asked for; nil for one that cannot be used
}

// profile gives a compiled profile; nil for one that is not known or cannot be used.
func (v *Validator) profile(url string) *profile {
	if v.profiles.source == nil || baseType(url) {
		return nil
	}
	v.profiles.mu.Lock()
	p, made := v.profiles.made[url]
	v.profiles.mu.Unlock()
	if made {
		return p
	}
	src, origin := v.profiles.source(url) // may take its time
	if src == nil {
		return nil
	}
	p, err := v.compileProfile(src)
	if err == nil {
		p.origin = origin
	} else {
		p = nil
	}
	v.profiles.mu.Lock()
	defer v.profiles.mu.Unlock()
	if first, made := v.profiles.made[url]; made { // another was quicker
		return first
	}
	if v.profiles.made == nil {
		v.profiles.made = map[string]*profile{}
	}
	v.profiles.made[url] = p
	return p
}

// profile gives a compiled profile, and notes that it was used.
func (r *run) profile(url string) *profile {
	p := r.v.profile(url)
	if p != nil && p.origin != "" && r.options.Note != nil {
		r.options.Note(p.origin)
	}
	return p
}

// node is an element of a profile, or a slice of one.
type node struct {
	name       string // of the element in its type: "value"
	slice      string // its name, if this is one
	id         string // "Observation.component:systolic.code", for people
	min, max   int    // max may be definition.Many
	types      []nodeType
	fixed      tape.Value // the value has to be this
	pattern    tape.Value // the value has to contain this
	binding    *binding
	invariants invariants
	children   []*node
	slicing    *slicing
	slices     []*node
	source     string // id of the element whose children these are: contentReference
}

type nodeType struct {
	code     string
	profiles []string // of the value; it keeps one of them
	targets  []string // of what a Reference points at
}

// slicing says how the values of an element are told apart.
type slicing struct {
	by           []discriminator
	closed, ends bool // no value outside of the slices; such only after all others
	ordered      bool
}

type discriminator struct {
	kind string // value, pattern, exists, type, profile
	path []step
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// maxProfileNodes bounds a profile's snapshot.
const maxProfileNodes = 20000

// compileProfile reads a StructureDefinition. The error quotes it: profiles hold nothing of patients.
func (v *Validator) compileProfile(src []byte) (*profile, error) {
	doc := new(tape.Tape)
	if err := doc.Parse(src, tape.Limits{Bytes: 32 << 20, Nodes: 1 << 21}); err != nil {
		return nil, err
	}
	root := doc.Root()
	p := &profile{url: root.Get("url").Text(), doc: doc, of: v.plans.named(root.Get("type").Text())}
	elements := root.Get("snapshot").Get("element")
	switch {
	case p.of == nil:
		return nil, fmt.Errorf("profile %s is of a type that FHIR R4 does not define", p.url)
	case elements.Len() == 0:
		return nil, fmt.Errorf("profile %s has no snapshot", p.url)
	case elements.Len() > maxProfileNodes:
		return nil, fmt.Errorf("profile %s has more than %d elements", p.url, maxProfileNodes)
	}
	byID := make(map[string]*node, elements.Len())
	for e := elements.First(); e.Exists(); e = e.Next() {
		if err := v.addNode(p, byID, e); err != nil {
			return nil, fmt.Errorf("profile %s: %w", p.url, err)
		}
	}
	for _, n := range byID {
		if from := byID[n.source]; from != nil && n.children == nil {
			n.children = from.children
		}
	}
	v.reduce(p.root, p.of, nil)
	return p, nil
}

// addNode puts an element where its id says, below its parent, which stands before it in a snapshot.
func (v *Validator) addNode(p *profile, byID map[string]*node, e tape.Value) error {
	id := e.Get("id").Text()
	if id == "" {
		return errors.New("an element has no id")
	}
	n := v.readNode(e, id)
	defer func() { byID[id] = n }() // only then: none is its own parent
	if p.root == nil {
		p.root = n
		return nil
	}
	dot := strings.LastIndexByte(id, '.')
	parent := byID[id[:max(dot, 0)]]
	if parent == nil {
		return fmt.Errorf("element %s has no parent", id)
	}
	name, slice, sliced := strings.Cut(id[dot+1:], ":")
	n.name = strings.TrimSuffix(name, "[x]")
	if !sliced {
		parent.children = append(parent.children, n)
		return nil
	}
	n.slice = slice
	whole := byID[id[:dot+1]+name]
	if outer, _, again := cutLast(slice, "/"); again {
		whole = byID[id[:dot+1]+name+":"+outer] // a slice of a slice
	}
	if whole == nil { // a name without a slicing: some of HL7's profiles have one
		parent.children = append(parent.children, n)
		return nil
	}
	whole.slices = append(whole.slices, n)
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (v *Validator) readNode(e tape.Value, id string) *node {
	n := &node{id: id, min: number(e.Get("min").Raw()), max: definition.Many, source: strings.TrimPrefix(e.Get("contentReference").Text(), "#")}
	if most, err := strconv.Atoi(e.Get("max").Text()); err == nil {
		n.max = most
	}
	if _, name, found := cutLast(n.source, "#"); found {
		n.source = name
	}
	for t := e.Get("type").First(); t.Exists(); t = t.Next() {
		n.types = append(n.types, nodeType{t.Get("code").Text(), texts(t.Get("profile")), texts(t.Get("targetProfile"))})
	}
	for m := e.First(); m.Exists(); m = m.Next() {
		switch name := m.Name(); {
		case strings.HasPrefix(name, "fixed"):
			n.fixed = m
		case strings.HasPrefix(name, "pattern"):
			n.pattern = m
		}
	}
	if b := e.Get("binding"); b.Exists() {
		n.binding = v.bind(definition.Binding{Strength: b.Get("strength").Text(), ValueSet: b.Get("valueSet").Text()})
	}
	for c := e.Get("constraint").First(); c.Exists(); c = c.Next() {
		n.invariants.list = append(n.invariants.list, definition.Invariant{Key: c.Get("key").Text(), Severity: c.Get("severity").Text(),
			Human: c.Get("human").Text(), Expression: c.Get("expression").Text()})
	}
	if s := e.Get("slicing"); s.Exists() {
		n.slicing = &slicing{closed: s.Get("rules").Is("closed"), ends: s.Get("rules").Is("openAtEnd"), ordered: s.Get("ordered").Kind() == tape.True}
		for d := s.Get("discriminator").First(); d.Exists(); d = d.Next() {
			n.slicing.by = append(n.slicing.by, discriminator{d.Get("type").Text(), steps(d.Get("path").Text())})
		}
	}
	return n
}

func texts(list tape.Value) (all []string) {
	for t := list.First(); t.Exists(); t = t.Next() {
		all = append(all, t.Text())
	}
	return all
}

// reduce takes from a node, which is of a type and stands for an element of the type before, what these ask for already.
func (v *Validator) reduce(n *node, of *plan, e *element) {
	known := map[string]bool{}
	add := func(list []definition.Invariant) {
		for _, i := range list {
			known[i.Key] = true
		}
	}
	if of != nil {
		add(of.invariants.list)
	}
	if e != nil {
		add(e.invariants.list)
		if n.slice == "" && n.min <= e.def.Min {
			n.min = 0
		}
		if b := e.binding; b != nil && n.binding != nil && b.required == n.binding.required && b.valueSet == n.binding.valueSet {
			n.binding = nil
		}
		if n.slice == "" && sameTypes(n.types, e.def) {
			n.types = nil
		}
	}
	beyond := n.invariants.list[:0]
	for _, i := range n.invariants.list {
		if !known[i.Key] && !byRule[i.Key] {
			beyond = append(beyond, i)
		}
	}
	n.invariants.list = beyond
	for _, s := range n.slices {
		sliceOf := of
		if len(s.types) == 1 {
			sliceOf = v.plans.named(s.types[0].code)
		}
		v.reduce(s, sliceOf, e)
	}
	if n.source != "" {
		return // its children are another's
	}
	for _, c := range n.children {
		var inner *element
		var innerOf *plan
		if of != nil {
			inner, innerOf = of.element(c.name)
		}
		if len(c.types) == 1 && innerOf == nil {
			innerOf = v.plans.named(c.types[0].code)
		}
		v.reduce(c, innerOf, inner)
	}
}

// element finds one by the name that definitions give it, and its type if it has only one.
func (p *plan) element(name string) (*element, *plan) {
	var found *member
	for _, m := range p.members {
		if m.name == name {
			if found != nil {
				return m.element, nil
			}
			found = m
		}
	}
	if found == nil {
		return nil, nil
	}
	return found.element, found.of
}

func sameTypes(types []nodeType, def *definition.Element) bool {
	if len(types) != len(def.Types) {
		return false
	}
	for i, t := range types {
		d := &def.Types[i]
		backbone := t.code == "BackboneElement" || t.code == "Element" || strings.HasPrefix(t.code, "http://hl7.org/fhirpath/")
		if t.code != d.Code && !backbone || len(t.profiles) != len(d.Profiles) || len(t.targets) != len(d.Targets) {
			return false
		}
		for j := range t.targets {
			if t.targets[j] != d.Targets[j] {
				return false
			}
		}
	}
	return true
}
