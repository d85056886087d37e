package subscription

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	gorilla "github.com/gorilla/websocket"

	"github.com/sijil-health/sijil/record"
)

// The messages that a client sends are "bind ID" (FHIR R4, Subscription, websocket), answered with "bound ID", for which the connection was opened with the
// owner's token; and "bind-with-token TOKEN" (backport), answered with the handshakes of what it binds, or the same as JSON:
// {"type":"bind-with-token","payload":{"token":"…"}}. Anything else ends the connection.

const (
	pinging = 30 * time.Second // between pings
	silence = 75 * time.Second // after which a connection that answers none is dead
	writing = 10 * time.Second // for one message
	unbound = 15 * time.Second // until the first binding
)

var errNobody = errors.New("nobody listens")

// sockets counts the connections that are open.
type sockets struct {
	mu      sync.Mutex
	open    map[*socket]string // → actor; "" while nothing is bound
	closing bool
}

// take gives a connection its place, as an actor's, or says that there is none.
func (s *sockets) take(c *socket, actor string, l *Limits) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*socket]string{}
	}
	same, most := 0, l.ActorSockets
	if actor == "" {
		most = l.Unbound
	}
	for other, of := range s.open {
		if other != c && of == actor {
			same++
		}
	}
	if _, there := s.open[c]; s.closing || same >= most || !there && len(s.open) >= l.Sockets {
		return false
	}
	s.open[c] = actor
	return true
}

// opened notes that a connection is there to be ended; not so when all are ending.
func (s *sockets) opened(c *socket, conn *gorilla.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.conn = conn
	return !s.closing
}

func (s *sockets) leave(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// close ends all connections.
func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for c := range s.open {
		if c.conn == nil { // it is not opened any more
			continue
		}
		c.end(gorilla.CloseGoingAway, "the node stops")
	}
}

// socket is one connection.
type socket struct {
	x      *Subscriptions
	conn   *gorilla.Conn
	access *record.Access // of the token that it was opened with; nil without
	refuse func(a record.Access, why string)

	writes sync.Mutex // one message at a time
	mu     sync.Mutex
	bound  map[*line]time.Time // until when
}

// IsUpgrade tells whether a request asks for a websocket.
func IsUpgrade(r *http.Request) bool { return gorilla.IsWebSocketUpgrade(r) }

// Serve makes a websocket of a request, and serves it until it ends. a is the access of the token that it came with, nil without one; origin tells whether
// pages of an origin may connect; refuse records what is refused on the way.
func (x *Subscriptions) Serve(w http.ResponseWriter, r *http.Request, a *record.Access, origin func(string) bool, refuse func(record.Access, string)) {
	s := &socket{x: x, access: a, refuse: refuse, bound: map[*line]time.Time{}}
	if !x.sockets.take(s, "", &x.opt.Limits) {
		w.Header().Set("Retry-After", "10")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer x.sockets.leave(s)
	up := gorilla.Upgrader{
		HandshakeTimeout: writing, ReadBufferSize: maxMessage, WriteBufferSize: maxMessage,
		CheckOrigin: func(r *http.Request) bool { o := r.Header.Get("Origin"); return o == "" || origin(o) },
		Error:       func(w http.ResponseWriter, _ *http.Request, status int, _ error) { w.WriteHeader(status) },
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	if !x.sockets.opened(s, conn) {
		return
	}
	defer s.unbindAll()
	s.conn.SetReadLimit(maxMessage)
	_ = s.conn.SetReadDeadline(time.Now().Add(unbound)) // an error shows at the reading
	s.conn.SetPongHandler(func(string) error { return s.alive() })
	stop := make(chan struct{})
	defer close(stop)
	go s.keep(stop)
	s.read()
}

// alive puts off the end of a connection that answers, if anything is bound.
func (s *socket) alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.bound) == 0 {
		return nil
	}
	return s.conn.SetReadDeadline(time.Now().Add(silence))
}

// read takes the client's messages until the connection ends.
func (s *socket) read() {
	for {
		kind, text, err := s.conn.ReadMessage()
		if err != nil {
			return
		}
		if kind != gorilla.TextMessage || !s.take(string(text)) {
			return
		}
		if s.alive() != nil {
			return
		}
	}
}

// take does what a message asks for. It tells whether the connection goes on.
func (s *socket) take(message string) bool {
	ctx, cancel := context.WithTimeout(s.x.ctx, writing)
	defer cancel()
	switch verb, what, token := parseMessage(message); {
	case token:
		b, ok := s.x.tokens.find(what)
		if !ok {
			return s.deny(record.Access{}, "a websocket binds with a token that is none, or has expired")
		}
		return s.bind(ctx, b)
	case verb == "bind" && s.access != nil:
		return s.bind(ctx, binding{*s.access, []string{what}, time.Now().Add(s.x.opt.Limits.Binding)})
	case verb == "bind":
		return s.deny(record.Access{}, "a websocket that was opened without a token binds a subscription")
	}
	s.end(gorilla.ClosePolicyViolation, "send bind ID, or bind-with-token TOKEN")
	return false
}

// parseMessage reads a client's message. token says that what is a token.
func parseMessage(text string) (verb, what string, token bool) {
	verb, what, _ = strings.Cut(strings.TrimSpace(text), " ")
	if strings.HasPrefix(verb, "{") {
		var m struct {
			Type    string
			Payload struct{ Token string }
		}
		if json.Unmarshal([]byte(text), &m) != nil {
			return "", "", false
		}
		verb, what = m.Type, m.Payload.Token
	}
	return verb, strings.TrimSpace(what), verb == "bind-with-token"
}

// bind has notifications of Subscriptions come to this connection. Each begins with an answer, so that nothing that is told comes before it.
func (s *socket) bind(ctx context.Context, b binding) bool {
	if !s.x.sockets.take(s, b.by.Actor, &s.x.opt.Limits) {
		s.end(gorilla.CloseTryAgainLater, "too many connections")
		return false
	}
	for _, id := range b.ids {
		w, err := s.x.owned(ctx, b.by, id)
		if err != nil || w.channel != websocket || w.status() != active {
			return s.deny(b.by, "a websocket binds a subscription that is not the actor's, of another channel, or not active")
		}
		answer := []byte("bound " + id)
		if w.topic != "" {
			n := notification{kind: handshake, status: active, count: w.line.counted().Count}
			if answer, err = inForm(w.payload, s.x.bundle(w, &n)); err != nil {
				return false
			}
		}
		if s.write(answer) != nil {
			return false
		}
		s.mu.Lock()
		s.bound[w.line] = b.until
		s.mu.Unlock()
		w.line.listen(s, true)
	}
	return true
}

// deny records a refusal and ends the connection.
func (s *socket) deny(a record.Access, why string) bool {
	s.refuse(a, why)
	s.end(gorilla.ClosePolicyViolation, "not permitted")
	return false
}

func (s *socket) write(message []byte) error {
	s.writes.Lock()
	defer s.writes.Unlock()
	err := s.conn.SetWriteDeadline(time.Now().Add(writing))
	if err == nil {
		err = s.conn.WriteMessage(gorilla.TextMessage, message)
	}
	if err != nil {
		s.conn.Close() // the reader ends with it
	}
	return err
}

// end says why, and closes.
func (s *socket) end(code int, why string) {
	_ = s.conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, why), time.Now().Add(time.Second)) // the client may be gone
	s.conn.Close()
}

// keep pings, and ends bindings whose time is over.
func (s *socket) keep(stop <-chan struct{}) {
	tick := time.NewTicker(min(pinging, max(s.x.opt.Limits.Binding/4, time.Millisecond)))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return
		}
		if s.expire() {
			s.end(gorilla.CloseNormalClosure, "all bindings have ended; ask for a new token")
			return
		}
		if s.conn.WriteControl(gorilla.PingMessage, nil, time.Now().Add(writing)) != nil {
			s.conn.Close()
			return
		}
	}
}

// expire ends bindings whose time is over, and tells whether those were the last.
func (s *socket) expire() (last bool) {
	s.mu.Lock()
	var ended []*line
	for l, until := range s.bound {
		if time.Now().After(until) {
			ended = append(ended, l)
		}
	}
	for _, l := range ended {
		delete(s.bound, l)
	}
	last = len(ended) > 0 && len(s.bound) == 0
	s.mu.Unlock()
	for _, l := range ended {
		l.listen(s, false)
	}
	return last
}

func (s *socket) unbind(l *line) {
	s.mu.Lock()
	delete(s.bound, l)
	s.mu.Unlock()
	l.listen(s, false)
}

func (s *socket) unbindAll() {
	s.mu.Lock()
	bound := s.bound
	s.bound = map[*line]time.Time{}
	s.mu.Unlock()
	for l := range bound {
		l.listen(s, false)
	}
}

// listened tells whether there is anybody to send notifications to.
func (x *Subscriptions) listened(w *watch) bool {
	return w.channel != websocket || len(w.line.listeners()) > 0
}

// sendSockets sends a message to all who listen. It is told when one of them got it.
func (x *Subscriptions) sendSockets(w *watch, m *message) (err error) {
	text := []byte("ping " + w.id())
	if w.topic != "" {
		if text, err = inForm(w.payload, x.bundle(w, &m.notification)); err != nil {
			return err
		}
	}
	sent := false
	for _, s := range w.line.listeners() {
		if s.write(text) != nil {
			s.unbind(w.line)
			continue
		}
		sent = true
	}
	if !sent {
		return errNobody
	}
	return nil
}
