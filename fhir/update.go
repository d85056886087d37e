package fhir

import (
	"errors"
	"net/http"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
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
	version, err := s.ifVersion(q, q.ifMatch, tape.Value{})
	if err != nil {
		return nil, err
	}
	if q.ifNoneMatch == "" {
		return s.store(q, r, record.OpUpdate, q.id, version)
	}
	if q.ifNoneMatch != "*" {
		return nil, onlyIfNone()
	}
	if s.ServerIDs {
		return nil, foreignID()
	}
	a, err := s.store(q, r, record.OpCreate, q.id, version)
	if errors.Is(err, record.ErrExists) {
		return nil, existsAlready()
	}
	return a, err
}

func onlyIfNone() *problem {
	return fail(http.StatusBadRequest, "not-supported", "of an update only If-None-Match: * can be asked, which creates and never replaces")
}

func existsAlready() *problem {
	return fail(http.StatusPreconditionFailed, "conflict", "a resource of this id exists, and If-None-Match: * asks that there be none")
}
