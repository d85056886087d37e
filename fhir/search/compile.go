package search

import (
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhirpath"
	"github.com/sijil-health/sijil/index/term"
)

// step is a place in the walk through a resource: where to go on from a value that stands there, and which parameters take it.
type step struct {
	members map[string]*step
	conds   []cond
	leaves  []leaf

	only     string // the name of the one member, where there is one
	onlyNext *step
}

// cond leads on with those values that an op lets through.
type cond struct {
	op   op
	next *step
}

// leaf takes the values at a step for a parameter.
type leaf struct {
	param   *Param
	take    taker
	system  string               // of a code: the one that the definitions imply
	parts   []component          // of a composite
	program *fhirpath.Expression // of what is no plain path
}

// component says where a part of a composite stands.
type component struct {
	step     *step
	fromRoot bool // below the resource, not below the composite's value
}

// compiler makes the walk of one type.
type compiler struct {
	p         *set
	structure *definition.Structure
	t         *Type
}

// cursor is a place that an expression has come to: the way there, and the type that values have.
type cursor struct {
	way     []edge
	code    string
	of      *definition.Structure
	element *definition.Element
	to      []string // canonical URLs of what a reference may point at
}

// edge is a member's name in JSON, or a condition.
type edge struct {
	member string
	op     op
}

// param compiles a parameter; nil for one that nothing can be found by here.
func (c *compiler) param(d *definition.SearchParameter) *Param {
	kind, known := kinds[d.Type]
	if d.Code == "_text" || d.Code == "_content" {
		kind = term.Text
	}
	if !known && kind != term.Text || d.Expression == "" && kind != term.Text {
		return nil
	}
	param := &Param{Code: d.Code, URL: d.URL, Kind: kind, slot: -1, plain: true}
	if kind == term.Text || d.Code == term.ParamID || d.Code == term.ParamUpdated {
		return param
	}
	param.slot = c.t.slots
	for _, part := range d.Components {
		of := c.p.byURL(part.Definition)
		if of == nil || kinds[of.Type] == 0 || of.Type == "composite" {
			return nil
		}
		param.Components = append(param.Components, &Param{Code: of.Code, URL: of.URL, Kind: kinds[of.Type], slot: -1})
	}
	if !c.expression(c.t.root, cursor{code: c.structure.Name, of: c.structure}, d.Expression, param, d.Components) {
		return nil
	}
	c.t.slots++
	param.narrow(d.Target)
	return param
}

// expression puts leaves for a parameter where an expression leads to. It tells whether it leads anywhere.
func (c *compiler) expression(root *step, from cursor, text string, param *Param, parts []definition.Component) (found bool) {
	for _, alternative := range alternatives(text) {
		p, plain := parsePath(alternative)
		if !plain {
			found = c.program(root, alternative, param) || found
			continue
		}
		if isType(p.root) && !from.of.Is(p.root) {
			continue
		}
		for _, at := range follow(from, p.ops) {
			found = c.leaf(root, at, param, parts) || found
		}
	}
	return found
}

// follow goes a path's way from a place, to several where there is a choice of types.
func follow(from cursor, ops []op) []cursor {
	list := []cursor{from}
	for _, o := range ops {
		var next []cursor
		for _, at := range list {
			switch o.kind {
			case opMember:
				next = append(next, at.members(o.name)...)
			case opCast:
				if at.of != nil && at.of.Is(o.name) {
					next = append(next, at)
				}
			default:
				at.way = append(slices.Clip(at.way), edge{op: o})
				next = append(next, at)
			}
		}
		list = next
	}
	return list
}

func (at cursor) members(name string) (list []cursor) {
	if at.of == nil {
		return nil
	}
	e := at.of.Element(name)
	if e == nil {
		return nil
	}
	for i := range e.Types {
		t := &e.Types[i]
		list = append(list, cursor{way: append(slices.Clip(at.way), edge{member: e.JSONName(t)}), code: t.Code, of: t.Of, element: e, to: t.Targets})
	}
	return list
}

// leaf puts a leaf at the end of a way, if the parameter can take values of that type.
func (c *compiler) leaf(root *step, at cursor, param *Param, parts []definition.Component) bool {
	l := leaf{param: param, take: takerOf(param.Kind, at)}
	if param.sounds() && at.code == "HumanName" {
		l.take = takeSounds
	}
	if param.Kind == term.Composite {
		l.take = takeComposite
		for i, part := range parts {
			of := component{step: &step{}}
			from := at
			from.way = nil
			for _, alternative := range alternatives(part.Expression) {
				p, plain := parsePath(alternative)
				if !plain {
					continue
				}
				if p.root == "%resource" {
					of.fromRoot, from = true, cursor{code: c.structure.Name, of: c.structure}
				}
				for _, end := range follow(from, p.ops) {
					c.leaf(of.step, end, param.Components[i], nil)
				}
				param.Components[i].narrow(nil)
			}
			l.parts = append(l.parts, of)
		}
	}
	if l.take == nil {
		return false
	}
	if e := at.element; at.code == "code" && e != nil && e.Binding != nil && param.Kind == term.Token {
		l.system = c.p.systemOf(e.Binding.ValueSet)
	}
	param.plain = param.plain && l.system != ""
	param.Canonical = param.Canonical || at.code == "canonical" && param.Kind == term.Reference
	targets := at.targets()
	param.Targets, param.open = append(param.Targets, targets...), param.open || len(targets) == 0
	s := root.at(at.way)
	s.leaves = append(s.leaves, l)
	return true
}

// at gives the step at the end of a way, made where it is missing.
func (s *step) at(way []edge) *step {
	for _, e := range way {
		next := s.on(e)
		if next == nil {
			next = &step{}
			if e.member == "" {
				s.conds = append(s.conds, cond{e.op, next})
			} else {
				if s.members == nil {
					s.members = map[string]*step{}
				}
				s.members[e.member] = next
			}
		}
		s = next
	}
	return s
}

func (s *step) on(e edge) *step {
	if e.member != "" {
		return s.members[e.member]
	}
	for i := range s.conds {
		if s.conds[i].op == e.op {
			return s.conds[i].next
		}
	}
	return nil
}

// targets are the types that a reference at a place may point at: one that is said there, else those of the element; none where it may be any.
func (at cursor) targets() (list []string) {
	for _, e := range at.way {
		if e.member == "" && e.op.kind == opTarget {
			return []string{e.op.name}
		}
	}
	for _, url := range at.to {
		name := url[strings.LastIndexByte(url, '/')+1:]
		if name == "Resource" {
			return nil
		}
		list = append(list, name)
	}
	return list
}

// narrow leaves of the targets that the elements have those that the definition has, too: it is often shared by several types. All that R4
// has are the same as none.
func (p *Param) narrow(defined []string) {
	if p.Kind != term.Reference {
		p.Targets = nil
		return
	}
	if p.open {
		p.Targets = slices.Clone(defined)
	}
	slices.Sort(p.Targets)
	p.Targets = slices.Compact(p.Targets)
	if len(defined) > 0 {
		p.Targets = slices.DeleteFunc(p.Targets, func(name string) bool { return !slices.Contains(defined, name) })
	}
	if len(p.Targets) >= anyTarget {
		p.Targets = nil
	}
}

// anyTarget is a number of types that no reference of R4 lists unless all are meant.
const anyTarget = 100

// settle notes the steps that go on with one member alone.
func (s *step) settle() {
	for name, next := range s.members {
		next.settle()
		if len(s.members) == 1 {
			s.only, s.onlyNext = name, next
		}
	}
	for i := range s.conds {
		s.conds[i].next.settle()
	}
	for i := range s.leaves {
		for j := range s.leaves[i].parts {
			s.leaves[i].parts[j].step.settle()
		}
	}
}
