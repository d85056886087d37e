package fhir

import (
	"net/http"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// remove deletes a resource (DELETE Type/id). Its versions stay readable; to read it as it is now answers 410. Deleting again
// what is deleted changes nothing, and is recorded.
func (s *Server) remove(q *request) (*answer, error) {
	version, err := ifVersion(q.ifMatch, tape.Value{})
	if err != nil {
		return nil, err
	}
	commit, err := s.Store.Write(q, q.access, []record.Change{{Op: record.OpDelete, Type: q.typ, ID: q.id, IfVersion: version}})
	if gone(err) {
		return s.removedAlready(q)
	}
	if err != nil {
		return nil, err
	}
	return removed(&commit.Versions[0], commit, q.prefer), nil
}

// removedAlready answers the deletion of what is deleted.
func (s *Server) removedAlready(q *request) (*answer, error) {
	err := s.Store.Refuse(q, q.access, q.about(), http.StatusNoContent, "deleted already")
	return &answer{status: http.StatusNoContent}, err
}

func removed(v *record.Version, commit *record.Commit, prefer preference) *answer {
	a := &answer{status: http.StatusNoContent, version: v.Version, updated: v.Updated, commit: commit}
	if prefer.result == "OperationOutcome" {
		a.status, a.body = http.StatusOK, done("the resource was deleted")
	}
	return a
}
