package fhir

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/subscription"
	"github.com/sijil-health/sijil/record"
)

// subscriptionRoutes are the operations on Subscriptions: those of the Subscriptions R5 Backport, and ours to read the topics and to set a secret.
var subscriptionRoutes = []route{
	{"GET", "/{type}/$status", (*Server).subscriptionStatus, "$status"},
	{"POST", "/{type}/$status", (*Server).subscriptionStatus, "$status"},
	{"GET", "/{type}/{id}/$status", (*Server).subscriptionStatus, "$status"},
	{"POST", "/{type}/{id}/$status", (*Server).subscriptionStatus, "$status"},
	{"GET", "/{type}/{id}/$events", (*Server).subscriptionEvents, "$events"},
	{"POST", "/{type}/{id}/$events", (*Server).subscriptionEvents, "$events"},
	{"GET", "/{type}/$get-ws-binding-token", (*Server).bindingToken, "$get-ws-binding-token"},
	{"POST", "/{type}/$get-ws-binding-token", (*Server).bindingToken, "$get-ws-binding-token"},
	{"GET", "/{type}/{id}/$get-ws-binding-token", (*Server).bindingToken, "$get-ws-binding-token"},
	{"POST", "/{type}/{id}/$get-ws-binding-token", (*Server).bindingToken, "$get-ws-binding-token"},
	{"POST", "/{type}/{id}/$secret", (*Server).subscriptionSecret, "$secret"},
	{"GET", "/{type}/$topics", (*Server).subscriptionTopics, "$topics"},
}

// backport begins what the Subscriptions R5 Backport defines.
const backport = "http://hl7.org/fhir/uv/subscriptions-backport/"

// subscribed says under which status a Subscription is stored, "" where that is the one it has; or what is wrong with it.
func (s *Server) subscribed(q *request, r *resource, id string) (status string, err error) {
	status, err = s.Subscriptions.Check(q, q.access, r.root, id)
	var e *subscription.Error
	switch {
	case errors.As(err, &e):
		p := fail(http.StatusUnprocessableEntity, e.Code, "%s", e.Text).at(e.At)
		p.issues[0].Path = strings.ReplaceAll(p.issues[0].Path, "._", ".") // an extension of a primitive value is one of the element
		return "", p
	case err != nil:
		return "", err
	case r.root.Get("status").Is(status):
		return "", nil
	}
	return status, nil
}

// subscriptionProblem is what is answered where an operation on a Subscription cannot be had.
func subscriptionProblem(err error) error {
	switch {
	case errors.Is(err, subscription.ErrUnknown):
		return fail(http.StatusNotFound, "not-found", "no such subscription is in force here, or none of yours")
	case errors.Is(err, subscription.ErrChannel):
		return fail(http.StatusUnprocessableEntity, "business-rule", "the subscription is of another channel than this operation is for")
	case errors.Is(err, subscription.ErrSecret):
		return fail(http.StatusBadRequest, "value", "%s", subscription.ErrSecret)
	case errors.Is(err, subscription.ErrBusy):
		return fail(http.StatusTooManyRequests, "throttled", "as many tokens as are kept are there already; those that were given end within the hour")
	}
	return err
}

// subscriptionStatus tells how Subscriptions stand (backport, $status): one, those that are named, or the client's own. Each is a read of it.
func (s *Server) subscriptionStatus(q *request) (*answer, error) {
	in, err := readInput(q, "$status", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	ids, states := many(in, "id"), many(in, "status")
	if err := in.refused(); err != nil {
		return nil, err
	}
	switch {
	case q.id != "":
		ids, states = []string{q.id}, nil // of an instance both are ignored
	case len(ids) == 0:
		ids = s.Subscriptions.Mine(q.access)
	}
	if err := s.readSubscriptions(q, ids); err != nil {
		return nil, err
	}
	body, err := s.Subscriptions.Status(q, ids, states)
	return &answer{status: http.StatusOK, body: body}, subscriptionProblem(err)
}

// many gives the values of a parameter that may be repeated, or joined by commas.
func many(in *input, name string) (list []string) {
	for _, text := range in.texts(name) {
		list = append(list, strings.Split(text, ",")...)
	}
	return slices.Compact(list)
}

// readSubscriptions leaves the entries of what concerns Subscriptions, as reads of them; of none, one that says so.
func (s *Server) readSubscriptions(q *request, ids []string) error {
	if len(ids) > maxSubscriptions {
		return fail(http.StatusBadRequest, "too-costly", "at most %d subscriptions are asked about at once", maxSubscriptions)
	}
	for _, id := range ids {
		if !isID(id) {
			return fail(http.StatusBadRequest, "value", "id is not the id of a resource")
		}
		if _, err := s.Store.Read(q, q.access, "Subscription", id, 0); err != nil {
			return err
		}
	}
	if len(ids) == 0 {
		return s.Store.Refuse(q, q.access, nil, http.StatusOK, "there is no subscription that this is about")
	}
	return nil
}

const maxSubscriptions = 64

// subscriptionEvents gives events again (backport, $events), to the Subscription's owner.
func (s *Server) subscriptionEvents(q *request) (*answer, error) {
	in, err := readInput(q, "$events", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	var bounds [2]uint64
	for i, name := range [...]string{"eventsSinceNumber", "eventsUntilNumber"} {
		text := in.once(name)
		if bounds[i], err = strconv.ParseUint(text, 10, 62); text != "" && err != nil {
			return nil, fail(http.StatusBadRequest, "value", "%s is the number of an event", name)
		}
	}
	content := in.once("content")
	if err := in.refused(); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"", "empty", "id-only", "full-resource"}, content) {
		return nil, fail(http.StatusBadRequest, "value", "content is empty, id-only or full-resource")
	}
	if err := s.readSubscriptions(q, []string{q.id}); err != nil {
		return nil, err
	}
	body, err := s.Subscriptions.Events(q, q.access, q.id, bounds[0], bounds[1], content)
	return &answer{status: http.StatusOK, body: body}, subscriptionProblem(err)
}

// bindingToken gives a token by which a websocket binds Subscriptions (backport, $get-ws-binding-token), to their owner.
func (s *Server) bindingToken(q *request) (*answer, error) {
	in, err := readInput(q, "$get-ws-binding-token", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	ids := many(in, "id")
	if err := in.refused(); err != nil {
		return nil, err
	}
	if q.id != "" {
		ids = []string{q.id}
	}
	token, until, bound, err := s.Subscriptions.Token(q, q.access, ids)
	if err != nil {
		return nil, subscriptionProblem(err)
	}
	if err := s.readSubscriptions(q, bound); err != nil {
		return nil, err
	}
	p := newParameters()
	p.text("token", "String", token)
	p.text("expiration", "DateTime", until.Format(instantFormat))
	for _, id := range bound {
		p.text("subscription", "String", id)
	}
	p.text("websocket-url", "Url", websocketURL(q.base))
	return &answer{status: http.StatusOK, body: p.end()}, nil
}

// websocketPath is where websockets connect, below the base.
const websocketPath = "/$websocket"

func websocketURL(base string) string { return "ws" + strings.TrimPrefix(base, "http") + websocketPath }

// subscriptionSecret sets the secret that a rest-hook's notifications are signed with, and shows it this once. It comes in the body alone: addresses are logged.
func (s *Server) subscriptionSecret(q *request) (*answer, error) {
	if q.query != "" || q.header == nil {
		return nil, fail(http.StatusBadRequest, "not-supported", "$secret takes its parameter from the body alone, in a request of its own")
	}
	in, err := readInput(q, "$secret", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	chosen := in.once("secret")
	if err := in.refused(); err != nil {
		return nil, err
	}
	if err := s.readSubscriptions(q, []string{q.id}); err != nil {
		return nil, err
	}
	secret, err := s.Subscriptions.SetSecret(q, q.access, q.id, chosen)
	if err != nil {
		return nil, subscriptionProblem(err)
	}
	p := newParameters()
	p.text("secret", "String", secret)
	return &answer{status: http.StatusOK, body: p.end()}, nil
}

// subscriptionTopics describes the topics that there are. They are part of the program, and of nobody.
func (s *Server) subscriptionTopics(q *request) (*answer, error) {
	if err := onlyControl(q); err != nil {
		return nil, err
	}
	if err := s.Store.Refuse(q, q.access, nil, http.StatusOK, "the topics of subscriptions were shown, of nobody"); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, body: subscription.Catalogue()}, nil
}

// websocket connects a client to the notifications of its Subscriptions. It may come with a token, which "bind ID" needs, or without one, to bind by one of
// $get-ws-binding-token; what is wrong with it is answered as to any other request.
func (s *Server) websocket(w http.ResponseWriter, r *http.Request) {
	if !subscription.IsUpgrade(r) || r.URL.RawQuery != "" {
		s.handle(func(*Server, *request) (*answer, error) {
			return nil, fail(http.StatusBadRequest, "not-supported", "this is the address of websockets, which take no parameters: connect to it as one")
		})(w, r)
		return
	}
	var access *record.Access
	if r.Header.Get("Authorization") != "" {
		a, err := s.Auth.Authorize(r)
		if err != nil {
			s.handle(unknownPath)(w, r) // it fails on the token
			return
		}
		access = &a
	}
	s.Subscriptions.Serve(w, r, access, func(origin string) bool { return slices.Contains(s.Origins, origin) }, func(a record.Access, why string) {
		q := &request{Context: r.Context(), access: a}
		q.access.Detail = "GET " + strings.TrimPrefix(websocketPath, "/")
		p := fail(http.StatusForbidden, "forbidden", "%s", why)
		if a.Actor != "" || s.strangers.admit() {
			q.refuse(s, p)
		}
	})
}
