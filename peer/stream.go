package peer

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Stream is a long-lived exchange with one member: bytes both ways over one HTTP/2 request, without the cost of a request for each
// message. Write and Read may be called concurrently with each other. What a Stream's messages look like is the business of the
// packages above.
type Stream struct {
	client  *Client
	link    *link
	to      verify.OrgID
	body    *io.PipeWriter
	answer  io.ReadCloser
	cancel  context.CancelFunc
	watched chan struct{} // closed by Close
	once    sync.Once
}

// Open begins a stream to a member with a POST to path, and returns when the other side has accepted it; ctx bounds that, not the
// stream. Errors are those of Do.
func (c *Client) Open(ctx context.Context, to verify.OrgID, path string) (*Stream, error) {
	l, err := c.link(to)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(life, http.MethodPost, "https://"+l.addr+path, r)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("peer: request to %s: %w", to, err)
	}
	resp, err := l.http.Do(req)
	if err == nil && !stop() {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), resp.Body.Close())
	}
	if err != nil {
		cancel()
		err = classify(to, err)
		l.health.failed(ctx, err)
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		defer cancel()
		defer resp.Body.Close()
		return nil, readProblem(resp)
	}
	s := &Stream{client: c, link: l, to: to, body: w, answer: resp.Body, cancel: cancel, watched: make(chan struct{})}
	go s.watch()
	return s, nil
}

// watch ends the stream when the other side may not be spoken to any more, although nobody writes.
func (s *Stream) watch() {
	tick := time.NewTicker(s.client.attendEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.watched:
			return
		case <-tick.C:
			if s.client.valid(s.link) != nil {
				_ = s.Close() // who reads or writes is told that it is closed
			}
		}
	}
}

// Write sends bytes, if the other side still is the member that the stream was opened to. It blocks when the other side takes
// nothing; Close ends that.
func (s *Stream) Write(b []byte) (int, error) {
	if err := s.client.valid(s.link); err != nil {
		return 0, err
	}
	n, err := s.body.Write(b)
	if err != nil {
		return n, classify(s.to, err)
	}
	return n, nil
}

// Read reads what the other side sends.
func (s *Stream) Read(b []byte) (int, error) {
	n, err := s.answer.Read(b)
	if err != nil && err != io.EOF {
		err = classify(s.to, err)
	}
	return n, err
}

// Answered notes for Health that the other side answered a message, and how long that took.
func (s *Stream) Answered(took time.Duration) { s.link.health.answered(took) }

// Aged tells that the stream will end before long, because a certificate expires: open another while nothing is under way.
func (s *Stream) Aged() bool { return s.link.aged(s.client.id.now(), renewBefore) }

// Close ends the stream in both directions and unblocks Write and Read. It may be called more than once.
func (s *Stream) Close() error {
	s.once.Do(func() { close(s.watched) })
	s.cancel()
	s.body.CloseWithError(io.ErrClosedPipe)
	return s.answer.Close()
}

type serverKey struct{}

// presence is what a handler can ask of the server while a request lasts.
type presence struct {
	s *Server
	r *http.Request
}

// Admitted tells, during a request that lasts, whether the caller still is a member with the key that it connected with.
// Errors: ErrNotMember, also outside a Server's handler.
func Admitted(ctx context.Context) error {
	p, ok := ctx.Value(serverKey{}).(presence)
	if !ok {
		return ErrNotMember
	}
	_, err := p.s.id.still(p.s.members, p.r.TLS.PeerCertificates)
	return err
}

// Closing is closed when the server shuts down: a request that lasts should end. It is nil outside a Server's handler.
func Closing(ctx context.Context) <-chan struct{} {
	if p, ok := ctx.Value(serverKey{}).(presence); ok {
		return p.s.closing
	}
	return nil
}
