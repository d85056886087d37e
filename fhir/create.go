package fhir

import (
	"errors"
	"net/http"
	"time"

	"github.com/sijil-health/sijil/record"
)

// create stores a resource under an id of the server's choice (POST Type). With If-None-Exist it does so only if nothing
// matches the search; if one resource does, that one is the answer.
func (s *Server) create(q *request) (*answer, error) {
	r, err := s.loadResource(q)
	if err != nil {
		return nil, err
	}
	if q.ifNoneExist != "" {
		c := condition{text: q.typ + "?" + q.ifNoneExist}
		release, err := s.conditions.hold(q, []string{c.text})
		if err != nil {
			return nil, err
		}
		defer release()
		found, err := s.match(q, []condition{c})
		if err != nil {
			return nil, err
		}
		switch heads := found[c.text]; {
		case len(heads) > 1:
			return nil, severalMatch("If-None-Exist")
		case len(heads) == 1:
			return s.existing(q, &heads[0])
		}
	}
	if q.prefer.once && q.typ == "Patient" {
		if err := s.nobodyYet(q, r.root); err != nil {
			return nil, err
		}
	}
	return s.store(q, r, record.OpCreate, newID(time.Now()), 0)
}

// existing is the answer to a conditional create that found its resource: that resource, to whoever may read it and does not ask for less. To give it is
// to release it.
func (s *Server) existing(q *request, h *record.Head) (*answer, error) {
	a := matched(h)
	if q.prefer.result == "minimal" || q.prefer.result == "OperationOutcome" {
		return a, nil
	}
	v, err := s.Store.Read(q, q.access, h.Type, h.ID, h.Version)
	switch {
	case errors.Is(err, record.ErrForbidden), errors.Is(err, record.ErrDamaged), errors.Is(err, record.ErrGone):
		return a, nil
	case err != nil:
		return nil, err
	}
	a.body, a.updated = v.Body, v.Updated
	return a, nil
}

// matched says which resource a conditional create found.
func matched(h *record.Head) *answer {
	return &answer{status: http.StatusOK, version: h.Version, location: h.Type + "/" + h.ID + "/_history/" + formatUint(h.Version)}
}
