package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Client sends requests to the nodes of other members, at the addresses the ledger has for them. It keeps one
// connection to each and is safe for concurrent use.
type Client struct {
	id      *Identity
	members Members

	attendEvery time.Duration // attendEvery, but for tests

	mu     sync.Mutex
	links  map[verify.OrgID]*link
	closed bool
}

// link is the way to one member as the ledger described it when the link was made. A link is replaced, never changed, when
// the member's key or address does; the health goes over to the new one.
type link struct {
	org    verify.OrgID
	key    verify.PublicKey
	addr   string
	http   http.Client
	health *health
	until  atomic.Int64 // Unix seconds; when the first certificate of its connections expires, 0 if there was none yet
}

// expires notes when a connection ends at the latest.
func (l *link) expires(t time.Time) {
	for {
		old := l.until.Load()
		if old != 0 && old <= t.Unix() || l.until.CompareAndSwap(old, t.Unix()) {
			return
		}
	}
}

// aged tells whether a certificate of the link expires within a time.
func (l *link) aged(now time.Time, within time.Duration) bool {
	until := l.until.Load()
	return until != 0 && now.Add(within).Unix() >= until
}

// NewClient makes a client. Close releases its connections.
func NewClient(id *Identity, members Members) *Client {
	return &Client{id: id, members: members, attendEvery: attendEvery, links: make(map[verify.OrgID]*link)}
}

// Request is what Do sends. The body is in memory so that it can be sent again when a connection went away before the
// other side looked at it.
type Request struct {
	Method string
	Path   string // with query, beginning with "/"
	Body   []byte
}

// Do sends a request to a member and gives its answer, whose body the caller closes. An answer other than 2xx is
// returned as a *Problem. Otherwise the error wraps one of ErrNotMember, ErrCertificate, ErrWrongMember and
// ErrUnreachable; when ctx ran out it wraps ctx's error too.
func (c *Client) Do(ctx context.Context, to verify.OrgID, r Request) (*http.Response, error) {
	l, err := c.link(to)
	if err != nil {
		return nil, err
	}
	outer := ctx
	ctx, done := c.attend(ctx, l)
	req, err := http.NewRequestWithContext(ctx, r.Method, "https://"+l.addr+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		done()
		return nil, fmt.Errorf("peer: request to %s: %w", to, err)
	}
	start := time.Now()
	resp, err := l.http.Do(req)
	if err != nil {
		if outer.Err() == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		done()
		err = classify(to, err)
		l.health.failed(outer, err)
		return nil, err
	}
	l.health.answered(time.Since(start))
	resp.Body = &attended{resp.Body, done}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, readProblem(resp)
	}
	return resp, nil
}

// Ping measures the way to a member and back; it also opens the connection if there is none.
func (c *Client) Ping(ctx context.Context, to verify.OrgID) (time.Duration, error) {
	start := time.Now()
	resp, err := c.Do(ctx, to, Request{Method: http.MethodGet, Path: PingPath})
	if err != nil {
		return 0, err
	}
	return time.Since(start), resp.Body.Close()
}

// Close lets go of the connections and refuses further requests.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for org, l := range c.links {
		l.http.CloseIdleConnections()
		delete(c.links, org)
	}
}

// link finds the way to a member, and asks the ledger each time whether it still is one and still is where it was.
func (c *Client) link(to verify.OrgID) (*link, error) {
	member, ok := c.members.Find(to)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, net.ErrClosed
	}
	old := c.links[to]
	if old != nil && ok && old.key == member.Key && old.addr == member.Peer && !old.aged(c.id.now(), renewBefore) {
		return old, nil
	}
	state := &health{org: to}
	if old != nil {
		old.http.CloseIdleConnections()
		delete(c.links, to)
		state = old.health
	}
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNotMember, to)
	}
	if _, _, err := net.SplitHostPort(member.Peer); err != nil {
		return nil, fmt.Errorf("%w: %s (%s) has no address for other nodes on the ledger", ErrUnreachable, member.Name, to)
	}
	l := c.open(member, state)
	c.links[to] = l
	return l, nil
}

// valid tells why a link may not be used any more, though something is under way on it; nil if it may.
func (c *Client) valid(l *link) error {
	member, ok := c.members.Find(l.org)
	switch {
	case !ok:
		return fmt.Errorf("%w: %s", ErrNotMember, l.org)
	case member.Key != l.key || member.Peer != l.addr:
		return fmt.Errorf("%w: %s changed its key or its address", ErrNotMember, l.org)
	case l.aged(c.id.now(), 0):
		return fmt.Errorf("%w: one of the connection to %s has expired", ErrCertificate, l.org)
	}
	return nil
}

func (c *Client) open(member verify.Member, state *health) *link {
	l := &link{org: member.Org, key: member.Key, addr: member.Peer, health: state}
	config := c.id.base(func(cs tls.ConnectionState) error {
		found, err := c.id.admit(c.members, cs.PeerCertificates)
		if err == nil && (found.Org != l.org || found.Key != l.key) {
			err = fmt.Errorf("%w: %s at %s, wanted %s", ErrWrongMember, found.Org, l.addr, l.org)
		}
		if err == nil {
			l.expires(cs.PeerCertificates[0].NotAfter)
			l.expires(c.id.expiry())
		}
		return err
	})
	l.http = http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    handshakeTimeout,
			Protocols:              onlyHTTP2(),
			HTTP2:                  http2Config(),
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return l
}

// classify keeps the sentinel of a refusal that travelled through net/http; everything else is no answer.
func classify(to verify.OrgID, err error) error {
	for _, known := range []error{ErrNotMember, ErrCertificate, ErrWrongMember} {
		if errors.Is(err, known) {
			return fmt.Errorf("peer: request to %s: %w", to, err)
		}
	}
	return fmt.Errorf("%w from %s: %w", ErrUnreachable, to, err)
}
