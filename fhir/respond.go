package fhir

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Content types of answers.
const (
	fhirJSON  = "application/fhir+json; charset=utf-8"
	fhirXML   = "application/fhir+xml; charset=utf-8"
	plainJSON = "application/json"
)

func formatUint(n uint64) string { return strconv.FormatUint(n, 10) }

// respond writes an answer. A write waits for its block first, and says whether it came.
func (s *Server) respond(q *request, r *http.Request, w http.ResponseWriter, a *answer) {
	h := q.header
	if a.commit != nil {
		a.ack = s.await(q, a.commit)
	}
	if a.ack != "" {
		h.Set("Sijil-Ack", a.ack)
	}
	validators(h, a.version, a.updated)
	if a.location != "" {
		h.Set("Location", q.base+"/"+a.location)
	}
	if a.content != "" {
		h.Set("Content-Location", q.base+"/"+a.content)
	}
	if a.media != "" {
		h.Set("Content-Type", a.media)
	}
	if a.file != nil {
		s.writeFile(q, r, w, a)
		return
	}
	s.write(q, r, w, a.status, a.body)
}

// writeFile sends what need not fit into memory, or the part of it that a Range header asks for.
func (s *Server) writeFile(q *request, r *http.Request, w http.ResponseWriter, a *answer) {
	defer func() {
		if err := a.closing(); err != nil {
			s.Log.Error("a file could not be closed", "err", err)
		}
	}()
	q.header.Set("Cache-Control", "no-store")
	q.header.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(paced{w}, r, "", time.Time{}, a.file)
}

// paced bounds the time for each write, not for all of them together.
type paced struct{ http.ResponseWriter }

func (p paced) Write(b []byte) (int, error) {
	deadline := time.Now().Add(time.Minute + time.Duration(len(b)/slowest)*time.Second)
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(deadline) // not every writer has deadlines
	return p.ResponseWriter.Write(b)
}

// validators sets the headers by which a version is told from others; a zero value is not known.
func validators(h http.Header, version uint64, updated time.Time) {
	if version > 0 {
		h.Set("ETag", etag(version))
	}
	if !updated.IsZero() {
		h.Set("Last-Modified", updated.UTC().Format(http.TimeFormat))
	}
}

// etag is the weak entity tag of a version.
func etag(version uint64) string { return `W/"` + formatUint(version) + `"` }

// write sends status and body. The time for it is bounded: a client that stops reading must not hold the answer for ever.
func (s *Server) write(q *request, r *http.Request, w http.ResponseWriter, status int, body []byte) {
	h := q.header
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	deadline := time.Now().Add(time.Minute + time.Duration(len(body)/slowest)*time.Second)
	_ = http.NewResponseController(w).SetWriteDeadline(deadline) // not every writer has deadlines
	if body == nil {
		w.WriteHeader(status)
		return
	}
	if xml, _ := wantsXML(r); xml && h.Get("Content-Type") == "" {
		status, body = inXML(r, status, body)
		h.Set("Content-Type", fhirXML)
	} else if typ := h.Get("Content-Type"); len(body) < maxPretty && (typ == "" || typ == plainJSON) && pretty(r.URL.RawQuery) {
		var b bytes.Buffer
		if json.Indent(&b, body, "", "  ") == nil { // what cannot be indented is sent as it is
			body = b.Bytes()
		}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", fhirJSON)
	}
	q.place.keep(len(body))
	h.Add("Vary", "Accept-Encoding")
	if len(body) >= minEncoded && r.Method != http.MethodHead {
		if coding := answerCoding(r); coding != "" {
			h.Set("Content-Encoding", coding)
			w.WriteHeader(status)
			_ = encode(w, coding, body) // as below
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone; its entry stands
}

// slowest is the least speed at which a body must come or go, in bytes a second.
const slowest = 32 << 10

// maxPretty bounds, in bytes, what is indented: deeply nested values become many times as long by it. What is longer is sent as it is.
const maxPretty = 256 << 10

// pretty tells whether the answer is to be indented for people.
func pretty(query string) bool {
	values, _ := url.ParseQuery(query)
	return values.Get("_pretty") == "true"
}
