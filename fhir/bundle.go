package fhir

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/validation"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// bundle takes a Bundle of interactions (POST to the base): a transaction, all or nothing, or a batch, each for itself.
func (s *Server) bundle(q *request) (*answer, error) {
	q.typ = ""
	limit := s.Limits.Bundle
	if q.access.May(policy.Write) != nil { // it can only ask, which takes few bytes
		limit = min(limit, s.Limits.Resource)
	}
	if err := q.load(q, limit, bundleNodes); err != nil {
		return nil, err
	}
	root := q.body
	if !root.Get("resourceType").Is("Bundle") {
		return nil, fail(http.StatusBadRequest, "invalid", "the base takes Bundles; send any other resource to the address of its type").on(root, "resourceType")
	}
	if p := refused(s.validator.Bundle(root)); p != nil {
		return nil, p
	}
	typ := root.Get("type")
	if !typ.Is("transaction") && !typ.Is("batch") {
		return nil, fail(http.StatusBadRequest, "value", "the base takes Bundles of type transaction or batch; store any other with POST Bundle").on(root, "type")
	}
	if typ.Is("batch") && s.defers(q) {
		act := policy.Write
		for _, less := range []policy.Action{policy.Search, policy.Audit} { // it is asked of each entry by itself
			if q.access.May(act) != nil {
				act = less
			}
		}
		return s.later(q, act, (*Server).bundle)
	}
	q.Context = q.place.opening(q.Context, true) // of its entries
	list, p := s.entries(q, root.Get("entry"))
	if p != nil {
		return nil, p
	}
	q.access.Detail = fmt.Sprintf("POST / (%s of %d entries)", typ.Text(), len(list))
	if len(list) == 0 { // no entry of it leaves one
		if err := s.Store.Refuse(q, q.access, nil, http.StatusOK, "nothing was asked for"); err != nil {
			return nil, err
		}
	}
	if typ.Is("batch") {
		return s.batch(q, list)
	}
	a, err := s.transaction(q, list)
	if err != nil {
		q.refusedFor(list)
	}
	return a, err
}

// refusedFor takes over what the entries of a refused transaction are about, and as much of what they asked for as an entry of the record holds.
func (q *request) refusedFor(list []entry) {
	q.named = []string{}
	for i := range list {
		e := &list[i]
		if len(q.access.Within) < MaxDetail/2 {
			q.access.Within = clip(strings.TrimPrefix(q.access.Within+", "+e.access.Detail, ", "))
		}
		if e.method == http.MethodPost || (e.method == http.MethodPut || e.method == http.MethodPatch) && e.query != "" {
			e.id = "" // made up for it, or found by its condition
		}
		q.named = append(q.named, e.about()...)
	}
}

// entry is one entry of a transaction or batch.
type entry struct {
	request             // the interaction it asks for
	at       tape.Value // the entry
	fullURL  string
	urlBase  string // of fullURL, if it ends in Type/id
	do       interaction
	form     bool          // it asks, though it is sent with POST: a search, or $validate
	history  bool          // asks for all versions
	resource *resource     // of POST and PUT of a resource
	refers   []condition   // its conditional references
	bad      *problem      // what is wrong with it; in a transaction that refuses all
	ref      string        // "Type/id" of what it writes
	op       record.Op     // by which a transaction stores it
	heads    []record.Head // what its criteria match, of a conditional update or delete in a transaction
	answer   *answer
}

// entries reads the entries, their order kept. What is wrong with a single one is left in it, for the kind of Bundle to decide.
func (s *Server) entries(q *request, array tape.Value) ([]entry, *problem) {
	if !array.Exists() {
		return nil, nil
	}
	if array.Kind() != tape.Array {
		return nil, fail(http.StatusBadRequest, "structure", "entry must be an array, not %s", array.Kind()).at(array)
	}
	if array.Len() > s.Limits.Entries {
		return nil, fail(http.StatusRequestEntityTooLarge, "too-costly", "the Bundle has %d entries; at most %d are taken at once", array.Len(), s.Limits.Entries).at(array)
	}
	list := make([]entry, array.Len())
	i, beside := 0, new(validation.Siblings)
	for v := array.First(); v.Exists(); v = v.Next() {
		e := &list[i]
		e.request = request{bundled: true, Context: q.Context, access: q.access, base: q.base, own: q.own, prefer: q.prefer, header: http.Header{}, places: q.places}
		e.at = v
		e.bad = e.read(s, beside)
		i++
	}
	return list, nil
}

// read takes an entry apart.
func (e *entry) read(s *Server, beside *validation.Siblings) *problem {
	if e.at.Kind() != tape.Object {
		return fail(http.StatusBadRequest, "structure", "an entry is an object, this is %s", e.at.Kind()).at(e.at)
	}
	if p := refused(s.validator.Entry(e.at)); p != nil { // a condition that is misspelt or empty must not be taken for none
		return p
	}
	for _, field := range []struct {
		name string
		to   *string
	}{{"method", &e.method}, {"url", &e.query}, {"ifNoneExist", &e.ifNoneExist}, {"ifMatch", &e.ifMatch}, {"ifNoneMatch", &e.ifNoneMatch}, {"ifModifiedSince", &e.ifModifiedSince}} {
		v := e.at.Get("request").Get(field.name)
		if v.Exists() && v.Kind() != tape.String {
			return fail(http.StatusBadRequest, "structure", "%s must be a string, not %s", field.name, v.Kind()).at(v)
		}
		*field.to = v.Text()
	}
	if e.ifModifiedSince != "" { // an instant here, an HTTP date in the header
		if at, ok := search.ParseDate(e.ifModifiedSince); ok {
			e.ifModifiedSince = httpDate(at.Lo)
		}
	}
	if full := e.at.Get("fullUrl"); full.Exists() {
		if full.Kind() != tape.String || parseReference(full.Text()).form != absolute {
			return fail(http.StatusBadRequest, "value", "fullUrl must be an absolute URL, such as urn:uuid:…").at(full)
		}
		e.fullURL = full.Text()
		e.urlBase, _ = restful(e.fullURL)
	}
	if e.method == "" || e.query == "" {
		return fail(http.StatusBadRequest, "required", "each entry needs request.method and request.url").on(e.at, "request")
	}
	if p := e.address(s); p != nil {
		return p
	}
	return e.payload(s, beside)
}

// address reads request.url: what it names and which interaction that is.
func (e *entry) address(s *Server) *problem {
	at := e.at.Get("request").Get("url")
	path, query, _ := strings.Cut(strings.TrimPrefix(e.query, e.own+"/"), "?")
	e.access.Detail = detail(e.method, path, query)
	e.query = query
	e.path = strings.Trim(path, "/")
	parts := strings.Split(e.path, "/")
	for i, part := range parts {
		parts[i], _ = url.PathUnescape(part) // what is malformed names nothing
	}
	if e.typ = parts[0]; e.typ == "_history" || e.typ == "_search" || e.typ == "" && query != "" { // of everything, or of several types
		e.typ = ""
	} else if !isType(e.typ) {
		return fail(http.StatusBadRequest, "not-supported", "request.url must begin with a resource type of FHIR R4").at(at)
	}
	e.ifNoneExist = e.criteria(e.ifNoneExist)
	r, p := s.routeOf(e.method, parts)
	if p != nil {
		return p.at(at)
	}
	checks := r.method == http.MethodPost && r.says == "$validate"
	if checks {
		e.load, e.empty = e.asked, !e.at.Get("resource").Exists()
	}
	e.do, e.form, e.history = r.do, checks || strings.HasSuffix(r.path, "/_search"), strings.HasSuffix(r.path, "/_history")
	if len(parts) > 1 && strings.Contains(r.path, "/{id}") {
		if e.id = parts[1]; !isID(e.id) {
			return fail(http.StatusBadRequest, "value", "request.url holds no valid id").at(at)
		}
	}
	if strings.Contains(r.path, "/{within}") {
		e.part = parts[2]
	}
	if strings.Contains(r.path, "/{version}") {
		if e.version, _ = strconv.ParseUint(parts[3], 10, 64); e.version == 0 {
			return fail(http.StatusBadRequest, "value", "versions are numbered from 1").at(at)
		}
	}
	if e.writesByID() && e.query != "" {
		return fail(http.StatusBadRequest, "value", "an address with an id takes no criteria").at(at)
	}
	return e.conditional()
}

// asked gives an operation the resource of the entry as the body that it would have by itself.
func (e *entry) asked(q *request, limit, _ int) error {
	if q.body = e.at.Get("resource"); q.body.End()-q.body.Start() > limit {
		return tooLong(limit).at(q.body)
	}
	return nil
}

// conditional refuses a condition that belongs to another method: what is asked on a condition must not be done without it.
func (e *entry) conditional() *problem {
	put, get := e.method == http.MethodPut, e.method == http.MethodGet
	for _, c := range []struct {
		name, value string
		fits        bool
	}{
		{"ifNoneExist", e.ifNoneExist, e.method == http.MethodPost && !e.form},
		{"ifMatch", e.ifMatch, put || e.method == http.MethodDelete || e.method == http.MethodPatch},
		{"ifNoneMatch", e.ifNoneMatch, put || get},
		{"ifModifiedSince", e.ifModifiedSince, get},
	} {
		if c.value != "" && !c.fits {
			return fail(http.StatusBadRequest, "not-supported", "%s is no condition of %s", c.name, e.method).at(e.at.Get("request").Get(c.name))
		}
	}
	return nil
}

// routeOf finds the interaction of an entry in the tables by which HTTP requests are routed.
func (s *Server) routeOf(method string, parts []string) (*route, *problem) {
	table := s.tableOf(parts[0])
	for i := range table {
		if r := &table[i]; r.method == method && r.bundled() && r.fits(parts) {
			return r, nil
		}
	}
	return nil, fail(http.StatusMethodNotAllowed, "not-supported", "this method and address are no interaction that is supported in a Bundle")
}

// bundled tells whether an interaction can be asked for by an entry of a Bundle: what gives something else than a resource cannot,
// nor an operation whose parameters are a resource, but for $validate.
func (r *route) bundled() bool {
	if r.method == http.MethodPost && strings.HasPrefix(r.says, "$") {
		return r.says == "$validate"
	}
	return strings.HasPrefix(r.path, "/") && (r.path != "/{$}" || r.method == http.MethodGet) && r.says != "" && r.says != "$receipt"
}

// fits tells whether a path of segments is the route's. The first part was found to be a type.
func (r *route) fits(parts []string) bool {
	rest := strings.TrimSuffix(r.path[1:], "{$}")
	for i, part := range parts {
		segment, after, _ := strings.Cut(rest, "/")
		wild := strings.HasPrefix(segment, "{") && part != "" && (part != "_search" && part != "_history")
		if segment != part && !wild || segment == "" && i > 0 {
			return false
		}
		rest = after
	}
	return rest == ""
}

// writesByID tells whether the entry replaces, patches or deletes the resource that its address names.
func (e *entry) writesByID() bool {
	return e.id != "" && (e.method == http.MethodPut || e.method == http.MethodDelete || e.method == http.MethodPatch)
}

// writes tells whether the entry stores a resource.
func (e *entry) writes() bool {
	return e.do != nil && (e.method == http.MethodPut || e.method == http.MethodPatch || e.method == http.MethodPost && !e.form)
}

// payload checks the resource of a POST or PUT.
func (e *entry) payload(s *Server, beside *validation.Siblings) *problem {
	if !e.writes() {
		return nil
	}
	body := e.at.Get("resource")
	if !body.Exists() {
		return fail(http.StatusBadRequest, "required", "%s needs a resource", e.method).on(e.at, "resource")
	}
	if e.method == http.MethodPatch {
		e.patching = func(*request) (*patching, error) { return e.patchOf(s.Limits) }
		return nil
	}
	if limit := s.Limits.of(e.typ); body.End()-body.Start() > limit {
		return fail(http.StatusRequestEntityTooLarge, "too-long", "the resource is larger than %d bytes, the most that is stored as one", limit).at(body)
	}
	r, p := s.inspect(body, beside)
	if p != nil {
		return p
	}
	r.places = e.places
	if r.typ != e.typ {
		return fail(http.StatusBadRequest, "invalid", "resourceType is not the type that request.url names").at(body.Get("resourceType"))
	}
	if e.writesByID() && r.id != e.id {
		return fail(http.StatusBadRequest, "value", "the resource must carry the id that request.url names").on(body, "id")
	}
	e.resource, e.body, e.refers = r, body, conditionsOf(nil, r)
	return nil
}
