package fhir

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/diff"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// diff says how two versions of a resource differ, as a FHIRPath Patch (GET Type/id/$diff). fromVersion is the one before toVersion unless given,
// and toVersion the current one. Both are read, and recorded as read.
func (s *Server) diff(q *request) (*answer, error) {
	in, err := readInput(q, "$diff", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	versions := map[string]uint64{"fromVersion": 0, "toVersion": 0}
	for name := range versions {
		value := in.once(name)
		n, err := strconv.ParseUint(value, 10, 64)
		if value != "" && (err != nil || n == 0) {
			return nil, fail(http.StatusBadRequest, "value", "%s is the number of a version, from 1", name)
		}
		versions[name] = n
	}
	if err := in.refused(); err != nil {
		return nil, err
	}
	to, err := s.Store.Read(q, q.access, q.typ, q.id, versions["toVersion"])
	if err != nil {
		return nil, err
	}
	from := versions["fromVersion"]
	if from == 0 {
		if from = to.Version - 1; from == 0 {
			return nil, fail(http.StatusNotFound, "not-found", "there is no version before the first to compare it with")
		}
	}
	before, err := s.Store.Read(q, q.access, q.typ, q.id, from)
	if err != nil {
		return nil, err
	}
	return s.differences(before, to)
}

// diffOf is diff for any two resources of one type, or versions of them (GET $diff?from=Type/id&to=Type/id/_history/1).
func (s *Server) diffOf(q *request) (*answer, error) {
	in, err := readInput(q, "$diff", s.Limits.Resource)
	if err != nil {
		return nil, err
	}
	given := map[string]string{"from": in.once("from"), "to": in.once("to")}
	if err := in.refused(); err != nil {
		return nil, err
	}
	var read [2]*record.Version
	for i, name := range [...]string{"from", "to"} {
		typ, id, version, ok := parseVersioned(given[name])
		if !ok {
			return nil, fail(http.StatusBadRequest, "value", "%s names a resource, as Type/id or Type/id/_history/version", name)
		}
		q.named = append(q.named, typ+"/"+id)
		if i == 1 && typ != read[0].Type {
			return nil, fail(http.StatusBadRequest, "value", "only resources of the same type can be compared")
		}
		if read[i], err = s.Store.Read(q, q.access, typ, id, version); err != nil {
			return nil, err
		}
	}
	return s.differences(read[0], read[1])
}

func parseVersioned(ref string) (typ, id string, version uint64, ok bool) {
	parts := strings.Split(ref, "/")
	if len(parts) == 4 && parts[2] == "_history" {
		n, err := strconv.ParseUint(parts[3], 10, 64)
		if err != nil || n == 0 {
			return "", "", 0, false
		}
		version, parts = n, parts[:2]
	}
	if len(parts) != 2 || !isType(parts[0]) || !isID(parts[1]) {
		return "", "", 0, false
	}
	return parts[0], parts[1], version, true
}

func (s *Server) differences(from, to *record.Version) (*answer, error) {
	before, after := tape.Get(), tape.Get()
	defer before.Release()
	defer after.Release()
	limits := tape.Limits{Bytes: 2 * record.MaxSource}
	if err := before.Parse(from.Body, limits); err != nil {
		return nil, err
	}
	if err := after.Parse(to.Body, limits); err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, body: diff.Parameters(before.Root(), after.Root())}, nil
}
