package fhir

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"

	"github.com/sijil-health/sijil/fhir/patch"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/xml"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// acceptPatch are the media types of patches (RFC 5789, section 3.1).
const acceptPatch = "application/json-patch+json, application/fhir+json, application/xml-patch+xml, application/fhir+xml"

// patching is a patch, read, to be applied to a version of a resource.
type patching struct {
	patch.Patch
	tape *tape.Tape // what it stands on; nil where that is not its own
}

func (p *patching) release() {
	if p.tape != nil {
		p.tape.Release()
	}
}

// patchReader reads a patch that may make a resource of up to limit bytes.
type patchReader func(src []byte, limit int) (*patching, error)

// readerOf gives what reads patches of a media type; nil for none.
func readerOf(contentType string) patchReader {
	typ, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
	case typ == "application/json-patch+json":
		return onTape(patch.ReadJSON)
	case typ == "application/xml-patch+xml":
		return xmlPatch
	case isJSON(contentType):
		return onTape(patch.ReadFHIRPath)
	case typ == "application/fhir+xml" && isXML(contentType):
		return parametersInXML
	case isXML(contentType):
		return func(src []byte, limit int) (*patching, error) {
			if p, err := parametersInXML(src, limit); err == nil {
				return p, nil
			}
			return xmlPatch(src, limit) // by a name that is too wide
		}
	}
	return nil
}

func notPatch() *problem {
	return fail(http.StatusUnsupportedMediaType, "not-supported", "a patch is sent as one of %s", acceptPatch)
}

func xmlPatch(src []byte, limit int) (*patching, error) {
	p, err := patch.ReadXML(src, patch.Limits{Bytes: limit})
	return &patching{Patch: p}, patchProblem(err)
}

func parametersInXML(src []byte, limit int) (*patching, error) {
	json, _, err := xml.ToJSON(src, xml.Limits{})
	if err != nil {
		return nil, xmlProblem(err)
	}
	return onTape(patch.ReadFHIRPath)(json, limit)
}

// onTape makes a reader of one that reads JSON.
func onTape(read func(tape.Value, patch.Limits) (patch.Patch, error)) patchReader {
	return func(src []byte, limit int) (*patching, error) {
		t := tape.Get()
		if err := t.Parse(src, tape.Limits{Bytes: len(src), Nodes: resourceNodes}); err != nil {
			t.Release()
			return nil, parseProblem(err)
		}
		p, err := read(t.Root(), patch.Limits{Bytes: limit})
		if err != nil {
			t.Release()
			return nil, patchProblem(err)
		}
		return &patching{p, t}, nil
	}
}

// patch makes the next version of the resource that the address names, or of the only one that criteria match, by applying a patch to the
// current one (PATCH Type/id, PATCH Type?…; FHIR R4, 3.1.0.6). Whoever patches learns what is there: it is read, with an entry that says so.
func (s *Server) patch(q *request) (*answer, error) {
	if q.id == "" && q.query == "" {
		return notAllowed("GET", "HEAD", "POST")(s, q)
	}
	if err := q.access.May(policy.Write); err != nil { // nothing is read from who may not write
		return nil, err
	}
	p, err := q.patching(q)
	if err != nil {
		return nil, err
	}
	defer p.release()
	for range attempts {
		id, version, err := s.patched(q)
		if err != nil {
			return nil, err
		}
		t := tape.Get()
		r, version, err := s.applied(q, p, id, version, t)
		if err != nil {
			t.Release()
			return nil, err
		}
		a, err := s.store(q, r, record.OpUpdate, id, version)
		t.Release()
		if !overtaken(err) || pinned(q.ifMatch) {
			return a, err
		}
	}
	return nil, contended()
}

// patched finds the resource that is to be patched, and the version that If-Match names, or that criteria matched.
func (s *Server) patched(q *request) (id string, version uint64, err error) {
	if q.id != "" {
		version, err = s.ifVersion(q, q.ifMatch, tape.Value{})
		return q.id, version, err
	}
	heads, err := s.matching(q, condition{text: q.typ + "?" + oneSpelling(q.query)})
	if err != nil {
		return "", 0, err
	}
	return onlyMatch(q, heads)
}

// onlyMatch gives the resource that the criteria of a patch match: there must be one.
func onlyMatch(q *request, heads []record.Head) (id string, version uint64, err error) {
	switch len(heads) {
	case 0:
		return "", 0, fail(http.StatusNotFound, "not-found", "nothing matches the criteria of the patch")
	case 1:
		version, err = matchedVersion(q.ifMatch, heads, heads[0].Version)
		return heads[0].ID, version, err
	}
	return "", 0, severalMatch("the criteria of the patch")
}

// applied gives the resource that a patch makes of the current version, on t, and that version's number. version is the one that it must be;
// 0 for any.
func (s *Server) applied(q *request, p *patching, id string, version uint64, t *tape.Tape) (*resource, uint64, error) {
	now, err := s.Store.Read(q, q.access, q.typ, id, 0)
	if err != nil {
		return nil, 0, err
	}
	if version > 0 && version != record.AnyVersion && now.Version != version {
		return nil, 0, record.ErrConflict
	}
	limit := s.Limits.of(q.typ)
	changed, err := p.Apply(now.Body)
	if err != nil {
		return nil, 0, patchProblem(err)
	}
	if err := t.Parse(changed, tape.Limits{Bytes: limit, Depth: s.Limits.Depth, Nodes: bundleNodes}); err != nil {
		return nil, 0, ofPatch(parseProblem(err))
	}
	r, bad := s.inspect(t.Root(), nil)
	switch {
	case bad != nil:
		return nil, 0, ofPatch(bad)
	case r.typ != q.typ:
		return nil, 0, fail(http.StatusUnprocessableEntity, "value", "the patch changes the type of the resource")
	case r.id != id:
		return nil, 0, fail(http.StatusUnprocessableEntity, "value", "the patch changes the id of the resource")
	}
	return r, now.Version, nil
}

// ofPatch makes of what is wrong with a resource what is wrong with the patch that led to it. Nobody but the gate has seen the resource: where
// in it something stands says nothing.
func ofPatch(p *problem) *problem {
	if p.status == http.StatusBadRequest {
		p.status = http.StatusUnprocessableEntity
	}
	for i := range p.issues {
		p.issues[i].Text = "the patch makes no valid resource: " + p.issues[i].Text
		p.issues[i].Position = tape.Position{}
	}
	return p
}

// patchProblem is what is answered to a patch that is not applied (RFC 5789, section 2.2): 400 where it is malformed, 409 where the resource is
// not as it tests for, 422 where it cannot be applied.
func patchProblem(err error) error {
	var e *patch.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case patch.Malformed:
		return fail(http.StatusBadRequest, "invalid", "the patch is malformed: %s", e.Error())
	case patch.TestFailed:
		return fail(http.StatusConflict, "conflict", "the patch was not applied: %s", e.Error())
	case patch.TooCostly:
		return fail(http.StatusRequestEntityTooLarge, "too-costly", "the patch was not applied: %s", e.Error())
	}
	return fail(http.StatusUnprocessableEntity, "processing", "the patch was not applied: %s", e.Error())
}

// patch reads the body as a patch.
func (b *body) patch(q *request) (*patching, error) {
	if err := isUTF8(b.r); err != nil {
		return nil, err
	}
	read := readerOf(b.r.Header.Get("Content-Type"))
	if read == nil {
		q.header.Set("Accept-Patch", acceptPatch)
		return nil, notPatch()
	}
	src, err := b.read(b.s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	return read(src, b.s.Limits.of(q.typ))
}

// patchOf reads the patch of an entry: a Binary that holds it, or Parameters (FHIR R4, 3.1.0.11.1).
func (e *entry) patchOf(l Limits) (*patching, error) {
	v := e.at.Get("resource")
	src, typ := v.Raw(), "application/fhir+json"
	switch {
	case v.Get("resourceType").Is("Binary"):
		var err error
		if src, err = base64.StdEncoding.DecodeString(v.Get("data").Text()); err != nil {
			return nil, fail(http.StatusBadRequest, "value", "data is no base64").at(v.Get("data"))
		}
		typ = v.Get("contentType").Text()
	case !v.Get("resourceType").Is("Parameters"):
		return nil, fail(http.StatusBadRequest, "required", "PATCH needs a Binary with a patch in it, or Parameters").on(e.at, "resource")
	}
	if len(src) > l.Resource {
		return nil, fail(http.StatusRequestEntityTooLarge, "too-long", "the patch is larger than %d bytes", l.Resource).at(v)
	}
	read := readerOf(typ)
	if read == nil {
		return nil, notPatch().at(v.Get("contentType"))
	}
	p, err := read(src, l.of(e.typ))
	return p, placed(err, v)
}

// entryPatch is what a PATCH of a transaction stores.
func (s *Server) entryPatch(q *request, e *entry, v *resolver) ([]record.Change, error) {
	url := e.at.Get("request").Get("url")
	id := e.id
	var version uint64
	var err error
	if e.id == "" {
		id, version, err = onlyMatch(&e.request, e.heads)
	} else {
		version, err = s.ifVersion(&e.request, e.ifMatch, e.at.Get("request").Get("ifMatch"))
	}
	if err != nil {
		return nil, placed(err, url)
	}
	p, err := e.patching(&e.request)
	if err != nil {
		return nil, placed(err, e.at.Get("resource"))
	}
	defer p.release()
	r, version, err := s.applied(&e.request, p, id, version, new(tape.Tape)) // which holds until all is stored
	if err != nil {
		return nil, placed(err, url)
	}
	if list := conditionsOf(nil, r); len(list) > 0 {
		found, err := s.match(q, list)
		if err != nil {
			return nil, err
		}
		if p := only(list, found, v.found); p != nil {
			return nil, p.at(url)
		}
	}
	change, err := s.changeOf(q, r, record.OpUpdate, id, v, e.urlBase)
	change.IfVersion, e.chart, e.id, e.resource = version, change.Chart, id, r
	return []record.Change{change}, err
}
