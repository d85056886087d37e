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
	s     *Server
	r     *http.Request
	w     http.ResponseWriter
	place *place // of the request
	buf   *bytes.Buffer
	whole bool // it was read to its end
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
	form := string(src)
	b.place.keep(0) // the answer may have to wait for room
	return form, err
}

// firstRoom is the room taken for a body before anything of it has come, in bytes.
const firstRoom = 32 << 10

// read reads the body whole. Room for it is taken as it comes, never more than twice what is there: what a client announces costs nothing.
func (b *body) read(limit int) ([]byte, error) {
	if b.r.ContentLength > int64(limit) {
		return nil, tooLong(limit)
	}
	most := int64(limit)
	if b.r.ContentLength >= 0 {
		most = b.r.ContentLength
	}
	b.buf = buffers.Get().(*bytes.Buffer)
	b.buf.Reset()
	in, started := http.MaxBytesReader(b.w, b.r.Body, int64(limit)), time.Now()
	for {
		if held := b.place.held; int64(b.buf.Len()) >= held && held < most {
			if err := b.place.hold(b.r.Context(), min(max(held, firstRoom), most-held)); err != nil {
				return nil, err
			}
		}
		b.buf.Grow(int(b.place.held) - b.buf.Len() + bytes.MinRead)
		// Whoever goes silent is given up soon, and whoever sends a byte now and then when the least speed is missed.
		last := started.Add(time.Minute + time.Duration(b.buf.Len()/slowest)*time.Second) // as in write
		b.deadline(earlier(last, time.Now().Add(b.s.Limits.Idle)))
		n, err := in.Read(b.buf.AvailableBuffer()[:int(b.place.held)-b.buf.Len()+bytes.MinRead])
		b.buf.Write(b.buf.AvailableBuffer()[:n]) // in place
		if err == io.EOF {
			// Left in place, the deadline would end the request while it is being answered.
			b.deadline(time.Time{})
			b.whole = true
			return b.buf.Bytes(), nil
		}
		if err != nil {
			return nil, broken(err, limit)
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// deadline sets when the body must have come; not every request has one.
func (b *body) deadline(at time.Time) { _ = http.NewResponseController(b.w).SetReadDeadline(at) }

// broken is what is answered to a body that did not come whole.
func broken(err error, limit int) *problem {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLong(limit)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(http.StatusBadRequest, "incomplete", "the body ended before its announced length")
	}
	p := fail(http.StatusRequestTimeout, "timeout", "the body did not arrive in time")
	p.cause = err
	return p
}

func tooLong(limit int) *problem {
	return fail(http.StatusRequestEntityTooLarge, "too-long", "the body is larger than %d bytes, the most that is taken here", limit)
}

// free gives the body back. Nothing that was read from it is used any more.
func (b *body) free() {
	if b.buf != nil && b.buf.Cap() <= maxPooled {
		buffers.Put(b.buf)
	}
	b.buf = nil
	if !b.whole && b.r.ContentLength != 0 {
		// What was not read the server reads before it answers, to use the connection again. It must not wait for ever.
		b.deadline(time.Now().Add(b.s.Limits.Idle))
	}
}
