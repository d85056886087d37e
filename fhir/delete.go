package fhir

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// remove deletes a resource (DELETE Type/id). Its versions stay readable; to read it as it is now answers 410. Deleting what is not there, or not any
// more, changes nothing, and is recorded (FHIR R4, 3.1.0.7).
func (s *Server) remove(q *request) (*answer, error) {
	version, err := s.ifVersion(q, q.ifMatch, tape.Value{})
	if err != nil {
		return nil, err
	}
	commit, err := s.Store.Write(q, q.access, []record.Change{{Op: record.OpDelete, Type: q.typ, ID: q.id, IfVersion: version}})
	if absent(err) {
		return s.removedAlready(q)
	}
	if err != nil {
		return nil, err
	}
	return removed(commit.Versions, commit, q.prefer), nil
}

// absent tells whether a deletion found nothing to delete.
func absent(err error) bool {
	return errors.Is(err, record.ErrGone) || errors.Is(err, record.ErrNotFound)
}

// removedAlready answers the deletion of what is not there.
func (s *Server) removedAlready(q *request) (*answer, error) {
	err := s.Store.Refuse(q, q.access, q.about(), http.StatusNoContent, "nothing to delete")
	return nothingRemoved("the resource is not there, or was deleted already", q.prefer), err
}

// nothingRemoved is the answer to a deletion that had nothing to do.
func nothingRemoved(why string, prefer preference) *answer {
	if prefer.result == "OperationOutcome" {
		return &answer{status: http.StatusOK, body: done(why)}
	}
	return &answer{status: http.StatusNoContent}
}

// removed is the answer to a deletion, with the version that marks it where it is one.
func removed(versions []record.Version, commit *record.Commit, prefer preference) *answer {
	a := &answer{status: http.StatusNoContent, commit: commit}
	if len(versions) == 1 {
		a.version, a.updated = versions[0].Version, versions[0].Updated
	}
	if prefer.result == "OperationOutcome" {
		a.status, a.body = http.StatusOK, done("deleted: "+strconv.Itoa(len(versions)))
	}
	return a
}
