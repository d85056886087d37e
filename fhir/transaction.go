package fhir

import (
	"errors"
	"net/http"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// transaction does all that the entries ask for, or nothing. Whatever the order of the entries, deletes come first, then
// creates, updates and reads (FHIR R4, 3.1.0.11.2); the answers are in the order of the entries.
func (s *Server) transaction(q *request, list []entry) (*answer, error) {
	for i := range list {
		if list[i].bad != nil {
			return nil, list[i].bad
		}
	}
	if p := duplicates(list); p != nil {
		return nil, p
	}
	release, err := s.conditions.hold(q, createConditions(list))
	if err != nil {
		return nil, err
	}
	defer release()
	v, err := s.identify(q, list)
	if err != nil {
		return nil, err
	}
	changes, entries, err := s.changes(q, list, v)
	if err != nil {
		return nil, err
	}
	if err := s.readable(q, list); err != nil {
		return nil, err
	}
	var commit *record.Commit
	if len(changes) > 0 {
		if commit, err = s.Store.Write(q, q.access, changes); err != nil {
			return nil, blame(err, list, entries)
		}
		for i, at := range entries {
			list[at].answer = entryAnswer(&list[at], &commit.Versions[i], commit, q.prefer)
		}
	}
	for i := range list {
		if e := &list[i]; e.answer == nil {
			s.perform(e)
		}
	}
	a := &answer{status: http.StatusOK, commit: commit}
	a.body = bundleAnswer("transaction-response", q.base, list)
	return a, nil
}

// entryAnswer is the answer to a write in a transaction; unless asked for, it does not repeat the resource.
func entryAnswer(e *entry, v *record.Version, commit *record.Commit, prefer preference) *answer {
	if e.method == http.MethodDelete {
		return removed(v, commit, prefer)
	}
	if prefer.result == "" {
		prefer.result = "minimal"
	}
	return written(v, commit, prefer)
}

// duplicates refuses two entries for one resource, or with one fullUrl: there would be no saying which is meant.
func duplicates(list []entry) *problem {
	urls, refs := map[string]bool{}, map[string]bool{}
	for i := range list {
		e := &list[i]
		if e.fullURL != "" && e.writes() {
			if urls[e.fullURL] {
				return fail(http.StatusBadRequest, "duplicate", "two entries have this fullUrl").on(e.at, "fullUrl")
			}
			urls[e.fullURL] = true
		}
		if e.method != http.MethodPut && e.method != http.MethodDelete {
			continue
		}
		ref := e.typ + "/" + e.id
		if refs[ref] {
			return fail(http.StatusBadRequest, "duplicate", "two entries write to this resource").at(e.at.Get("request").Get("url"))
		}
		refs[ref] = true
	}
	return nil
}

// identify gives every entry that writes its id, and finds what all references and conditions stand for.
func (s *Server) identify(q *request, list []entry) (*resolver, error) {
	var all []condition
	for i := range list {
		e := &list[i]
		if e.resource == nil {
			continue
		}
		all = append(all, e.refers...)
		if e.method == http.MethodPost && e.ifNoneExist != "" {
			all = append(all, condition{e.typ + "?" + e.ifNoneExist, e.at.Get("request").Get("ifNoneExist")})
		}
	}
	found, err := s.match(q, all)
	if err != nil {
		return nil, err
	}
	v := &resolver{base: q.own, entries: map[string]string{}, found: map[string]string{}}
	now := time.Now()
	for i := range list {
		if e := &list[i]; e.resource != nil {
			if err := e.name(v, found, now); err != nil {
				return nil, err
			}
		}
	}
	for i := range list {
		if list[i].answer != nil { // exists; what it refers to does not matter
			continue
		}
		if p := only(list[i].refers, found, v.found); p != nil {
			return nil, p
		}
	}
	return v, nil
}

// name decides which resource an entry writes to, and makes it known under its fullUrl and its condition.
func (e *entry) name(v *resolver, found map[string][]record.Head, now time.Time) error {
	if e.method == http.MethodPost {
		e.id = newID(now)
		if e.ifNoneExist != "" {
			text := e.typ + "?" + e.ifNoneExist
			heads := found[text]
			if len(heads) > 1 {
				return severalMatch("ifNoneExist").at(e.at.Get("request").Get("ifNoneExist"))
			}
			if len(heads) == 1 {
				e.id, e.answer = heads[0].ID, existing(&heads[0])
			} else if _, taken := v.found[text]; taken {
				return fail(http.StatusBadRequest, "duplicate", "two entries create on this condition").at(e.at.Get("request").Get("ifNoneExist"))
			}
			v.found[text] = e.typ + "/" + e.id
		}
	}
	e.ref = e.typ + "/" + e.id
	if e.fullURL != "" {
		v.entries[e.fullURL] = e.ref
		if e.urlBase != "" {
			_, ref := restful(e.fullURL)
			v.entries[e.urlBase+"/"+ref] = e.ref // without the version that fullUrl may name
		}
		v.urns = v.urns || e.urlBase == ""
	}
	return nil
}

// order is that in which the verbs of a transaction are done.
var order = []string{http.MethodDelete, http.MethodPost, http.MethodPut}

// changes makes the list of what is to be stored, and says which entry each change comes from.
func (s *Server) changes(q *request, list []entry, v *resolver) (changes []record.Change, entries []int, err error) {
	for _, method := range order {
		for i := range list {
			e := &list[i]
			if e.method != method || e.answer != nil || e.resource == nil && method != http.MethodDelete {
				continue
			}
			change, already, err := s.entryChange(q, e, v)
			if err != nil {
				return nil, nil, err
			}
			if already {
				e.do = (*Server).removedAlready // and leaves its entry, when the others have been stored
				continue
			}
			changes, entries = append(changes, change), append(entries, i)
		}
	}
	return changes, entries, nil
}

// entryChange is what an entry stores. already says that it deletes what is deleted, and stores nothing.
func (s *Server) entryChange(q *request, e *entry, v *resolver) (change record.Change, already bool, err error) {
	var head record.Head
	switch e.method {
	case http.MethodDelete:
		if head, err = s.Store.Peek(q, q.access, policy.Delete, e.typ, e.id); err != nil {
			return change, false, placed(err, e.at.Get("request").Get("url"))
		}
		change = record.Change{Op: record.OpDelete, Type: e.typ, ID: e.id}
	case http.MethodPost:
		change, err = s.changeOf(e.resource, record.OpCreate, e.id, v, e.urlBase)
	default:
		op := record.OpUpdate
		if e.ifNoneMatch != "" {
			if op = record.OpCreate; e.ifNoneMatch != "*" {
				return change, false, onlyIfNone().at(e.at.Get("request").Get("ifNoneMatch"))
			}
		}
		change, err = s.changeOf(e.resource, op, e.id, v, e.urlBase)
	}
	e.chart = change.Chart
	if err == nil {
		change.IfVersion, err = ifVersion(e.ifMatch, e.at.Get("request").Get("ifMatch"))
	}
	if head.Deleted && err == nil && change.IfVersion > 0 && change.IfVersion != head.Version {
		err = placed(record.ErrConflict, e.at.Get("request").Get("ifMatch"))
	}
	return change, head.Deleted, err
}

// readable fails a transaction before anything is stored if it reads what is not there and is not made by it.
func (s *Server) readable(q *request, list []entry) error {
	made := map[string]bool{}
	for i := range list {
		made[list[i].ref] = true
	}
	for i := range list {
		e := &list[i]
		if e.method != http.MethodGet || e.id == "" || e.typ == "AuditEvent" || made[e.typ+"/"+e.id] {
			continue
		}
		act := policy.Read
		if e.history {
			act = policy.History
		}
		head, err := s.Store.Peek(q, q.access, act, e.typ, e.id)
		if err == nil && head.Deleted && e.version == 0 && !e.history {
			err = record.ErrGone
		}
		if err != nil {
			return placed(err, e.at.Get("request").Get("url"))
		}
	}
	return nil
}

// placed says which element of the Bundle an error of the Store is about.
func placed(err error, at tape.Value) error { return problemOf(err).at(at) }

// blame names the entry whose change a Write failed on.
func blame(err error, list []entry, entries []int) error {
	var change *record.ChangeError
	if errors.As(err, &change) && change.Index >= 0 && change.Index < len(entries) {
		e := &list[entries[change.Index]]
		if e.ifNoneMatch != "" && errors.Is(err, record.ErrExists) {
			err = existsAlready()
		}
		return placed(err, e.at)
	}
	return err
}
