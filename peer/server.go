package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sijil-health/sijil/verify"
	"golang.org/x/net/netutil"
)

// PingPath answers 204 to every member; Client.Ping measures the way there and back with it.
const PingPath = "/peer/v1/ping"

type callerKey struct{}

// Caller is the member that sent the request, proven by its certificate. It is false outside a Server's handler.
func Caller(ctx context.Context) (verify.OrgID, bool) {
	org, ok := ctx.Value(callerKey{}).(verify.OrgID)
	return org, ok
}

// WithCaller gives a context as a Server's handler sees it. It is for servers of another kind that have established the
// caller by themselves; nothing in a request can set it.
func WithCaller(ctx context.Context, org verify.OrgID) context.Context {
	return context.WithValue(ctx, callerKey{}, org)
}

// EndlessPrefix begins the paths of requests that last: their bodies have no limit in all, and no time. Their handlers bound
// each message, ask Admitted before they act on one, and end when Closing says so.
const EndlessPrefix = "/peer/v1/stream/"

// Server admits members, and only members, to a handler.
type Server struct {
	id      *Identity
	members Members
	next    http.Handler
	http    http.Server
	shares  shares
	closing chan struct{} // closed when Shutdown begins
	once    sync.Once

	recheckEvery time.Duration // recheckEvery, but for tests
}

// NewServer makes a server; Serve starts it. The handler finds who is calling with Caller. Refused handshakes go to the
// logger at debug level: strangers must not be able to fill a log.
func NewServer(id *Identity, members Members, handler http.Handler, log *slog.Logger) *Server {
	s := &Server{id: id, members: members, next: handler, closing: make(chan struct{}), recheckEvery: recheckEvery}
	s.shares.of = make(map[verify.OrgID]*share)
	s.shares.connections = make(map[net.Conn]connection)
	s.http = http.Server{
		ConnState:         s.connState,
		Handler:           http.HandlerFunc(s.serve),
		TLSConfig:         s.tls(),
		Protocols:         onlyHTTP2(),
		HTTP2:             http2Config(),
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: handshakeTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s
}

// tls gives each connection a configuration that counts it for the member at its other end.
func (s *Server) tls() *tls.Config {
	config := s.id.base(nil)
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		return s.id.base(func(cs tls.ConnectionState) error { return s.admit(hello.Conn, cs) }), nil
	}
	return config
}

func (s *Server) admit(conn net.Conn, cs tls.ConnectionState) error {
	member, err := s.id.admit(s.members, cs.PeerCertificates)
	if err == nil && member.Org == s.id.org {
		return ErrWrongMember // a node has no business with itself: an address on the ledger is wrong
	}
	if err == nil && !s.shares.connect(conn, member.Org, cs.PeerCertificates) {
		return errConnections
	}
	return err
}

func (s *Server) connState(c net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	if secure, ok := c.(*tls.Conn); ok {
		s.shares.disconnect(secure.NetConn())
	}
}

// Serve answers on l until Shutdown or Close, and then returns nil.
func (s *Server) Serve(l net.Listener) error {
	served := make(chan struct{})
	defer close(served)
	go s.recheck(served)
	err := s.http.ServeTLS(netutil.LimitListener(l, maxConnections), "", "")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// recheck drops connections of who is not admitted any more: a request that lasts, or waits for something, asks nobody.
func (s *Server) recheck(served <-chan struct{}) {
	tick := time.NewTicker(s.recheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-served:
			return
		case <-tick.C:
			s.shares.drop(func(chain []*x509.Certificate) bool {
				_, err := s.id.still(s.members, chain)
				return err != nil
			})
		}
	}
}

// Shutdown stops accepting, lets running requests end until ctx is done, then closes what is left.
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(func() { close(s.closing) })
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	org, err := s.id.still(s.members, r.TLS.PeerCertificates)
	if err != nil {
		w.Header().Set("Connection", "close") // says goodbye to the whole HTTP/2 connection
		Refuse(w, &Problem{Status: http.StatusForbidden, Code: "not-member",
			Detail: "your organisation, or the key it connected with, is no longer on the ledger, or its certificate has expired"})
		return
	}
	switch {
	case r.URL.Path == PingPath:
		w.WriteHeader(http.StatusNoContent)
		return
	case strings.HasPrefix(r.URL.Path, EndlessPrefix):
		if !s.shares.lasting(org, 1) {
			Refuse(w, busy("too many streams of your organisation are open; close some of them"))
			return
		}
		defer s.shares.lasting(org, -1)
		// A failure leaves the deadlines of other requests in force: the stream ends early and is opened again.
		c := http.NewResponseController(w)
		_ = errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}))
	case r.ContentLength > MaxBody:
		Refuse(w, &Problem{Status: http.StatusRequestEntityTooLarge, Code: "too-large",
			Detail: fmt.Sprintf("the body has %d bytes, at most %d are taken", r.ContentLength, MaxBody)})
		return
	default:
		size := r.ContentLength
		if size < 0 {
			size = MaxBody
		}
		if !s.shares.take(org, size) {
			Refuse(w, busy("your organisation's requests under way fill what one member may; wait until some are answered"))
			return
		}
		defer s.shares.take(org, -size)
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	}
	ctx := context.WithValue(WithCaller(r.Context(), org), serverKey{}, presence{s, r})
	s.next.ServeHTTP(w, r.WithContext(ctx))
}
