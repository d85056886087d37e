package peer

import (
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/sijil-health/sijil/verify"
)

var errConnections = errors.New("peer: the member has too many connections open")

// shares says what each member uses of the service at present, so that none can use up another's.
type shares struct {
	mu          sync.Mutex
	of          map[verify.OrgID]*share
	connections map[net.Conn]connection // counted
}

// connection is whom one was accepted from, and by what.
type connection struct {
	org   verify.OrgID
	chain []*x509.Certificate
}

type share struct {
	connections, streams int
	bytes                int64 // of the bodies of requests that are not answered yet
}

// change lets f use a member's share; one that is not used any more is forgotten. It gives what f gives.
func (s *shares) change(org verify.OrgID, f func(*share) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.of[org]
	if of == nil {
		of = new(share)
		s.of[org] = of
	}
	ok := f(of)
	if *of == (share{}) {
		delete(s.of, org)
	}
	return ok
}

// connect counts a connection until disconnect, unless the member has too many.
func (s *shares) connect(conn net.Conn, org verify.OrgID, chain []*x509.Certificate) bool {
	return s.change(org, func(of *share) bool {
		if _, again := s.connections[conn]; again {
			return true
		}
		if of.connections == memberConnections {
			return false
		}
		of.connections++
		s.connections[conn] = connection{org, chain}
		return true
	})
}

func (s *shares) disconnect(conn net.Conn) {
	s.mu.Lock()
	of, ok := s.connections[conn]
	delete(s.connections, conn)
	s.mu.Unlock()
	if ok {
		s.change(of.org, func(of *share) bool { of.connections--; return true })
	}
}

// drop closes the connections whose certificates are refused now. What is under way on them ends.
func (s *shares) drop(refused func([]*x509.Certificate) bool) {
	s.mu.Lock()
	var gone []net.Conn
	for conn, of := range s.connections {
		if refused(of.chain) {
			gone = append(gone, conn)
		}
	}
	s.mu.Unlock()
	for _, conn := range gone {
		_ = conn.Close() // it is of no use any more, whatever this says
	}
}

// lasting counts requests that last.
func (s *shares) lasting(org verify.OrgID, n int) bool {
	return s.change(org, func(of *share) bool {
		if of.streams+n > memberStreams {
			return false
		}
		of.streams += n
		return true
	})
}

// take counts bytes of a request from before the first is read, unless the member has too many.
func (s *shares) take(org verify.OrgID, n int64) bool {
	return s.change(org, func(of *share) bool {
		if of.bytes+n > memberBytes {
			return false
		}
		of.bytes += n
		return true
	})
}

func busy(detail string) *Problem {
	return &Problem{Status: http.StatusTooManyRequests, Code: "busy", Detail: detail}
}
