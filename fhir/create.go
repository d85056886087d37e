package fhir

import (
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
			return existing(&heads[0]), nil
		}
	}
	return s.store(q, r, record.OpCreate, newID(time.Now()), 0)
}

// existing is the answer to a conditional create that found its resource. It carries no content: that takes a read.
func existing(h *record.Head) *answer {
	return &answer{status: http.StatusOK, version: h.Version, location: h.Type + "/" + h.ID + "/_history/" + formatUint(h.Version)}
}
