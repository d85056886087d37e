package search

import (
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// maxReference bounds a reference string, in bytes.
const maxReference = 4096

// takeReference adds what a Reference points at. The URL of a server is kept, also of this one: what is found must not depend on the name by
// which a client reached it. What is inside the same resource ("#…") is not searched for.
func takeReference(x *extraction, l *leaf, v tape.Value) {
	var t term.Term
	if to := x.target(v); to != "" && to[0] != '#' && len(to) <= maxReference {
		t.Value, _, _ = strings.Cut(to, "#")
	}
	id := v.Get("identifier")
	t.System, t.Code = x.text(id.Get("system")), x.text(id.Get("value"))
	if t.Value == "" && t.System == "" && t.Code == "" {
		return
	}
	x.add(l, t)
	if display := x.text(v.Get("display")); display != "" {
		x.describe(l, display)
	}
}

// target is the text of a Reference's reference, once resolved.
func (x *extraction) target(v tape.Value) string {
	ref := v.Get("reference")
	if x.resolved != nil && ref.Exists() {
		if text, ok := x.resolved[ref.Start()]; ok {
			return text
		}
	}
	return x.text(ref)
}

// pointsAt tells whether a Reference is to a resource of a type, by what it says itself.
func (x *extraction) pointsAt(v tape.Value, typ string) bool {
	if to := TargetType(x.target(v)); to != "" {
		return to == typ
	}
	return v.Get("type").Is(typ)
}

// TargetType is the type in a reference, "Patient" in "Patient/1" and in "http://a.b/fhir/Patient/1/_history/2"; "" where none is to be seen.
func TargetType(ref string) string {
	ref, _, _ = strings.Cut(ref, "#")
	ref, _, _ = strings.Cut(ref, "/_history/")
	i := strings.LastIndexByte(ref, '/')
	if i < 0 {
		return ""
	}
	typ := ref[strings.LastIndexByte(ref[:i], '/')+1 : i]
	if !isType(typ) {
		return ""
	}
	return typ
}

// takeCanonical adds a canonical URL, with its version and without (FHIR R4, 3.1.1.4.13); of a reference also the name that it means, see term.ParamCanonical.
func takeCanonical(x *extraction, l *leaf, v tape.Value) {
	text, _, _ := strings.Cut(x.text(v), "#")
	if text == "" || len(text) > maxReference {
		return
	}
	x.add(l, term.Term{Value: text})
	switch url, _, versioned := strings.Cut(text, "|"); {
	case versioned && url != "":
		x.add(l, term.Term{Value: url})
	case !versioned && l.param.Kind == term.Reference:
		x.add(l, term.Term{Value: text + "|"})
	}
}

// Names are those by which references can mean a resource that has a canonical URL: of any version, and of its own.
func (t *Type) Names(root tape.Value) (list []string) {
	url := root.Get("url")
	if p := t.Param("url"); p == nil || p.Kind != term.URI || url.Kind() != tape.String || url.End()-url.Start() > maxReference {
		return nil
	}
	list = append(list, url.Text()+"|")
	if version := root.Get("version"); version.Kind() == tape.String && version.End()-version.Start() <= maxReference {
		list = append(list, url.Text()+"|"+version.Text())
	}
	return list
}

func takeURI(x *extraction, l *leaf, v tape.Value) {
	if text := x.text(v); text != "" && len(text) <= maxReference {
		x.add(l, term.Term{Value: text})
	}
}

// takeResource adds a resource inside a Bundle by its type and id, as the first entry of a document or message is found.
func takeResource(x *extraction, l *leaf, v tape.Value) {
	typ, id := x.text(v.Get("resourceType")), x.text(v.Get("id"))
	if len(l.param.Targets) > 0 && !slices.Contains(l.param.Targets, typ) || !isType(typ) || id == "" {
		return
	}
	x.add(l, term.Term{Value: typ + "/" + id})
}

// takeAttachment adds the address of an Attachment, which stands in one place of R4 where a reference could.
func takeAttachment(x *extraction, l *leaf, v tape.Value) { takeURI(x, l, v.Get("url")) }
