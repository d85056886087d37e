package fhir

import (
	"net/http"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/xml"
)

// resource is one resource of a request, checked.
type resource struct {
	typ, id string // id is "" where the body has none
	root    tape.Value
	sites   []site
	notes   []Issue     // warnings
	places  *xml.Places // where it comes from, if it was sent in XML
}

// site is a string of a resource that may have to be replaced when it is stored.
type site struct {
	value tape.Value
	kind  siteKind
}

type siteKind uint8

const (
	siteReference siteKind = iota // Reference.reference
	siteURI                       // an element of type uri, url, oid or uuid
	siteNarrative                 // Narrative.div, which may hold links
)

// basics checks what the gate itself relies on: a known type, a valid id, meta as an object, references that can be read.
func basics(root tape.Value) (*resource, *problem) {
	if root.Kind() != tape.Object {
		return nil, fail(http.StatusBadRequest, "structure", "a resource is a JSON object, this is %s", root.Kind()).at(root)
	}
	typ := root.Get("resourceType")
	if typ.Kind() != tape.String {
		return nil, fail(http.StatusBadRequest, "structure", "resourceType is missing or no string").on(root, "resourceType")
	}
	r := &resource{typ: typ.Text(), root: root}
	if !isType(r.typ) {
		return nil, fail(http.StatusBadRequest, "structure", "resourceType names no resource type of FHIR R4").at(typ)
	}
	if id := root.Get("id"); id.Exists() {
		if r.id = id.Text(); !isID(r.id) {
			return nil, fail(http.StatusBadRequest, "value", "id is not 1 to 64 letters, digits, '-' or '.'").at(id)
		}
	}
	if p := checkMeta(root.Get("meta")); p != nil {
		return nil, p
	}
	if r.typ == "Bundle" {
		return r, nil // its references are its entries' affair, to be read inside it and nowhere else
	}
	return r, r.collect(root, false)
}

func checkMeta(meta tape.Value) *problem {
	if !meta.Exists() {
		return nil
	}
	if meta.Kind() != tape.Object {
		return fail(http.StatusBadRequest, "structure", "meta must be an object, not %s", meta.Kind()).at(meta)
	}
	for _, name := range []string{"versionId", "lastUpdated"} {
		if v := meta.Get(name); v.Exists() && v.Kind() != tape.String {
			return fail(http.StatusBadRequest, "structure", "%s must be a string, not %s", name, v.Kind()).at(v)
		}
	}
	return nil
}

// collect finds the sites below v. education says that v is Immunization.education, whose member reference is a URI.
func (r *resource) collect(v tape.Value, education bool) *problem {
	for c := v.First(); c.Exists(); c = c.Next() {
		switch c.Kind() {
		case tape.Object, tape.Array:
			inEducation := c.Named("education") || education && v.Kind() == tape.Array
			if p := r.collect(c, inEducation); p != nil {
				return p
			}
		case tape.String:
			if p := r.note(v, c, education); p != nil {
				return p
			}
		default:
			if c.Named("reference") {
				return fail(http.StatusBadRequest, "structure", "reference must be a string, not %s", c.Kind()).at(c)
			}
		}
	}
	return nil
}

// note keeps the string c, a child of v, if it is a site.
func (r *resource) note(v, c tape.Value, education bool) *problem {
	switch name := c.NameBytes(); string(name) {
	case "reference":
		// DetectedIssue, Immunization.education and Expression have a member of this name that is a URI.
		if education || v.Get("resourceType").Exists() || v.Get("language").Exists() {
			r.sites = append(r.sites, site{c, siteURI})
			return nil
		}
		if parseReference(c.Text()).form == malformed {
			return fail(http.StatusBadRequest, "value",
				"a reference must be Type/id, Type?search, #contained or an absolute URL").at(c)
		}
		r.sites = append(r.sites, site{c, siteReference})
	case "div":
		r.sites = append(r.sites, site{c, siteNarrative})
	default:
		if isURI(c) && uriNames()[string(name)] {
			r.sites = append(r.sites, site{c, siteURI})
		}
	}
	return nil
}

// isURI tells whether a string may be the fullUrl of an entry. Anything else need not be kept.
func isURI(v tape.Value) bool {
	raw := v.Raw()
	return len(raw) > 5 && (string(raw[1:5]) == "urn:" || string(raw[1:5]) == "http")
}
