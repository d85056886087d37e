package validation

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Siblings finds the resources of a document, where that is a Bundle, by their fullUrl. They are read at the first reference that is followed;
// who checks the entries of a Bundle one by one gives all checks the same Siblings, so that this is done once. Not for concurrent use.
type Siblings struct {
	read   bool
	byURL  map[string]tape.Value
	byName map[string]tape.Value // Type/id, of those whose fullUrl ends so
	local  locals                // of the resource that was asked about last
}

// find gives the resource that a reference names; one that is not there for what is not in the document.
func (b *Siblings) find(document tape.Value, ref []byte) tape.Value {
	if !b.read {
		b.read = true
		b.index(document)
	}
	if v, ok := b.byURL[string(ref)]; ok {
		return v
	}
	return b.byName[string(ref)]
}

func (b *Siblings) index(root tape.Value) {
	if !root.Get("resourceType").Is("Bundle") {
		return
	}
	entries := root.Get("entry")
	b.byURL, b.byName = make(map[string]tape.Value, entries.Len()), map[string]tape.Value{}
	for e := entries.First(); e.Exists(); e = e.Next() {
		url, resource := e.Get("fullUrl").Text(), e.Get("resource")
		if url == "" || resource.Kind() != tape.Object {
			continue
		}
		b.byURL[url] = resource
		if id := resource.Get("id").Text(); id != "" {
			b.byName[resource.Get("resourceType").Text()+"/"+id] = resource
		}
	}
}

// bundleRule: bdl-7, links, and entries of one id.
func bundleRule(r *run, o object) {
	if o.Get("type").Is("history") {
		return
	}
	urls := map[string]struct{}{}
	for e := o.Get("entry").First(); e.Exists() && !r.full(); e = e.Next() {
		url := e.Get("fullUrl")
		if url.Kind() != tape.String {
			continue
		}
		key := url.Text() + "|" + e.Get("resource").Get("meta").Get("versionId").Text()
		if _, twice := urls[key]; twice {
			r.broken(url, "bdl-7", "another entry has this fullUrl, with a resource of the same version")
		}
		urls[key] = struct{}{}
	}
	r.links(o)
}

// links: of those that lead on from a page there is one each.
func (r *run) links(o object) {
	seen := map[string]bool{}
	for l := o.Get("link").First(); l.Exists(); l = l.Next() {
		relation := l.Get("relation")
		switch name := relation.Text(); name {
		case "self", "first", "last", "next", "previous", "prev":
			if seen[name] {
				r.wrong(relation, "duplicate", "there is another link of this relation")
			}
			seen[name] = true
		}
	}
}

// entryRule: fullUrl is absolute and agrees with the resource's id (https://hl7.org/fhir/R4/bundle.html#bundle-unique).
func entryRule(r *run, o object) {
	url := o.Get("fullUrl")
	if url.Kind() != tape.String || !url.Plain() {
		return
	}
	b := url.Bytes()
	if !absolute(b) {
		r.wrong(url, "value", "fullUrl must be an absolute URL or a URN")
		return
	}
	resource := o.Get("resource")
	typ, id := resource.Get("resourceType"), resource.Get("id")
	if !bytes.HasPrefix(b, []byte("http")) || id.Kind() != tape.String || o.Get("request").Get("method").Is("POST") {
		return
	}
	slash := bytes.LastIndexByte(b, '/')
	if slash < 0 || !bytes.HasSuffix(b[:slash], append([]byte{'/'}, typ.Bytes()...)) {
		return // no RESTful address
	}
	if !bytes.Equal(b[slash+1:], id.Bytes()) {
		r.warn(url, "value", "fullUrl is of another id than the resource has")
	}
}
