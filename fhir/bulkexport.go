package fhir

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/bulk"
	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// exportSystem begins an export of everything (GET or POST $export; Bulk Data Access 2.0.0, section 2.5).
func (s *Server) exportSystem(q *request) (*answer, error) { return s.export(q, nil) }

// exportPatients begins one of all that belongs to patients (Patient/$export).
func (s *Server) exportPatients(q *request) (*answer, error) {
	return s.export(q, func(chart string) bool { return chart != "" })
}

// exportGroup begins one of all that belongs to the patients of a Group (Group/id/$export). They are those who are its members now.
func (s *Server) exportGroup(q *request) (*answer, error) {
	v, err := s.Store.Read(q, q.access, "Group", q.id, 0)
	if err != nil {
		return nil, err
	}
	t := tape.Get()
	defer t.Release()
	if err := t.Parse(v.Body, tape.Limits{Bytes: 2 * record.MaxSource}); err != nil {
		return nil, err
	}
	charts := make(map[string]bool)
	for m := t.Root().Get("member").First(); m.Exists(); m = m.Next() {
		ref := canonicalReference(m.Get("entity").Get("reference").Text(), q.own)
		if m.Get("inactive").Kind() != tape.True && strings.HasPrefix(ref, "Patient/") {
			charts[ref] = true
		}
	}
	return s.export(q, func(chart string) bool { return charts[chart] })
}

// export reads what is asked for and begins.
func (s *Server) export(q *request, of func(chart string) bool) (*answer, error) {
	if s.Exports == nil || q.header == nil { // not in a Bundle
		return unknownPath(s, q)
	}
	if !q.prefer.async {
		return nil, fail(http.StatusBadRequest, "processing", "an export is made in the background: ask for it with the header Prefer: respond-async")
	}
	if err := q.access.May(policy.Export); err != nil {
		return nil, err
	}
	x := exportAsked{s: s, q: q}
	if err := x.read(); err != nil {
		return nil, err
	}
	queries, err := x.queries()
	if err != nil {
		return nil, err
	}
	if len(x.patients) > 0 {
		before := of
		of = func(chart string) bool { return x.patients[chart] && (before == nil || before(chart)) }
	}
	address := q.base + "/" + q.path
	if q.query != "" {
		address += "?" + q.query
	}
	id, err := s.Exports.Start(bulk.Request{URL: address, Access: q.access, Queries: queries, Of: of})
	if errors.Is(err, job.ErrBusy) {
		q.header.Set("Retry-After", "600")
		return nil, fail(http.StatusTooManyRequests, "throttled", "as many exports as the node keeps are there already; fetch and delete one, or wait")
	}
	if err != nil {
		return nil, err
	}
	if err := s.Store.Took(q, q.access, policy.Export, "an export was begun"); err != nil {
		return nil, errors.Join(err, s.Exports.Drop(q.access, id))
	}
	return &answer{status: http.StatusAccepted, content: "$export/" + id + "/status", body: appendOutcome(nil,
		Issue{Severity: "information", Code: "informational", Text: "the export has begun; its status is at the address in Content-Location"})}, nil
}

// exportAsked is what an export shall hold, as its parameters say.
type exportAsked struct {
	s        *Server
	q        *request
	types    []string
	since    string
	filters  []string
	patients map[string]bool
}

// read takes the parameters.
func (x *exportAsked) read() error {
	in, err := readInput(x.q, "$export", x.s.Limits.Resource)
	if err != nil {
		return err
	}
	for _, format := range in.texts("_outputFormat") {
		if !isNDJSON(format) {
			return fail(http.StatusBadRequest, "value", "an export is given as application/fhir+ndjson alone")
		}
	}
	for _, typ := range strings.FieldsFunc(strings.Join(in.texts("_type"), ","), func(r rune) bool { return r == ',' }) {
		if t := definition.TypeOf(typ); t == nil || t.Kind != definition.Resource || t.Abstract {
			return fail(http.StatusBadRequest, "value", "%.60q in _type is no resource type of FHIR R4", typ)
		}
		if !slices.Contains(x.types, typ) {
			x.types = append(x.types, typ)
		}
	}
	x.since = in.once("_since")
	if _, ok := search.ParseDate(x.since); x.since != "" && !ok {
		return fail(http.StatusBadRequest, "value", "_since is a moment: YYYY-MM-DDThh:mm:ss+zz:zz")
	}
	for _, filters := range in.texts("_typeFilter") {
		x.filters = append(x.filters, strings.Split(filters, ",")...)
	}
	for _, patient := range in.references("patient") {
		id, ok := strings.CutPrefix(patient, "Patient/")
		if !ok || !isID(id) {
			return fail(http.StatusBadRequest, "value", "patient names a Patient of this server, as Patient/id")
		}
		if x.patients == nil {
			x.patients = make(map[string]bool)
		}
		x.patients[patient] = true
	}
	return in.refused()
}

// isNDJSON tells whether a format is newline-delimited JSON. A plus sign may have been read as a blank.
func isNDJSON(format string) bool {
	return slices.Contains([]string{"application/fhir+ndjson", "application/ndjson", "application/x-ndjson", "ndjson"}, strings.ReplaceAll(format, " ", "+"))
}

// queries makes one search of each type, and of each filter for it.
func (x *exportAsked) queries() ([]record.Query, error) {
	if x.types == nil {
		x.types = slices.DeleteFunc(slices.Clone(definition.ResourceTypes()), func(t string) bool { return t == "AuditEvent" || t == "Parameters" })
	}
	filters := make(map[string][]string)
	for _, f := range x.filters {
		typ, search, ok := strings.Cut(f, "?")
		if !ok || !slices.Contains(x.types, typ) {
			return nil, fail(http.StatusBadRequest, "value", "_typeFilter is Type?search, of a type that is exported")
		}
		filters[typ] = append(filters[typ], search)
	}
	var list []record.Query
	for _, typ := range x.types {
		searches := filters[typ]
		if searches == nil {
			searches = []string{""}
		}
		for _, raw := range searches {
			if x.since != "" {
				raw = strings.TrimPrefix(raw+"&_lastUpdated=gt"+url.QueryEscape(x.since), "&")
			}
			parsed, p := x.s.parseSearch(x.q, []string{typ}, raw, false)
			if p != nil {
				return nil, p
			}
			if parsed.control {
				return nil, fail(http.StatusBadRequest, "value", "_typeFilter says what is exported, not how it is given")
			}
			if filters[typ] == nil {
				parsed.query.Stale = nil // what it finds does not change with search parameters
			}
			list = append(list, parsed.query)
		}
	}
	return list, nil
}

// exportStatus tells how far an export is, or where its files are (GET $export/id/status).
func (s *Server) exportStatus(q *request) (*answer, error) {
	if s.Exports == nil || q.header == nil {
		return unknownPath(s, q)
	}
	status, err := s.Exports.Status(q.access, q.job)
	if err != nil {
		return nil, exportProblem(err)
	}
	if err := s.Store.Took(q, q.access, policy.Export, "the status of an export was asked for"); err != nil {
		return nil, err
	}
	switch {
	case status.Failed != nil:
		p := fail(http.StatusInternalServerError, "exception", "the export failed; the node's log says why. Nothing of it is kept; ask for it again")
		p.cause = status.Failed
		return nil, p
	case !status.Done:
		q.header.Set("Retry-After", "2")
		q.header.Set("X-Progress", strings.TrimSpace(strconv.Itoa(status.Resources)+" resources, now "+status.Type))
		return &answer{status: http.StatusAccepted}, nil
	}
	list, err := s.Exports.List(q.access, q.job)
	if err != nil {
		return nil, exportProblem(err)
	}
	q.header.Set("Expires", status.Expires.UTC().Format(http.TimeFormat))
	body, err := exportManifest(q.base+"/$export/"+q.job+"/files/", list)
	return &answer{status: http.StatusOK, body: body, media: plainJSON}, err
}

// exportFile gives a file of an export (GET $export/id/files/name).
func (s *Server) exportFile(q *request) (*answer, error) {
	if s.Exports == nil || q.header == nil {
		return unknownPath(s, q)
	}
	content, closing, err := s.Exports.File(q.access, q.job, q.file)
	if err != nil {
		return nil, exportProblem(err)
	}
	if err := s.Store.Took(q, q.access, policy.Export, "a file of an export was fetched"); err != nil {
		return nil, errors.Join(err, closing())
	}
	media := "application/fhir+ndjson"
	switch {
	case strings.HasSuffix(q.file, ".receipts"):
		media = "application/cbor-seq"
	case strings.HasSuffix(q.file, ".json"):
		media = plainJSON
	}
	return &answer{status: http.StatusOK, media: media, file: content, closing: closing}, nil
}

// exportDrop ends an export and removes its files (DELETE $export/id/status).
func (s *Server) exportDrop(q *request) (*answer, error) {
	if s.Exports == nil || q.header == nil {
		return unknownPath(s, q)
	}
	if err := s.Exports.Drop(q.access, q.job); err != nil {
		return nil, exportProblem(err)
	}
	if err := s.Store.Took(q, q.access, policy.Export, "an export was removed"); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusAccepted, body: appendOutcome(nil, Issue{Severity: "information", Code: "informational", Text: "the export was removed"})}, nil
}

func exportProblem(err error) error {
	switch {
	case errors.Is(err, job.ErrUnknown):
		return fail(http.StatusNotFound, "not-found", "there is no such export or file here; exports end with the node's process, and a day after they are complete")
	case errors.Is(err, bulk.ErrRunning):
		return fail(http.StatusConflict, "processing", "the export is not complete; ask for its status")
	}
	return err
}
