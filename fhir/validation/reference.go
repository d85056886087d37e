package validation

import (
	"bytes"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

const baseProfile = "http://hl7.org/fhir/StructureDefinition/"

// targetsOf gives the types that a reference may point at, of the canonical URLs that a definition states; nil for any.
func targetsOf(urls []string) (types []string) {
	for _, url := range urls {
		typ, base := strings.CutPrefix(url, baseProfile)
		if !base || typ == "Resource" {
			return nil // any, or a profile: that is asked for elsewhere
		}
		types = append(types, typ)
	}
	return types
}

// target is what a Reference says of what it points at.
type target struct {
	typ      []byte     // "" when it cannot be told
	resource tape.Value // where it is in the same document
	local    []byte     // the id of a contained resource, after "#"
	missing  bool       // it should be in the same document, and is not
}

// referenceRule is what every Reference keeps: ref-1, and the types of its targets.
func referenceRule(r *run, o object) {
	ref := o.Get("reference")
	if ref.Kind() != tape.String {
		if typ := o.Get("type"); typ.Kind() == tape.String {
			r.pointsAt(typ, target{typ: typ.Bytes()}, o.in)
		}
		return
	}
	t := r.follow(ref.Bytes())
	if t.missing {
		r.broken(ref, "ref-1", "there is no contained resource of this id")
		return
	}
	r.pointsAt(ref, t, o.in)
	if typ := o.Get("type"); typ.Kind() == tape.String && len(t.typ) > 0 && !bytes.Equal(typ.Bytes(), t.typ) && r.v.plans.resource(typ.Bytes()) != nil {
		r.wrong(typ, "structure", "the type is another than that of the resource that the reference names")
	}
}

func (r *run) pointsAt(at tape.Value, t target, in *member) {
	if in == nil || in.targets == nil || len(t.typ) == 0 {
		return
	}
	for _, typ := range in.targets {
		if string(t.typ) == typ {
			return
		}
	}
	r.wrong(at, "structure", "%s may refer to %s only, this refers to a resource of another type", in.name, oneOf(in.targets))
}

func oneOf(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

// follow reads a reference as far as the document tells.
func (r *run) follow(ref []byte) (t target) {
	if id, local := bytes.CutPrefix(ref, []byte{'#'}); local {
		t.local = id
		if len(id) == 0 { // of a contained resource: what contains it
			t.resource = r.root
		} else {
			t.resource = r.siblings.within(r.root).byID[string(id)]
			t.missing = !t.resource.Exists()
		}
		t.typ = t.resource.Get("resourceType").Bytes()
		return t
	}
	if t.resource = r.siblings.find(r.document, ref); t.resource.Exists() {
		t.typ = t.resource.Get("resourceType").Bytes()
		return t
	}
	t.typ = r.typeIn(ref)
	return t
}

// typeIn is the resource type that a literal reference names: Type/id, Type/id/_history/version, either with a base before it, or
// Type?search. A URL of another form tells nothing, unless it ends like one of FHIR's.
func (r *run) typeIn(ref []byte) []byte {
	if typ, _, search := bytes.Cut(ref, []byte{'?'}); search {
		ref = typ
	} else {
		if at := bytes.Index(ref, []byte("/_history/")); at >= 0 {
			ref = ref[:at]
		}
		id := bytes.LastIndexByte(ref, '/')
		if id < 0 || !isID(ref[id+1:]) || id+1 == len(ref) {
			return nil
		}
		ref = ref[:id]
	}
	typ := ref[bytes.LastIndexByte(ref, '/')+1:]
	if r.v.plans.resource(typ) == nil {
		return nil
	}
	return typ
}
