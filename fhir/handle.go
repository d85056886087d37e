package fhir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/record"
)

// handle makes an HTTP handler of an interaction: who asks, may it begin, what is asked for, and then the answer.
func (s *Server) handle(do interaction) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := s.requestOf(r, w.Header())
		q.sent = r
		defer func() { q.place.leave() }() // once the answer is written
		a, err := s.answer(q, r, do, w)
		if err != nil {
			s.fail(q, r, w, problemOf(err))
			return
		}
		q.place.keep(len(a.body))
		s.respond(q, r, w, a)
	}
}

// requestOf reads what address and headers of an HTTP request say.
func (s *Server) requestOf(r *http.Request, answer http.Header) *request {
	q := &request{
		Context: r.Context(), base: s.baseOf(r), own: s.Base, method: r.Method, query: r.URL.RawQuery, header: answer, empty: r.ContentLength == 0,
		typ: r.PathValue("type"), id: r.PathValue("id"), part: r.PathValue("within"), job: r.PathValue("job"), file: r.PathValue("file"), path: s.below(r), prefer: parsePrefer(r.Header.Values("Prefer")),
		ifMatch: r.Header.Get("If-Match"), ifNoneMatch: r.Header.Get("If-None-Match"),
		ifModifiedSince: r.Header.Get("If-Modified-Since"), ifNoneExist: r.Header.Get("If-None-Exist"),
		language: r.Header.Get("Accept-Language"),
	}
	q.ifNoneExist = q.criteria(q.ifNoneExist)
	if q.typ == "" {
		q.named = namedBy(s.below(r))
	}
	return q
}

// reads lets a request that has its place read its body, in whichever way it is wanted.
func (q *request) reads(b *body) {
	b.place = q.place
	q.Context = q.place.opening(b.r.Context(), false)
	if q.load, q.patching, q.copy = b.load, b.patch, b.copy; b.r.Method == http.MethodPost {
		q.form = b.form
	}
	if typ, _, err := mime.ParseMediaType(b.r.Header.Get("Content-Type")); err == nil && isNDJSON(typ) {
		q.stream = b.stream
	}
}

func (q *request) release() {
	if q.tape != nil {
		q.tape.Release()
		q.tape = nil
	}
}

func (s *Server) answer(q *request, r *http.Request, do interaction, w http.ResponseWriter) (*answer, error) {
	b := &body{s: s, r: r, w: w}
	defer b.free()
	defer q.release()
	var err error
	q.access, err = s.Auth.Authorize(r)
	if q.access.Request == [16]byte{} {
		_, _ = rand.Read(q.access.Request[:]) // never fails, see crypto/rand
	}
	q.access.Detail = detail(r.Method, s.below(r), r.URL.RawQuery)
	q.header.Set("X-Request-Id", hex.EncodeToString(q.access.Request[:]))
	if err != nil {
		return nil, err
	}
	if s.rawRead(q, r) {
		q.raw = r // the content's type says what is acceptable
	} else if q.job != "" {
		// what a job has is of types of its own
	} else if err := acceptable(r); err != nil {
		return nil, err
	}
	if err := oneCondition(r); err != nil {
		return nil, err
	}
	if err := q.address(r); err != nil {
		return nil, err
	}
	if q.place, err = s.admission.enter(r.Context(), q.access.Actor); err != nil {
		return nil, err
	}
	q.reads(b)
	return do(s, q)
}

// below is the path of a request below the base, or as it is where that is elsewhere.
func (s *Server) below(r *http.Request) string {
	if r.URL.Path == s.Prefix {
		return ""
	}
	path, ok := strings.CutPrefix(r.URL.Path, s.Prefix+"/")
	if !ok {
		return r.URL.Path
	}
	return path
}

// address checks what the path names.
func (q *request) address(r *http.Request) error {
	if len(q.query) > maxQuery {
		return fail(http.StatusRequestURITooLong, "too-long", "the query is longer than %d bytes; use POST %s/_search", maxQuery, q.typ)
	}
	if q.typ != "" && !isType(q.typ) {
		return fail(http.StatusNotFound, "not-supported", "the first part of the address is no resource type of FHIR R4")
	}
	if q.id != "" && !isID(q.id) {
		return fail(http.StatusNotFound, "not-supported", "the address is neither an operation nor a valid id; GET metadata lists what there is")
	}
	if v := r.PathValue("version"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil || n == 0 {
			return fail(http.StatusNotFound, "not-found", "versions are numbered from 1")
		}
		q.version = n
	}
	return nil
}

// baseOf is the URL that links begin with. Where the server's own is not known, the client's Host header is echoed to that client; nothing
// that is stored, sealed or searched may depend on it.
func (s *Server) baseOf(r *http.Request) string {
	if s.Base != "" {
		return s.Base
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host + s.Prefix
}

// leaveRefusal leaves the entry of a request that is refused.
func (s *Server) leaveRefusal(q *request, p *problem) {
	if p.cause != nil && p.status >= http.StatusInternalServerError {
		s.Log.Error("request failed", "request", hex.EncodeToString(q.access.Request[:]), "status", p.status, "err", p.cause)
	}
	switch {
	case errors.Is(p, ErrUnauthenticated):
		q.header.Set("WWW-Authenticate", `Bearer realm="sijil"`)
		if s.strangers.admit() {
			q.refuse(s, p)
		}
	case errors.Is(p, record.ErrUnavailable) || p.issues[0].Code == "throttled":
		if q.header.Get("Retry-After") == "" {
			q.header.Set("Retry-After", "2")
		}
		// nothing can be recorded, or is to be: no entry for what was not begun
	default:
		if p.status == http.StatusServiceUnavailable {
			q.header.Set("Retry-After", "2")
		}
		q.refuse(s, p)
	}
}

// fail answers a request that is refused, after its entry has been left.
func (s *Server) fail(q *request, r *http.Request, w http.ResponseWriter, p *problem) {
	s.leaveRefusal(q, p)
	if gone := (*record.GoneError)(nil); errors.As(p, &gone) {
		validators(q.header, gone.Version, gone.Updated)
	}
	if p.status == http.StatusUnsupportedMediaType { // RFC 9110, 15.5.16
		q.header.Set("Accept-Encoding", strings.Join(contentCodings, ", "))
	}
	if p.status == http.StatusRequestEntityTooLarge {
		q.header.Set("Connection", "close") // the rest of the body is not read
	}
	s.write(q, r, w, p.status, appendOutcome(nil, p.issues...))
}
