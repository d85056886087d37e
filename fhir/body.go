package fhir

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net"
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
	if q.typ == "Binary" {
		return b.loadBinary(q, limit)
	}
	if err := isBody(b.r); err != nil {
		return err
	}
	src, err := b.read(limit)
	if err != nil {
		return err
	}
	if isXML(b.r.Header.Get("Content-Type")) {
		if src, q.places, err = jsonOf(src, limit, nodes); err != nil {
			return err
		}
		limit = max(limit, len(src))
	}
	q.tape = tape.Get()
	if err := q.tape.Parse(src, tape.Limits{Bytes: limit, Depth: b.s.Limits.Depth, Nodes: nodes}); err != nil {
		return parseProblem(err)
	}
	if q.places != nil {
		q.tape.Locate(q.places.Position)
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

// firstRoom is what may come of a body before room is taken for it, in bytes: it goes with the request's place.
const firstRoom = 32 << 10

// read reads the body whole. What a client announces costs nothing until it begins to come. Then room is taken once, for all that is announced, or
// for all that may come where nothing is: if bodies took it bit by bit, each could hold a part that another waits for, and none would go on.
//
// One that is compressed is read as what comes of it, of which no length is announced.
func (b *body) read(limit int) ([]byte, error) {
	if b.r.ContentLength > int64(limit) {
		return nil, tooLong(limit)
	}
	coding, p := bodyCoding(b.r)
	if p != nil {
		return nil, p
	}
	length := b.r.ContentLength
	if coding != "" && length != 0 {
		length = -1
	}
	most := int64(limit)
	if length >= 0 {
		most = length
	}
	b.buf = buffers.Get().(*bytes.Buffer)
	b.buf.Reset()
	in, started := io.Reader(http.MaxBytesReader(b.w, b.r.Body, int64(limit))), time.Now()
	if coding != "" && length != 0 {
		b.deadline(started.Add(b.s.Limits.Idle))
		plain, err := decoded(coding, in, limit)
		if err != nil {
			return nil, broken(err, limit)
		}
		defer plain.Close()
		in = plain
	}
	room := min(firstRoom, most)
	for {
		if int64(b.buf.Len()) >= room && room < most {
			if err := b.place.hold(b.r.Context(), min(most, b.place.most)); err != nil {
				return nil, err
			}
			room = most
		}
		free := int(room) - b.buf.Len() + bytes.MinRead
		if length < 0 {
			free = min(free, max(b.buf.Len(), firstRoom)) // most likely it is far shorter
		}
		b.buf.Grow(free)
		// Whoever goes silent is given up soon, and whoever sends a byte now and then when the least speed is missed.
		last := started.Add(time.Minute + time.Duration(b.buf.Len()/slowest)*time.Second) // as in write
		b.deadline(earlier(last, time.Now().Add(b.s.Limits.Idle)))
		n, err := in.Read(b.buf.AvailableBuffer()[:free])
		b.buf.Write(b.buf.AvailableBuffer()[:n]) // in place
		if b.buf.Len() > limit {
			return nil, tooLong(limit)
		}
		if err == io.EOF {
			// Left in place, the deadline would end the request while it is being answered.
			b.deadline(time.Time{})
			if b.whole = true; room > firstRoom {
				b.place.keep(b.buf.Len())
			}
			return b.buf.Bytes(), nil
		}
		if err != nil {
			return nil, broken(err, limit)
		}
	}
}

// stream copies the body to where it is kept, as it comes. It takes no room: what it is copied to bounds it.
func (b *body) stream(to io.Writer, limit int64) error {
	coding, p := bodyCoding(b.r)
	if p != nil {
		return p
	}
	if err := isUTF8(b.r); err != nil {
		return err
	}
	paced := &pacedBody{b: b, in: http.MaxBytesReader(b.w, b.r.Body, limit), started: time.Now()}
	in := io.Reader(paced)
	if coding != "" {
		plain, err := decoded(coding, in, int(limit))
		if err != nil {
			return broken(err, int(limit))
		}
		defer plain.Close()
		in = plain
	}
	buf := make([]byte, streamed)
	for {
		n, err := in.Read(buf)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			b.deadline(time.Time{}) // as in read
			b.whole = true
			return nil
		}
		if err != nil {
			return broken(err, int(limit))
		}
	}
}

// copy copies the body, read or not.
func (b *body) copy(to io.Writer, limit int64) error {
	if b.buf == nil {
		return b.stream(to, limit)
	}
	_, err := to.Write(b.buf.Bytes())
	return err
}

// streamed is how much of a body is copied at once, in bytes.
const streamed = 64 << 10

// pacedBody gives up whoever is silent, or slower than the least speed, as read does.
type pacedBody struct {
	b       *body
	in      io.Reader
	started time.Time
	n       int64
}

func (p *pacedBody) Read(b []byte) (int, error) {
	last := p.started.Add(time.Minute + time.Duration(p.n/slowest)*time.Second)
	p.b.deadline(earlier(last, time.Now().Add(p.b.s.Limits.Idle)))
	n, err := p.in.Read(b)
	p.n += int64(n)
	return n, err
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
	if corrupt(err) {
		return fail(http.StatusBadRequest, "structure", "the body is not what its Content-Encoding says, or takes too much memory to be read")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(http.StatusBadRequest, "incomplete", "the body ended before its announced length")
	}
	if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
		p := fail(http.StatusRequestTimeout, "timeout", "the body did not arrive in time")
		p.cause = err
		return p
	}
	return fail(http.StatusBadRequest, "incomplete", "the body broke off, or is not sent as HTTP says (RFC 9112, section 6 and 7.1)")
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
