package fhir

import (
	"net/http"
	"strings"
	"time"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// read gives the current version of a resource (GET Type/id).
func (s *Server) read(q *request) (*answer, error) { return s.release(q, 0) }

// vread gives one version of a resource (GET Type/id/_history/version).
func (s *Server) vread(q *request) (*answer, error) { return s.release(q, q.version) }

func (s *Server) release(q *request, version uint64) (*answer, error) {
	as, err := s.partAsked(q)
	if err != nil {
		return nil, err
	}
	if q.ifMatch != "" {
		if version, err = s.onlyIf(q, version); err != nil {
			return nil, err
		}
	}
	v, err := s.Store.Read(q, q.access, q.typ, q.id, version)
	if err != nil {
		return nil, err
	}
	a := &answer{status: http.StatusOK, body: v.Body, version: v.Version, updated: v.Updated}
	a.content = v.Type + "/" + v.ID + "/_history/" + formatUint(v.Version)
	if unchanged(q, a) {
		a.status, a.body = http.StatusNotModified, nil
	} else if q.raw != nil {
		if err := q.binary(a, v); err != nil {
			return nil, err
		}
	} else {
		a.body = partOf(a.body, as)
	}
	return a, nil
}

// partAsked reads what of the resource is to be answered: of the parameters that shape an answer, _summary and _elements go with a read as well
// (FHIR R4, 3.1.0.1.5). None that selects does.
func (s *Server) partAsked(q *request) (*search.Result, error) {
	pairs, err := search.Pairs(q.query)
	if err != nil {
		return nil, searchProblem(err)
	}
	var shaping []search.Pair
	for _, p := range pairs {
		switch {
		case p.Name == "_summary" || p.Name == "_elements":
			shaping = append(shaping, p)
		case p.Name != "_format" && p.Name != "_pretty" && !q.prefer.lenient:
			return nil, fail(http.StatusBadRequest, "not-supported", "the parameter %.60q is not known here", p.Name)
		}
	}
	if shaping == nil {
		return &search.Result{}, nil
	}
	read, err := s.Parameters.Parse([]string{q.typ}, shaping, search.Options{Base: q.own, Now: time.Now()})
	if err != nil {
		return nil, searchProblem(err)
	}
	if read.Result.Summary == "count" {
		return nil, fail(http.StatusBadRequest, "value", "_summary=count goes with a search: a read gives one resource")
	}
	return &read.Result, nil
}

// onlyIf gives the version that a read asks for with If-Match, if it is the current one, or the one that the address names.
func (s *Server) onlyIf(q *request, version uint64) (uint64, error) {
	named, err := readTags(q.ifMatch, tape.Value{})
	if err != nil {
		return 0, err
	}
	if version == 0 {
		head, err := s.Store.Peek(q, q.access, policy.Read, q.typ, q.id)
		if err != nil {
			return 0, err
		}
		version = head.Version
	}
	if !named.hold(version) {
		return 0, record.ErrConflict
	}
	return version, nil
}

// unchanged tells whether the client holds this version already (conditional read, FHIR R4, 3.1.0.2.1).
func unchanged(q *request, a *answer) bool {
	if q.ifNoneMatch != "" {
		for tag := range strings.SplitSeq(q.ifNoneMatch, ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag(a.version), "W/") {
				return true
			}
		}
		return false
	}
	if q.ifModifiedSince != "" {
		since, err := http.ParseTime(q.ifModifiedSince)
		return err == nil && !a.updated.Truncate(time.Second).After(since)
	}
	return false
}
