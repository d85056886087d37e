package fhir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/sijil-health/sijil/bulk/imports"
	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/policy"
)

// importLines begins an import (POST $import): of the lines that are the body, or of files that a Parameters resource or a manifest names (the SMART Bulk Data
// Import proposal).
func (s *Server) importLines(q *request) (*answer, error) {
	if s.Imports == nil || q.header == nil { // not in a Bundle
		return unknownPath(s, q)
	}
	if !q.prefer.async {
		return nil, fail(http.StatusBadRequest, "processing", "an import is made in the background: ask for it with the header Prefer: respond-async")
	}
	if err := q.access.May(policy.Write); err != nil { // nothing is read from who may not write
		return nil, err
	}
	address := q.base + "/" + q.path
	var id string
	var err error
	if q.stream != nil {
		if err = onlyControl(q); err == nil {
			id, err = s.Imports.Send(q.access, address, func(to io.Writer) error { return q.stream(to, s.Limits.Import) })
		}
	} else {
		var m *importManifest
		if m, err = s.readManifest(q); err == nil {
			id, err = s.Imports.Fetch(q.access, address, m.source, m.inputs)
		}
	}
	if err != nil {
		return nil, importProblem(q, err)
	}
	if err := s.Store.Took(q, q.access, policy.Write, "an import was begun"); err != nil {
		return nil, errors.Join(err, s.Imports.Drop(q.access, id))
	}
	return &answer{status: http.StatusAccepted, content: "$import/" + id + "/status", body: appendOutcome(nil,
		Issue{Severity: "information", Code: "informational", Text: "the import has begun; its status is at the address in Content-Location"})}, nil
}

// importManifest is what files are to be imported.
type importManifest struct {
	source string
	inputs []imports.Input
}

// readManifest reads a request that names files: a Parameters resource, or the JSON of the proposal.
func (s *Server) readManifest(q *request) (*importManifest, error) {
	if err := q.load(q, s.Limits.Resource, resourceNodes); err != nil {
		return nil, err
	}
	if !q.body.Get("resourceType").Exists() {
		return manifestOf(q.body.Get, q.body.Get("storageDetail"), children(q.body.Get("input")), tape.Value.Get)
	}
	q.load = func(*request, int, int) error { return nil } // it was
	in, err := readInput(q, "$import", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	single := func(name string) tape.Value {
		if p := in.find(name, false); p != nil {
			return p.value
		}
		return tape.Value{}
	}
	m, err := manifestOf(single, in.value("storageDetail"), in.values("input"), valueOfPart)
	if err == nil {
		err = in.refused()
	}
	return m, err
}

func children(array tape.Value) (list []tape.Value) {
	for v := array.First(); v.Exists(); v = v.Next() {
		list = append(list, v)
	}
	return list
}

// manifestOf reads a manifest, in whichever of its two forms: single gives its own elements, within those of an input or of storageDetail.
func manifestOf(single func(string) tape.Value, storage tape.Value, inputs []tape.Value, within func(tape.Value, string) tape.Value) (*importManifest, error) {
	if format := single("inputFormat"); !isNDJSON(format.Text()) {
		return nil, fail(http.StatusBadRequest, "value", "inputFormat is application/fhir+ndjson").at(format)
	}
	if typ := within(storage, "type").Text(); typ != "" && typ != "https" {
		return nil, fail(http.StatusBadRequest, "not-supported", "files are fetched over HTTPS alone: storageDetail.type is https").at(storage)
	}
	m := &importManifest{source: single("inputSource").Text()}
	for _, v := range inputs {
		in := imports.Input{Type: within(v, "type").Text(), URL: within(v, "url").Text()}
		if in.URL == "" || !isType(in.Type) {
			return nil, fail(http.StatusBadRequest, "required", "each input has a type, which is a resource type of FHIR R4, and a url").at(v)
		}
		m.inputs = append(m.inputs, in)
	}
	if len(m.inputs) == 0 {
		return nil, fail(http.StatusBadRequest, "required", "an import needs an input, or lines of ndjson as its body with Content-Type: application/fhir+ndjson")
	}
	return m, nil
}

// valueOfPart gives the value of a part of a parameter.
func valueOfPart(parts tape.Value, name string) tape.Value {
	for p := parts.First(); p.Exists(); p = p.Next() {
		if !p.Get("name").Is(name) {
			continue
		}
		for m := p.First(); m.Exists(); m = m.Next() {
			if strings.HasPrefix(m.Name(), "value") {
				return m
			}
		}
	}
	return tape.Value{}
}

func importProblem(q *request, err error) error {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, job.ErrBusy), errors.Is(err, imports.ErrFull):
		q.header.Set("Retry-After", "60")
		return fail(http.StatusTooManyRequests, "throttled", "as many imports as the node keeps are there already; delete one that is done, or wait")
	case errors.Is(err, imports.ErrLarge):
		return fail(http.StatusRequestEntityTooLarge, "too-long", "the lines are more than are taken at once; send them in several imports")
	case errors.Is(err, imports.ErrSource):
		return fail(http.StatusUnprocessableEntity, "forbidden", "the node fetches no files from there: its operator names in import_sources from where it does. Lines can be sent as the body")
	case errors.Is(err, imports.ErrInputs):
		return fail(http.StatusUnprocessableEntity, "too-costly", "too many files for one import")
	case errors.Is(err, job.ErrUnknown):
		return fail(http.StatusNotFound, "not-found", "there is no such import or file here; imports are kept for a day after they are complete")
	case errors.Is(err, imports.ErrRunning):
		return fail(http.StatusConflict, "processing", "the import is not complete; ask for its status")
	}
	return err
}

// importStatus tells how far an import is, or what became of it (GET $import/id/status).
func (s *Server) importStatus(q *request) (*answer, error) {
	if s.Imports == nil || q.header == nil {
		return unknownPath(s, q)
	}
	status, err := s.Imports.Status(q.access, q.job)
	if err != nil {
		return nil, importProblem(q, err)
	}
	if err := s.Store.Took(q, q.access, policy.Write, "the status of an import was asked for"); err != nil {
		return nil, err
	}
	a := &answer{status: http.StatusOK, media: plainJSON}
	switch {
	case status.Failed != nil:
		p := fail(http.StatusInternalServerError, "exception", "the import broke off; the node's log says why. What it stored stays, and it may be asked for again: what is there changes nothing")
		p.cause = status.Failed
		return nil, p
	case !status.Done:
		a.status = http.StatusAccepted
		q.header.Set("Retry-After", "1")
		q.header.Set("X-Progress", importProgress(status))
		a.body, err = json.Marshal(importSum(status))
	default:
		q.header.Set("Expires", status.Expires.UTC().Format(http.TimeFormat))
		a.body, err = importResult(q.base+"/$import/"+q.job+"/files/", status)
	}
	return a, err
}

func importProgress(s *imports.Status) string {
	sum := importSum(s)
	done := sum.Created + sum.Updated + sum.Unchanged
	if s.Size == 0 {
		return "fetching files"
	}
	return fmt.Sprintf("%d%% of pass %d, %d resources stored, %d lines refused", 100*s.Read/s.Size, s.Pass, done, sum.Refused)
}

// importCounts are what became of lines. Lines counts those that were read, Waiting among them those that wait for what they refer to.
type importCounts struct {
	Pass      int   `json:"pass"`
	Read      int64 `json:"read"` // of Size: bytes in the first pass, lines in later ones
	Size      int64 `json:"size"`
	Lines     int64 `json:"lines"`
	Created   int64 `json:"created"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Refused   int64 `json:"refused"`
}

func importSum(s *imports.Status) importCounts {
	c := importCounts{Pass: s.Pass, Read: s.Read, Size: s.Size}
	for i := range s.Inputs {
		in := &s.Inputs[i]
		c.Lines, c.Created, c.Updated = c.Lines+in.Lines, c.Created+in.Created, c.Updated+in.Updated
		c.Unchanged, c.Refused = c.Unchanged+in.Unchanged, c.Refused+in.Refused
	}
	return c
}

// importOutput is what a result says of one input.
type importOutput struct {
	Type      string         `json:"type"`
	InputURL  string         `json:"inputUrl,omitempty"`
	Count     int64          `json:"count"`
	URL       string         `json:"url,omitempty"`
	Extension map[string]any `json:"extension,omitempty"`
}

// importResult says what became of each input: in output what was stored, in error what was refused and where it is said why.
func importResult(at string, s *imports.Status) ([]byte, error) {
	outputs, faults := make([]importOutput, 0, len(s.Inputs)), []importOutput{}
	for i := range s.Inputs {
		in := &s.Inputs[i]
		outputs = append(outputs, importOutput{Type: "OperationOutcome", InputURL: in.URL, Count: in.Created + in.Updated + in.Unchanged, Extension: map[string]any{
			exportExtension + "created": in.Created, exportExtension + "updated": in.Updated, exportExtension + "unchanged": in.Unchanged,
		}})
		if in.Refused > 0 {
			fault := importOutput{Type: "OperationOutcome", InputURL: in.URL, Count: in.Refused, URL: at + imports.OutcomesName(i)}
			if in.Listed < in.Refused {
				fault.Extension = map[string]any{exportExtension + "listed": in.Listed}
			}
			if in.Listed == 0 {
				fault.URL = ""
			}
			faults = append(faults, fault)
		}
	}
	return json.Marshal(map[string]any{
		"transactionTime": s.Since.Format(instantFormat), "request": s.URL, "inputSource": s.Source, "requiresAccessToken": true,
		"output": outputs, "error": faults, "extension": map[string]any{exportExtension + "counts": importSum(s)},
	})
}

// importFile gives the file that says why lines were refused (GET $import/id/files/name).
func (s *Server) importFile(q *request) (*answer, error) {
	if s.Imports == nil || q.header == nil {
		return unknownPath(s, q)
	}
	content, closing, err := s.Imports.Outcomes(q.access, q.job, q.file)
	if err != nil {
		return nil, importProblem(q, err)
	}
	if err := s.Store.Took(q, q.access, policy.Write, "what an import refused was fetched"); err != nil {
		return nil, errors.Join(err, closing())
	}
	return &answer{status: http.StatusOK, media: "application/fhir+ndjson", file: content, closing: closing}, nil
}

// importDrop ends an import and forgets it (DELETE $import/id/status). What it has stored stays.
func (s *Server) importDrop(q *request) (*answer, error) {
	if s.Imports == nil || q.header == nil {
		return unknownPath(s, q)
	}
	if err := s.Imports.Drop(q.access, q.job); err != nil {
		return nil, importProblem(q, err)
	}
	if err := s.Store.Took(q, q.access, policy.Write, "an import was ended, or forgotten"); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusAccepted, body: appendOutcome(nil, Issue{Severity: "information", Code: "informational", Text: "the import was ended; what it had stored stays"})}, nil
}
