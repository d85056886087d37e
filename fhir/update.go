package fhir

import (
	"net/http"

	"github.com/sijil-health/sijil/fhir/tape"
)

// update stores a resource as the next version of the one the address names, or as its first (PUT Type/id).
func (s *Server) update(q *request) (*answer, error) {
	r, err := s.loadResource(q)
	if err != nil {
		return nil, err
	}
	switch {
	case r.id == "":
		return nil, fail(http.StatusBadRequest, "required", "the resource must carry the id that the address names").on(r.root, "id")
	case r.id != q.id:
		return nil, fail(http.StatusBadRequest, "value", "id is not the one that the address names").at(r.root.Get("id"))
	}
	version, err := ifVersion(q.ifMatch, tape.Value{})
	if err != nil {
		return nil, err
	}
	return s.store(q, r, OpUpdate, q.id, version)
}
