package fhir

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/record"
)

// attempts bounds how often a conditional write looks again, because what its criteria matched was changed before it could be written.
const attempts = 8

// conditionalUpdate stores a resource as the next version of the only one that matches criteria, or as a new one where none does
// (PUT Type?…; FHIR R4, 3.1.0.4.3).
func (s *Server) conditionalUpdate(q *request) (*answer, error) {
	if q.query == "" {
		return notAllowed("GET", "HEAD", "POST")(s, q)
	}
	r, err := s.loadResource(q)
	if err != nil {
		return nil, err
	}
	c := condition{text: q.typ + "?" + oneSpelling(q.query)}
	release, err := s.conditions.hold(q, []string{c.text})
	if err != nil {
		return nil, err
	}
	defer release()
	for range attempts {
		var heads []record.Head
		if heads, err = s.matching(q, c); err != nil {
			return nil, err
		}
		t, p := s.target(r, heads, q.ifNoneMatch)
		if p != nil {
			return nil, p
		}
		if t.version, err = matchedVersion(q.ifMatch, heads, t.version); err != nil {
			return nil, err
		}
		a, err := s.store(q, r, t.op, t.id, t.version)
		if !overtaken(err) || pinned(q.ifMatch) {
			return a, err
		}
	}
	return nil, contended()
}

// matching gives what a condition matches.
func (s *Server) matching(q *request, c condition) ([]record.Head, error) {
	found, err := s.match(q, []condition{c})
	return found[c.text], err
}

// updateTarget is where a conditional update goes.
type updateTarget struct {
	op      record.Op
	id      string
	version uint64 // that was matched, and must still be the current one
}

// target decides where a conditional update goes, by what its criteria match and the id that the resource carries.
func (s *Server) target(r *resource, heads []record.Head, ifNoneMatch string) (updateTarget, *problem) {
	if ifNoneMatch != "" {
		if ifNoneMatch != "*" {
			return updateTarget{}, onlyIfNone()
		}
		if len(heads) > 0 {
			return updateTarget{}, fail(http.StatusPreconditionFailed, "conflict", "the criteria match a resource, and If-None-Match: * asks that there be none")
		}
	}
	switch {
	case len(heads) > 1:
		return updateTarget{}, severalMatch("the criteria of the update")
	case len(heads) == 1 && r.id != "" && r.id != heads[0].ID:
		return updateTarget{}, fail(http.StatusBadRequest, "value", "the criteria match a resource of another id than this one carries").at(r.root.Get("id"))
	case len(heads) == 1:
		return updateTarget{record.OpUpdate, heads[0].ID, heads[0].Version}, nil
	case r.id != "" && s.ServerIDs:
		return updateTarget{}, foreignID().at(r.root.Get("id"))
	case r.id != "":
		return updateTarget{op: record.OpCreate, id: r.id}, nil
	}
	return updateTarget{op: record.OpCreate, id: newID(time.Now())}, nil
}

// matchedVersion joins If-Match to the version that was matched.
func matchedVersion(ifMatch string, heads []record.Head, version uint64) (uint64, error) {
	named, err := readTags(ifMatch, tape.Value{})
	if err != nil || len(named) == 0 {
		return version, err
	}
	if len(heads) != 1 || !named.hold(heads[0].Version) {
		return 0, record.ErrConflict
	}
	return heads[0].Version, nil
}

// overtaken tells whether a write failed because another came between its look and itself.
func overtaken(err error) bool {
	return errors.Is(err, record.ErrConflict) || errors.Is(err, record.ErrGone)
}

func contended() *problem {
	return fail(http.StatusConflict, "conflict", "what the criteria match is being changed by others all the time; try again later")
}

// conditionalDelete deletes what criteria match (DELETE Type?…; FHIR R4, 3.1.0.7.1): one resource, unless the node allows more or the request
// says with _count up to how many; all of them or none. Where more match nothing is deleted.
func (s *Server) conditionalDelete(q *request) (*answer, error) {
	if q.query == "" {
		return notAllowed("GET", "HEAD", "POST")(s, q)
	}
	c, p := s.deletion(q.typ, q.query)
	if p != nil {
		return nil, p
	}
	for range attempts {
		heads, err := s.matching(q, c)
		if err != nil {
			return nil, err
		}
		changes, err := deletions(heads, c.most, q.ifMatch)
		if err != nil {
			return nil, err
		}
		if len(changes) == 0 {
			return nothingRemoved("nothing matches the criteria", q.prefer), nil // that it was asked has left its entries
		}
		commit, err := s.Store.Write(q, q.access, changes)
		if err == nil {
			return removed(commit.Versions, commit, q.prefer), nil
		}
		if !overtaken(err) || pinned(q.ifMatch) {
			return nil, err
		}
	}
	return nil, contended()
}

// deletion reads the criteria of a conditional delete, and how many it may delete.
func (s *Server) deletion(typ, raw string) (condition, *problem) {
	pairs, p := pairsOf(raw)
	if p != nil {
		return condition{}, p
	}
	c := condition{most: s.Limits.Deletes}
	rest := pairs[:0]
	for _, pair := range pairs {
		if pair.name != "_count" {
			rest = append(rest, pair)
			continue
		}
		n, err := strconv.Atoi(pair.value)
		if err != nil || n < 1 {
			return condition{}, fail(http.StatusBadRequest, "value", "_count must be a whole number from 1")
		}
		c.most = min(n, maxCount)
	}
	c.text = typ + "?" + oneSpelling(query(rest))
	return c, nil
}

// deletions are the changes of a conditional delete.
func deletions(heads []record.Head, most int, ifMatch string) ([]record.Change, error) {
	if len(heads) > most {
		if most == 1 {
			return nil, severalMatch("the criteria of the delete")
		}
		return nil, fail(http.StatusPreconditionFailed, "multiple-matches", "more than %d resources match the criteria of the delete; nothing was deleted", most)
	}
	named, err := readTags(ifMatch, tape.Value{})
	if err != nil {
		return nil, err
	}
	changes := make([]record.Change, len(heads))
	for i := range heads {
		h := &heads[i]
		if len(named) > 0 && (len(heads) > 1 || !named.hold(h.Version)) {
			return nil, record.ErrConflict
		}
		changes[i] = record.Change{Op: record.OpDelete, Type: h.Type, ID: h.ID, IfVersion: h.Version}
	}
	if len(named) > 0 && len(heads) == 0 {
		return nil, record.ErrConflict
	}
	return changes, nil
}

// condition gives the search on which an entry of a transaction creates, updates or deletes; one without text where there is none.
func (e *entry) condition(s *Server) (condition, *problem) {
	request := e.at.Get("request")
	switch {
	case e.method == http.MethodPost && e.resource != nil && e.ifNoneExist != "":
		return condition{text: e.typ + "?" + e.ifNoneExist, at: request.Get("ifNoneExist")}, nil
	case e.id != "" || e.query == "":
	case e.method == http.MethodPut || e.method == http.MethodPatch:
		return condition{text: e.typ + "?" + oneSpelling(e.query), at: request.Get("url")}, nil
	case e.method == http.MethodDelete:
		c, p := s.deletion(e.typ, e.query)
		c.at = request.Get("url")
		return c, p
	}
	return condition{}, nil
}

// without gives what was found less the resources that the same transaction deletes.
func without(found map[string][]record.Head, deleted map[string]bool) map[string][]record.Head {
	left := make(map[string][]record.Head, len(found))
	for text, heads := range found {
		left[text] = slices.DeleteFunc(slices.Clone(heads), func(h record.Head) bool { return deleted[h.Type+"/"+h.ID] })
	}
	return left
}
