package fhir

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"sync"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
)

// body is the body of an HTTP request, while it is worked on.
type body struct {
	s    *Server
	r    *http.Request
	w    http.ResponseWriter
	buf  *bytes.Buffer
	held func() // gives its bytes back to admission
}

// maxPooled is the greatest capacity of a buffer that is kept for reuse.
const maxPooled = 1 << 20

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// load reads and parses the body into q.
func (b *body) load(q *request, limit, nodes int) error {
	if err := isBody(b.r); err != nil {
		return err
	}
	src, err := b.read(limit)
	if err != nil {
		return err
	}
	q.tape = tape.Get()
	if err := q.tape.Parse(src, tape.Limits{Bytes: limit, Depth: b.s.Limits.Depth, Nodes: nodes}); err != nil {
		return parseProblem(err)
	}
	q.body = q.tape.Root()
	return nil
}

// maxForm bounds a search sent as a form, in bytes.
const maxForm = 64 << 10

// form reads the body as application/x-www-form-urlencoded.
func (b *body) form(*request) (string, error) {
	if typ, _, err := mime.ParseMediaType(b.r.Header.Get("Content-Type")); err != nil || typ != "application/x-www-form-urlencoded" {
		if b.r.ContentLength == 0 {
			return "", nil // all parameters are in the address
		}
		return "", fail(http.StatusUnsupportedMediaType, "not-supported", "send the search as Content-Type: application/x-www-form-urlencoded")
	}
	if err := isUTF8(b.r); err != nil {
		return "", err
	}
	src, err := b.read(maxForm)
	return string(src), err
}

// read reads the body whole. Room for it is taken before the first byte: as much as it announces, or as it may be.
func (b *body) read(limit int) ([]byte, error) {
	size := b.r.ContentLength
	if size > int64(limit) {
		return nil, tooLong(limit)
	}
	if size < 0 {
		size = int64(limit)
	}
	var err error
	if b.held, err = b.s.admission.hold(b.r.Context(), size); err != nil {
		return nil, err
	}
	control := http.NewResponseController(b.w)
	_ = control.SetReadDeadline(time.Now().Add(time.Minute + time.Duration(size/slowest)*time.Second)) // as in write
	b.buf = buffers.Get().(*bytes.Buffer)
	b.buf.Reset()
	if b.r.ContentLength > 0 {
		b.buf.Grow(int(b.r.ContentLength) + bytes.MinRead)
	}
	_, err = b.buf.ReadFrom(http.MaxBytesReader(b.w, b.r.Body, int64(limit)))
	if err == nil {
		// Left in place, the deadline would end the request while it is being answered.
		_ = control.SetReadDeadline(time.Time{})
		return b.buf.Bytes(), nil
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, tooLong(limit)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fail(http.StatusBadRequest, "incomplete", "the body ended before its announced length")
	}
	p := fail(http.StatusRequestTimeout, "timeout", "the body did not arrive in time")
	p.cause = err
	return nil, p
}

func tooLong(limit int) *problem {
	return fail(http.StatusRequestEntityTooLarge, "too-long", "the body is larger than %d bytes, the most that is taken here", limit)
}

func (b *body) free() {
	if b.buf != nil && b.buf.Cap() <= maxPooled {
		buffers.Put(b.buf)
	}
	b.buf = nil
	if b.held != nil {
		b.held()
	}
}
