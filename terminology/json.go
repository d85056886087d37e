package terminology

import (
	"slices"
	"strconv"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
)

// object writes a JSON object, member by member. What is empty is left out, as FHIR wants it.
type object struct {
	b     []byte
	comma bool
}

func begin(b []byte) object { return object{b: append(b, '{')} }

func (o *object) end() []byte { return append(o.b, '}') }

func (o *object) name(name string) {
	if o.comma {
		o.b = append(o.b, ',')
	}
	o.comma = true
	o.b = append(append(append(o.b, '"'), name...), `":`...)
}

func (o *object) text(name, value string) {
	if value != "" {
		o.name(name)
		o.b = tape.AppendQuoted(o.b, value)
	}
}

func (o *object) raw(name, value string) {
	o.name(name)
	o.b = append(o.b, value...)
}

func (o *object) flag(name string, value bool) {
	if value {
		o.raw(name, "true")
	}
}

// object adds a member that is an object.
func (o *object) object(name string, fill func(*object)) {
	o.name(name)
	inner := begin(o.b)
	fill(&inner)
	o.b = inner.end()
}

// list adds a member that is an array of objects, or none.
func list[T any](o *object, name string, items []T, fill func(*object, *T)) {
	if len(items) == 0 {
		return
	}
	o.name(name)
	o.b = append(o.b, '[')
	for i := range items {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		inner := begin(o.b)
		fill(&inner, &items[i])
		o.b = inner.end()
	}
	o.b = append(o.b, ']')
}

func (o *object) coding(name string, c Coding) {
	o.object(name, func(o *object) { o.codingMembers(c) })
}

func (o *object) codingMembers(c Coding) {
	o.text("system", c.System)
	o.text("version", c.Version)
	o.text("code", c.Code)
	o.text("display", c.Display)
}

func writeDesignation(o *object, d *Designation) {
	o.text("language", d.Language)
	if d.Use != (Coding{}) {
		o.coding("use", d.Use)
	}
	o.text("value", d.Value)
}

// Append writes the expansion as a ValueSet. identifier is a URI that names this expansion.
func (x *Expansion) Append(b []byte, identifier string, at time.Time) []byte {
	o := begin(b)
	def := x.Set.def
	o.text("resourceType", "ValueSet")
	o.text("url", def.URL)
	o.text("version", def.Version)
	o.text("name", def.Name)
	o.text("title", def.Title)
	status := def.Status
	if status == "" {
		status = "unknown"
	}
	o.text("status", status)
	if x.Options.IncludeDefinition && len(def.Include) > 0 {
		o.object("compose", def.writeCompose)
	}
	o.object("expansion", func(o *object) { x.write(o, identifier, at) })
	return o.end()
}

func (s *ValueSet) writeCompose(o *object) {
	if s.NoInactive {
		o.raw("inactive", "false")
	}
	list(o, "include", s.Include, writeInclude)
	list(o, "exclude", s.Exclude, writeInclude)
}

func writeInclude(o *object, i *Include) {
	o.text("system", i.System)
	o.text("version", i.Version)
	list(o, "concept", i.Concepts, func(o *object, l *Listed) {
		o.text("code", l.Code)
		o.text("display", l.Display)
		list(o, "designation", l.Designations, writeDesignation)
	})
	list(o, "filter", i.Filters, func(o *object, f *Filter) {
		o.text("property", f.Property)
		o.text("op", f.Op)
		o.text("value", f.Value)
	})
	if len(i.ValueSets) > 0 {
		o.name("valueSet")
		for j, url := range i.ValueSets {
			o.b = tape.AppendQuoted(append(o.b, "[,"[min(j, 1)]), url)
		}
		o.b = append(o.b, ']')
	}
}

// unclosed marks an expansion that may lack codes (http://hl7.org/fhir/StructureDefinition/valueset-unclosed).
const unclosed = `[{"url":"http://hl7.org/fhir/StructureDefinition/valueset-unclosed","valueBoolean":true}]`

func (x *Expansion) write(o *object, identifier string, at time.Time) {
	if x.Partial {
		o.raw("extension", unclosed)
	}
	o.text("identifier", identifier)
	o.text("timestamp", at.UTC().Format("2006-01-02T15:04:05Z"))
	o.raw("total", strconv.Itoa(x.Total))
	if x.Options.Offset > 0 || x.Options.Count >= 0 {
		o.raw("offset", strconv.Itoa(x.Options.Offset))
	}
	list(o, "parameter", x.parameters(), func(o *object, p *Property) { o.property("name", p) })
	x.contains(o)
}

// parameters says by what the expansion was made.
func (x *Expansion) parameters() (list []Property) {
	add := func(name, typ, value string) { list = append(list, Property{Code: name, Type: typ, Value: value}) }
	for _, used := range x.Used {
		add("version", "Uri", used)
	}
	o := &x.Options
	if o.Filter != "" {
		add("filter", "String", o.Filter)
	}
	if o.Count >= 0 {
		add("count", "Integer", strconv.Itoa(o.Count))
	}
	if o.Offset > 0 {
		add("offset", "Integer", strconv.Itoa(o.Offset))
	}
	if o.DisplayLanguage != "" {
		add("displayLanguage", "Code", o.DisplayLanguage)
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"activeOnly", o.ActiveOnly}, {"excludeNested", o.ExcludeNested}, {"includeDesignations", o.IncludeDesignations}, {"includeDefinition", o.IncludeDefinition}} {
		if f.set {
			add(f.name, "Boolean", "true")
		}
	}
	return list
}

// property writes a name and a value of the property's type.
func (o *object) property(name string, p *Property) {
	o.text(name, p.Code)
	o.value(p)
}

func (o *object) value(p *Property) {
	switch p.Type {
	case "Coding":
		o.coding("valueCoding", p.Coding)
	case "Boolean", "Integer", "Decimal":
		o.raw("value"+p.Type, p.Value)
	default:
		o.text("value"+p.Type, p.Value)
	}
}

// contains writes the entries, nested as they stand under one another.
func (x *Expansion) contains(o *object) {
	if len(x.Entries) == 0 {
		return
	}
	o.name("contains")
	depth := -1
	for i := range x.Entries {
		d := 0
		if x.Depths != nil {
			d = x.Depths[i]
		}
		switch {
		case d > depth && depth < 0:
			o.b = append(o.b, '[')
		case d > depth:
			o.b = append(o.b, `,"contains":[`...)
		default:
			for ; depth > d; depth-- {
				o.b = append(o.b, `}]`...)
			}
			o.b = append(o.b, `},`...)
		}
		depth = d
		entry := begin(o.b)
		x.writeEntry(&entry, &x.Entries[i])
		o.b = entry.b // left open for what stands under it
	}
	for ; depth >= 0; depth-- {
		o.b = append(o.b, `}]`...)
	}
}

func (x *Expansion) writeEntry(o *object, e *Entry) {
	o.text("system", e.System)
	o.flag("abstract", e.Abstract)
	o.flag("inactive", e.Inactive)
	o.text("code", e.Code)
	o.text("display", e.Display)
	if x.Options.IncludeDesignations {
		list(o, "designation", e.Designations, writeDesignation)
	}
}

// parameters writes a Parameters resource.
type parameters struct{ list []func(*object) }

func (p *parameters) add(name, typ, value string) {
	if value != "" {
		p.list = append(p.list, func(o *object) { o.property("name", &Property{Code: name, Type: typ, Value: value}) })
	}
}

func (p *parameters) coding(name string, c Coding) {
	p.list = append(p.list, func(o *object) { o.property("name", &Property{Code: name, Type: "Coding", Coding: c}) })
}

func (p *parameters) part(name string, parts *parameters) {
	p.list = append(p.list, func(o *object) {
		o.text("name", name)
		list(o, "part", parts.list, func(o *object, fill *func(*object)) { (*fill)(o) })
	})
}

func (p *parameters) append(b []byte) []byte {
	o := begin(b)
	o.text("resourceType", "Parameters")
	list(&o, "parameter", p.list, func(o *object, fill *func(*object)) { (*fill)(o) })
	return o.end()
}

// Append writes what was found of a code as Parameters. An undecided one has no such answer: that is for the caller.
func (v *Validation) Append(b []byte) []byte {
	var p parameters
	p.add("result", "Boolean", strconv.FormatBool(v.Verdict == Yes))
	p.add("message", "String", v.Message)
	p.add("display", "String", v.Coding.Display)
	return p.append(b)
}

// Append writes what is known of a concept as Parameters.
func (f *Found) Append(b []byte) []byte {
	var p parameters
	p.add("name", "String", f.Name)
	p.add("version", "String", f.Version)
	p.add("display", "String", f.Display)
	for _, d := range f.Designations {
		var parts parameters
		parts.add("language", "Code", d.Language)
		if d.Use != (Coding{}) {
			parts.coding("use", d.Use)
		}
		parts.add("value", "String", d.Value)
		p.part("designation", &parts)
	}
	for _, property := range f.Properties {
		var parts parameters
		parts.add("code", "Code", property.Code)
		property.Code = "value"
		parts.list = append(parts.list, func(o *object) { o.property("name", &property) })
		p.part("property", &parts)
	}
	return p.append(b)
}

// AppendMatches writes translations as Parameters.
func AppendMatches(b []byte, matches []Match, success bool) []byte {
	var p parameters
	p.add("result", "Boolean", strconv.FormatBool(success))
	if !success {
		p.add("message", "String", "no translation is known")
	}
	for _, m := range matches {
		var parts parameters
		parts.add("equivalence", "Code", m.Equivalence)
		if m.Concept.Code != "" {
			parts.coding("concept", m.Concept)
		}
		for _, product := range slices.Clone(m.Product) {
			var of parameters
			of.add("element", "Uri", product.Property)
			of.coding("concept", Coding{System: product.System, Code: product.Value, Display: product.Display})
			parts.part("product", &of)
		}
		parts.add("source", "Uri", m.Source)
		p.part("match", &parts)
	}
	return p.append(b)
}

// Append writes an outcome as Parameters.
func (r Outcome) Append(b []byte) []byte {
	var p parameters
	p.add("outcome", "Code", string(r))
	return p.append(b)
}
