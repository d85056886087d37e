package fhir

import (
	"errors"
	"net/http"
	"slices"
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
	release, err := s.conditions.hold(q, s.writeConditions(list))
	if err != nil {
		return nil, err
	}
	defer release()
	v, err := s.identify(q, list)
	if err != nil {
		return nil, err
	}
	if p := overlaps(list); p != nil {
		return nil, p
	}
	v.beside = ownParameters(list)
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
		for i := 0; i < len(entries); {
			n := i + 1 // a conditional delete may have several changes
			for n < len(entries) && entries[n] == entries[i] {
				n++
			}
			e := &list[entries[i]]
			e.answer = entryAnswer(e, commit.Versions[i:n], commit, q.prefer)
			i = n
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
func entryAnswer(e *entry, versions []record.Version, commit *record.Commit, prefer preference) *answer {
	if e.method == http.MethodDelete {
		return removed(versions, commit, prefer)
	}
	if prefer.result == "" {
		prefer.result = "minimal"
	}
	return written(&versions[0], commit, prefer, e.resource.notes)
}

// duplicates refuses two entries with one fullUrl: there would be no saying which a reference means.
func duplicates(list []entry) *problem {
	urls := map[string]bool{}
	for i := range list {
		e := &list[i]
		if e.fullURL == "" || !e.writes() {
			continue
		}
		if urls[e.fullURL] {
			return fail(http.StatusBadRequest, "duplicate", "two entries have this fullUrl").on(e.at, "fullUrl")
		}
		urls[e.fullURL] = true
	}
	return overlaps(list)
}

// overlaps refuses two entries that write to one resource, by its id or because their criteria match it (FHIR R4, 3.1.0.11.2).
func overlaps(list []entry) *problem {
	refs := map[string]bool{}
	for i := range list {
		e := &list[i]
		if e.method != http.MethodPut && e.method != http.MethodDelete && e.method != http.MethodPatch {
			continue
		}
		written := []string{e.typ + "/" + e.id}
		if e.id == "" {
			written = written[:0]
		}
		for i := range e.heads {
			written = append(written, e.heads[i].Type+"/"+e.heads[i].ID)
		}
		slices.Sort(written)
		for _, ref := range slices.Compact(written) {
			if refs[ref] {
				return fail(http.StatusBadRequest, "duplicate", "two entries write to this resource").at(e.at.Get("request").Get("url"))
			}
			refs[ref] = true
		}
	}
	return nil
}

// identify gives every entry that writes its id, and finds what all references and conditions stand for.
func (s *Server) identify(q *request, list []entry) (*resolver, error) {
	var all []condition
	deleted, deletes := map[string]bool{}, 0
	for i := range list {
		e := &list[i]
		all = append(all, e.refers...)
		c, p := e.condition(s)
		if p != nil {
			return nil, p.at(c.at)
		}
		if c.text != "" {
			all = append(all, c)
		}
		if e.method == http.MethodDelete {
			deleted[e.typ+"/"+e.id] = true
			deletes += max(1, c.most)
		}
	}
	for i := range all {
		all[i].most = max(1, all[i].most) + min(deletes, maxCount)
	}
	found, err := s.match(q, all)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if e := &list[i]; e.method == http.MethodDelete && e.id == "" {
			c, _ := e.condition(s)
			e.heads = found[c.text]
			for _, h := range e.heads {
				deleted[h.Type+"/"+h.ID] = true
			}
		}
	}
	// What is deleted first is not matched by what comes after, but for updates and patches: it would be an entry's that writes to what another deletes.
	left := without(found, deleted)
	v := &resolver{base: q.own, entries: map[string]string{}, found: map[string]string{}}
	now := time.Now()
	for i := range list {
		e := &list[i]
		of := left
		if e.method == http.MethodPut || e.method == http.MethodPatch {
			of = found
		}
		if err := e.settle(s, v, of, now); err != nil {
			return nil, err
		}
	}
	if left, err = s.withMade(q, list, left); err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].answer != nil { // exists; what it refers to does not matter
			continue
		}
		if p := only(list[i].refers, left, v.found); p != nil {
			return nil, p
		}
	}
	return v, nil
}

// settle decides which resource an entry stores, and makes it known under its fullUrl and its condition.
func (e *entry) settle(s *Server, v *resolver, found map[string][]record.Head, now time.Time) error {
	if e.resource == nil && e.method != http.MethodPatch {
		return nil
	}
	c, p := e.condition(s)
	if p != nil {
		return p
	}
	heads := found[c.text]
	if e.method == http.MethodPatch {
		if c.text != "" {
			e.heads = heads
		}
		return nil
	}
	if p := e.choose(s, c, heads, now); p != nil {
		return p
	}
	if c.text != "" {
		if _, taken := v.found[c.text]; taken && len(heads) == 0 {
			return fail(http.StatusBadRequest, "duplicate", "two entries create on this condition").at(c.at)
		}
		v.found[c.text] = e.typ + "/" + e.id
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

// choose gives an entry that stores a resource its id, and by which operation it is stored.
func (e *entry) choose(s *Server, c condition, heads []record.Head, now time.Time) *problem {
	switch {
	case e.method == http.MethodPost && len(heads) > 1:
		return severalMatch("ifNoneExist").at(c.at)
	case e.method == http.MethodPost && len(heads) == 1:
		e.id, e.answer = heads[0].ID, matched(&heads[0])
	case e.method == http.MethodPost:
		e.op, e.id = record.OpCreate, newID(now)
	case c.text != "":
		t, p := s.target(e.resource, heads, e.ifNoneMatch)
		if p != nil {
			if p.issues[0].Path == "" {
				p.at(c.at)
			}
			return p
		}
		e.op, e.id, e.heads = t.op, t.id, heads
	case e.ifNoneMatch == "":
		e.op = record.OpUpdate
	case e.ifNoneMatch == "*" && s.ServerIDs:
		return foreignID().at(e.at.Get("request").Get("url"))
	case e.ifNoneMatch == "*":
		e.op = record.OpCreate
	default:
		return onlyIfNone().at(e.at.Get("request").Get("ifNoneMatch"))
	}
	return nil
}

// order is that in which the verbs of a transaction are done.
var order = []string{http.MethodDelete, http.MethodPost, http.MethodPut, http.MethodPatch}

// changes makes the list of what is to be stored, and says which entry each change comes from.
func (s *Server) changes(q *request, list []entry, v *resolver) (changes []record.Change, entries []int, err error) {
	for _, method := range order {
		for i := range list {
			e := &list[i]
			if e.method != method || e.answer != nil || e.resource == nil && method != http.MethodDelete && method != http.MethodPatch {
				continue
			}
			of, err := s.entryChanges(q, e, v)
			if err != nil {
				return nil, nil, err
			}
			for range of {
				entries = append(entries, i)
			}
			changes = append(changes, of...)
		}
	}
	return changes, entries, nil
}

// entryChanges are what an entry stores.
func (s *Server) entryChanges(q *request, e *entry, v *resolver) ([]record.Change, error) {
	request := e.at.Get("request")
	switch e.method {
	case http.MethodDelete:
		return s.entryDeletes(q, e)
	case http.MethodPatch:
		return s.entryPatch(q, e, v)
	}
	change, err := s.changeOf(q, e.resource, e.op, e.id, v, e.urlBase)
	e.chart, change.Fresh = change.Chart, e.op == record.OpCreate && e.method == http.MethodPost
	if err == nil && len(e.heads) == 0 && e.query == "" {
		change.IfVersion, err = s.ifVersion(&e.request, e.ifMatch, request.Get("ifMatch"))
	} else if err == nil && len(e.heads) == 0 {
		_, err = matchedVersion(e.ifMatch, nil, 0)
	}
	if err == nil && len(e.heads) == 1 { // it is what the criteria matched that is replaced
		change.IfVersion, err = matchedVersion(e.ifMatch, e.heads, e.heads[0].Version)
		err = placed(err, request.Get("ifMatch"))
	}
	return []record.Change{change}, err
}

// entryDeletes are the deletions of an entry. One that has nothing to delete leaves its entry when the others have been stored.
func (s *Server) entryDeletes(q *request, e *entry) ([]record.Change, error) {
	request := e.at.Get("request")
	if e.id == "" {
		c, p := e.condition(s)
		if p != nil {
			return nil, p.at(c.at)
		}
		changes, err := deletions(e.heads, c.most, e.ifMatch)
		if err == nil && len(changes) == 0 {
			e.answer = nothingRemoved("nothing matches the criteria", e.prefer)
		}
		return changes, placed(err, c.at)
	}
	head, err := s.Store.Peek(q, q.access, policy.Delete, e.typ, e.id)
	none := errors.Is(err, record.ErrNotFound) || head.Deleted
	if err != nil && !none {
		return nil, placed(err, request.Get("url"))
	}
	if !none {
		version, err := s.ifVersion(&e.request, e.ifMatch, request.Get("ifMatch"))
		return []record.Change{{Op: record.OpDelete, Type: e.typ, ID: e.id, IfVersion: version}}, err
	}
	named, err := readTags(e.ifMatch, request.Get("ifMatch"))
	if err != nil {
		return nil, err
	}
	if len(named) > 0 && !slices.Contains(named, head.Version) {
		return nil, placed(record.ErrConflict, request.Get("ifMatch"))
	}
	e.do = (*Server).removedAlready
	return nil, nil
}

// readable fails a transaction before anything is stored if it reads what is not there and is not made by it.
func (s *Server) readable(q *request, list []entry) error {
	made := map[string]bool{}
	for i := range list {
		made[list[i].ref] = true
	}
	for i := range list {
		e := &list[i]
		if e.method != http.MethodGet || e.id == "" || e.part != "" || e.typ == "AuditEvent" || made[e.typ+"/"+e.id] {
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

// placed says which element of the Bundle an error is about.
func placed(err error, at tape.Value) error {
	if err == nil {
		return nil
	}
	return problemOf(err).at(at)
}

// blame names the entry whose change a Write failed on.
func blame(err error, list []entry, entries []int) error {
	var change *record.ChangeError
	if errors.As(err, &change) && change.Index >= 0 && change.Index < len(entries) {
		e := &list[entries[change.Index]]
		switch {
		case e.ifNoneMatch != "" && errors.Is(err, record.ErrExists):
			err = existsAlready()
		case e.method == http.MethodPut && errors.Is(err, record.ErrNotFound):
			err = foreignID()
		}
		return placed(err, e.at)
	}
	return err
}
