package fhir

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/fhir/xml"
	"github.com/sijil-health/sijil/record"
)

// request is one interaction asked for, by HTTP or by an entry of a Bundle.
type request struct {
	context.Context
	access  record.Access
	place   *place // nil until the request is admitted, and for an entry of a Bundle, which has the Bundle's
	base    string // the URL that links begin with, without a slash at its end
	own     string // the URL that references to this server may begin with; "" when it is not known: then only relative ones are to it
	method  string
	typ     string
	id      string
	whole   *whole // of $everything; else nil
	job     string // in the background, and the file of it that is asked for
	file    string
	path    string // as asked, below the base
	version uint64
	query   string              // raw, of the URL or of a POSTed form
	part    string              // of the compartment that typ and id name: a type, or "*"
	within  *search.Compartment // that a search is limited to; nil for none

	body   tape.Value  // what load has read: the resource to be written, or a Bundle
	places *xml.Places // where body comes from, if it was sent in XML
	tape   *tape.Tape  // what body is on, to be released before the answer is written
	header http.Header // of the answer; nil in a Bundle

	// load reads the request's body, of at most limit bytes, into body. It is nil where body is there already.
	load func(q *request, limit, nodes int) error
	// stream copies the request's body as it comes, without its compression, at most limit bytes of it; nil where the body is not newline-delimited JSON.
	stream func(to io.Writer, limit int64) error
	// copy copies the request's body as it is without its compression, at most limit bytes of what was not read yet.
	copy func(to io.Writer, limit int64) error
	// form reads the request's body as a form; nil where the parameters are in the address alone.
	form  func(q *request) (string, error)
	empty bool // there is no body

	bundled bool // it is an entry of a Bundle

	// sent is the request itself while it is answered at once; nil in the background, and in a Bundle.
	sent *http.Request
	// raw is the request that reads a Binary, whose content alone may be the answer; nil for any other, and in a Bundle.
	raw *http.Request

	// patching reads the request's body as a patch.
	patching func(q *request) (*patching, error)

	ifMatch, ifNoneMatch, ifModifiedSince, ifNoneExist string

	prefer   preference
	language string   // Accept-Language
	chart    string   // that a write is for, once that is known
	named    []string // what the entries of a refused transaction, or an address where nothing is, are about: "Type/id"
}

// preference is the Prefer header (RFC 7240; FHIR R4, 3.1.0.1.10).
type preference struct {
	result  string // "minimal", "representation", "OperationOutcome" or ""
	lenient bool   // handling=lenient
	async   bool   // respond-async
	once    bool   // duplicates=refuse, ours
}

func parsePrefer(headers []string) (p preference) {
	for _, header := range headers {
		for item := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ',' || r == ';' }) {
			name, value, _ := strings.Cut(textproto.TrimString(item), "=")
			switch value = strings.Trim(textproto.TrimString(value), `"`); strings.ToLower(textproto.TrimString(name)) {
			case "return":
				p.result = value
			case "handling":
				p.lenient = value == "lenient"
			case "duplicates":
				p.once = value == "refuse"
			case "respond-async":
				p.async = true
			}
		}
	}
	return p
}

// criteria is the search in If-None-Exist: parameters alone (FHIR R4, 3.1.0.8.1), or the whole address, which HAPI's client sends.
func (q *request) criteria(condition string) string {
	address, search, found := strings.Cut(condition, "?")
	if found && search != "" && (address == "" || address == q.typ || q.own != "" && address == q.own+"/"+q.typ) {
		condition = search
	}
	return oneSpelling(condition)
}

// answer is what an interaction gives back.
type answer struct {
	status   int
	body     []byte // JSON; nil for none
	media    string // Content-Type of a body that is no FHIR resource; "" for one
	version  uint64 // ETag; 0 for none
	updated  time.Time
	location string // relative to the base
	content  string // Content-Location, relative to the base

	file    *io.SectionReader // in place of body: what need not fit into memory
	closing func() error      // of file

	commit *record.Commit // a write's, until its acknowledgement is known
	ack    string         // "journalled" or "anchored", of a write
}

func (q *request) refuse(s *Server, p *problem) {
	// A refusal is recorded also when the client has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.Context), 10*time.Second)
	defer cancel()
	refs := q.about()
	if errors.Is(p, ErrUnauthenticated) { // anybody may be behind it, who must not fill the chart of a patient
		refs = nil
	}
	if err := s.Store.Refuse(ctx, q.access, refs, p.status, p.issues[0].Code+": "+p.issues[0].Text); err != nil {
		s.Log.Error("a refusal could not be recorded", "request", hex.EncodeToString(q.access.Request[:]), "status", p.status, "err", err)
	}
}

// namedBy gives the resource that an address begins with, where no interaction is found at it: whoever is asked about is told all the same.
func namedBy(path string) []string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	if len(parts) < 2 || !isType(parts[0]) || !isID(parts[1]) {
		return nil
	}
	return []string{parts[0] + "/" + parts[1]}
}

// patientOf gives the reference to a patient in a body whose form may be wrong; "" where there is none.
func patientOf(root tape.Value) string {
	for _, name := range []string{"subject", "patient"} {
		if ref := root.Get(name).Get("reference"); ref.Kind() == tape.String {
			return ref.Text()
		}
	}
	return ""
}

// about names the resources that a refused request is recorded with: the one of its address or else the patient whom its body or its query
// names, so that the patient finds it; those of all its entries for a transaction.
func (q *request) about() []string {
	if q.named != nil {
		return q.named
	}
	if q.within != nil {
		return []string{q.within.Type + "/" + q.within.ID}
	}
	if q.id != "" {
		return []string{q.typ + "/" + q.id}
	}
	ref := q.chart
	if values, err := url.ParseQuery(q.query); ref == "" && err == nil {
		names := []string{"patient", "subject", "patient:Patient", "subject:Patient"}
		if q.typ == "Patient" {
			names = []string{"_id"}
		}
		for _, name := range names {
			if ref = values.Get(name); ref != "" {
				break
			}
		}
	}
	if q.own != "" {
		ref = strings.TrimPrefix(ref, q.own+"/")
	}
	if id := strings.TrimPrefix(ref, "Patient/"); isID(id) {
		return []string{"Patient/" + id}
	}
	return nil
}
