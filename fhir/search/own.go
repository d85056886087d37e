package search

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// Own is a search parameter that is a resource of the node (FHIR R4, 6.6).
type Own struct {
	*definition.SearchParameter
	ID          string
	DerivedFrom string // the URL of the one that it stands for
	Unused      string // why it is not used; "" where it is
}

// ReadOwn reads a SearchParameter resource; nil for one that is not active: it is kept, and does nothing.
func ReadOwn(id string, v tape.Value) *Own {
	if !v.Get("status").Is("active") {
		return nil
	}
	d := &definition.SearchParameter{URL: v.Get("url").Text(), Name: v.Get("name").Text(), Code: v.Get("code").Text(), Base: texts(v.Get("base")),
		Type: v.Get("type").Text(), Expression: v.Get("expression").Text(), Target: texts(v.Get("target")), Description: v.Get("description").Text()}
	for c := v.Get("component").First(); c.Exists(); c = c.Next() {
		d.Components = append(d.Components, definition.Component{Definition: c.Get("definition").Text(), Expression: c.Get("expression").Text()})
	}
	from, _, _ := strings.Cut(v.Get("derivedFrom").Text(), "|")
	return &Own{SearchParameter: d, ID: id, DerivedFrom: from}
}

func texts(v tape.Value) (list []string) {
	for e := v.First(); e.Exists(); e = e.Next() {
		list = append(list, e.Text())
	}
	return list
}

// Change exchanges own parameters, by the ids of their resources; nil stands for one that is there no more. What resources are found by another
// parameter than before is incomplete from this moment on, until Settle says otherwise.
func (p *Parameters) Change(list map[string]*Own) {
	before := p.now.Load()
	after := &set{Parameters: p, number: before.number + 1, types: map[string]*Type{}}
	for _, o := range before.own {
		if _, exchanged := list[o.ID]; !exchanged {
			after.own = append(after.own, o)
		}
	}
	for _, o := range list {
		if o != nil {
			after.own = append(after.own, o)
		}
	}
	slices.SortFunc(after.own, func(a, b *Own) int { return cmp.Or(cmp.Compare(a.URL, b.URL), cmp.Compare(a.ID, b.ID)) })
	after.use()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, typ := range definition.ResourceTypes() {
		for code := range codesOf(before.used, after.used, typ) {
			if is := after.rule(typ, code); is != "" && is != before.rule(typ, code) {
				p.mark(typ, code)
			}
		}
	}
	p.changes++
	p.now.Store(after)
}

// use decides which of the own ones are used: what cannot be, because of a definition that came or went since it was written, is kept all the same.
func (now *set) use() {
	now.used = slices.Clone(now.given)
	var composites []*Own
	for i, o := range now.own {
		if o.Type == "composite" {
			composites = append(composites, o)
			continue
		}
		now.own[i] = now.take(o)
	}
	for _, o := range composites { // they name others
		i := slices.Index(now.own, o)
		now.own[i] = now.take(o)
	}
}

// take gives an own parameter with what is to be said of it.
func (now *set) take(o *Own) *Own {
	is := *o
	is.Unused = ""
	e := now.admit(o)
	if e == nil && slices.ContainsFunc(now.used, func(d *definition.SearchParameter) bool { return d.URL == o.URL }) {
		e = refuse("duplicate", "another SearchParameter of this node has the same url")
	}
	if e != nil {
		is.Unused = e.Text
	} else {
		now.used = append(now.used, o.SearchParameter)
	}
	return &is
}

// Own gives the own parameters that are active, in the order of their URLs.
func (p *Parameters) Own() []*Own { return p.now.Load().own }

// Bases are the types of resources that a parameter is of.
func (o *Own) Bases() (list []string) {
	for _, typ := range definition.ResourceTypes() {
		if slices.ContainsFunc(o.Base, definition.TypeOf(typ).Is) {
			list = append(list, typ)
		}
	}
	return list
}

// codesOf gives the codes that lists of parameters have for a type.
func codesOf(a, b []*definition.SearchParameter, typ string) map[string]bool {
	codes, s := map[string]bool{}, definition.TypeOf(typ)
	for _, d := range slices.Concat(a, b) {
		if slices.ContainsFunc(d.Base, s.Is) {
			codes[d.Code] = true
		}
	}
	return codes
}

// Complete tells whether all resources of a type are found by a parameter.
func (p *Parameters) Complete(typ, code string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return !p.incomplete[typ][code]
}

// Changes counts what changed of which parameters can be searched by.
func (p *Parameters) Changes() uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.changes
}

// mark notes that a parameter is incomplete. The caller holds mu.
func (p *Parameters) mark(typ, code string) {
	if p.incomplete[typ] == nil {
		p.incomplete[typ] = map[string]bool{}
	}
	p.incomplete[typ][code] = true
}

// Types are those of which the node has own parameters.
func (p *Parameters) Types() []string {
	types := map[string]bool{}
	for _, o := range p.Own() {
		for _, typ := range o.Bases() {
			types[typ] = true
		}
	}
	return slices.Sorted(maps.Keys(types))
}
