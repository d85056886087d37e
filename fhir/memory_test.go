package fhir

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// memory is a Store that keeps its promises in memory: entries before data, all or nothing, one chart one stream.
type memory struct {
	mu        sync.Mutex
	now       time.Time
	resources map[string]*memoryResource // by "Type/id"
	entries   []Audited                  // of all charts, in order
	stopped   bool                       // answers ErrUnavailable
	anchored  chan struct{}              // closed: every commit is in a block
}

type memoryResource struct {
	versions []Version
	source   []byte // of the current version
	terms    []Term
	change   Change
}

func newMemory() *memory {
	m := &memory{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), resources: map[string]*memoryResource{}, anchored: make(chan struct{})}
	close(m.anchored)
	return m
}

func (r *memoryResource) current() *Version { return &r.versions[len(r.versions)-1] }

// leave adds an entry, with targets, to a chart's stream.
func (m *memory) leave(a Access, kind verify.Kind, chart string, outcome int, targets ...verify.Target) {
	e := &verify.Entry{Version: 1, Kind: kind, Time: m.now.UnixMilli(), Actor: a.Actor, Role: a.Role, Purpose: a.Purpose,
		Chart: chart, Targets: targets, Detail: a.Detail, Outcome: uint16(outcome), Request: a.Request}
	for _, other := range m.entries {
		if other.Entry.Chart == chart {
			e.Number++
		}
	}
	n := len(m.entries)
	m.entries = append(m.entries, Audited{ID: fmt.Sprintf("e%d", n), Entry: e, Tag: verify.Tag{byte(n)}, Height: uint64(n + 1), Block: m.now})
}

func (m *memory) enter() (func(), error) {
	m.mu.Lock()
	if m.stopped {
		m.mu.Unlock()
		return nil, fmt.Errorf("memory: %w", ErrUnavailable)
	}
	return m.mu.Unlock, nil
}

func (m *memory) Write(_ context.Context, a Access, changes []Change) (*Commit, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	for i, c := range changes {
		if err := m.allowed(c); err != nil {
			return nil, &ChangeError{Index: i, Err: err}
		}
	}
	m.now = m.now.Add(time.Second)
	commit := &Commit{Anchored: func(ctx context.Context) error {
		select {
		case <-m.anchored:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	for _, c := range changes {
		commit.Versions = append(commit.Versions, m.apply(a, c))
	}
	return commit, nil
}

func (m *memory) allowed(c Change) error {
	r := m.resources[c.Type+"/"+c.ID]
	switch {
	case c.Op == OpCreate && r != nil:
		return ErrExists
	case c.Op == OpDelete && r == nil:
		return ErrNotFound
	case c.IfVersion != 0 && (r == nil || r.current().Version != c.IfVersion):
		return ErrConflict
	case c.Op == OpDelete && r.current().Op == OpDelete:
		return ErrGone
	}
	return nil
}

func (m *memory) apply(a Access, c Change) Version {
	key := c.Type + "/" + c.ID
	r := m.resources[key]
	v := Version{Type: c.Type, ID: c.ID, Version: 1, Updated: m.now, Op: c.Op, Chart: c.Chart}
	if r == nil {
		r = &memoryResource{}
		m.resources[key] = r
		v.Op = OpCreate
	} else {
		v.Version = r.current().Version + 1
		if r.current().Op == OpDelete {
			v.Op = OpCreate
		}
		if c.Op == OpDelete {
			v.Chart = r.current().Chart
		}
	}
	kind := map[Op]verify.Kind{OpCreate: verify.KindCreate, OpUpdate: verify.KindUpdate, OpDelete: verify.KindDelete}[v.Op]
	r.source, r.terms, r.change = slices.Clone(c.Source), c.Terms, c
	if c.Op != OpDelete {
		v.Body = Apply(c.Source, c.Edits(v.Version, v.Updated))
	}
	r.versions = append(r.versions, v)
	m.leave(a, kind, v.Chart, http.StatusOK, verify.Target{Ref: key, Version: v.Version})
	return v
}

func (m *memory) Read(_ context.Context, a Access, typ, id string, version uint64) (*Version, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	r := m.resources[typ+"/"+id]
	if r == nil || version > uint64(len(r.versions)) {
		return nil, ErrNotFound
	}
	v := r.current()
	if version > 0 {
		v = &r.versions[version-1]
	}
	if v.Op == OpDelete {
		return nil, ErrGone
	}
	m.leave(a, verify.KindRead, v.Chart, http.StatusOK, verify.Target{Ref: typ + "/" + id, Version: v.Version})
	return v, nil
}

func (m *memory) History(_ context.Context, a Access, typ, id string, count int, before uint64) (*Page, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	r := m.resources[typ+"/"+id]
	if r == nil {
		return nil, ErrNotFound
	}
	page := &Page{Total: len(r.versions)}
	var targets []verify.Target
	for _, v := range slices.Backward(r.versions) {
		if before > 0 && v.Version >= before {
			continue
		}
		if len(page.Versions) == count {
			page.Next = formatUint(page.Versions[count-1].Version)
			break
		}
		page.Versions = append(page.Versions, v)
		targets = append(targets, verify.Target{Ref: typ + "/" + id, Version: v.Version})
	}
	m.leave(a, verify.KindHistory, r.current().Chart, http.StatusOK, targets...)
	return page, nil
}

// matches finds current versions by brute force, in the order of their ids.
func (m *memory) matches(q Query) (found []*Version) {
	for _, key := range slices.Sorted(maps.Keys(m.resources)) {
		r := m.resources[key]
		v := r.current()
		if v.Type == q.Type && v.Op != OpDelete && !slices.ContainsFunc(q.Filters, func(f Filter) bool { return !r.passes(f) }) {
			found = append(found, v)
		}
	}
	return found
}

func (r *memoryResource) passes(f Filter) bool {
	v := r.current()
	terms := r.terms
	switch at := v.Updated.UnixMilli(); f.Param {
	case "_id":
		terms = []Term{{Param: "_id", Kind: Token, Value: "|" + v.ID}}
	case "_lastUpdated":
		terms = []Term{{Param: "_lastUpdated", Kind: Date, Lo: at, Hi: at}}
	}
	for _, t := range terms {
		for i := range f.Any {
			if t.Param == f.Param && t.Kind == f.Kind && t.passes(&f.Any[i]) {
				return true
			}
		}
	}
	return false
}

func (t *Term) passes(test *Test) bool {
	switch {
	case t.Kind == Date:
		return test.Holds(t.Lo, t.Hi)
	case t.Kind == Reference || t.Value == test.Value:
		return t.Value == test.Value
	case !strings.Contains(test.Value, "|"):
		return t.Value[strings.IndexByte(t.Value, '|')+1:] == test.Value
	}
	return strings.HasSuffix(test.Value, "|") && strings.HasPrefix(t.Value, test.Value)
}

// release leaves one entry for each chart among the versions, and a parent if there is not exactly one.
func (m *memory) release(a Access, versions []Version) {
	charts := map[string][]verify.Target{}
	for _, v := range versions {
		charts[v.Chart] = append(charts[v.Chart], verify.Target{Ref: v.Type + "/" + v.ID, Version: v.Version})
	}
	for _, chart := range slices.Sorted(maps.Keys(charts)) {
		m.leave(a, verify.KindSearch, chart, http.StatusOK, charts[chart]...)
	}
	if len(charts) != 1 {
		m.leave(a, verify.KindSearch, "", http.StatusOK)
	}
}

func (m *memory) Search(_ context.Context, a Access, q Query) (*Page, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	found := m.matches(q)
	page := &Page{Total: len(found)}
	for _, v := range found {
		if q.After != "" && v.ID <= q.After {
			continue
		}
		if len(page.Versions) == q.Count {
			if q.Count > 0 {
				page.Next = page.Versions[q.Count-1].ID
			}
			break
		}
		page.Versions = append(page.Versions, *v)
	}
	m.release(a, page.Versions)
	return page, nil
}

func (m *memory) Match(_ context.Context, a Access, queries []Query) ([][]Head, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	all, released := [][]Head(nil), []Version(nil)
	for _, q := range queries {
		var heads []Head
		for _, v := range m.matches(q) {
			if len(heads) < q.Count {
				heads = append(heads, Head{Type: v.Type, ID: v.ID, Version: v.Version, Updated: v.Updated, Chart: v.Chart})
				released = append(released, *v)
			}
		}
		all = append(all, heads)
	}
	m.release(a, released)
	return all, nil
}

func (m *memory) Peek(_ context.Context, typ, id string) (Head, error) {
	leave, err := m.enter()
	if err != nil {
		return Head{}, err
	}
	defer leave()
	r := m.resources[typ+"/"+id]
	if r == nil {
		return Head{}, ErrNotFound
	}
	v := r.current()
	return Head{Type: typ, ID: id, Version: v.Version, Updated: v.Updated, Deleted: v.Op == OpDelete, Chart: v.Chart}, nil
}

func (m *memory) Refuse(_ context.Context, a Access, _, _ string, status int, _ string) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	m.leave(a, verify.KindRefuse, "", status)
	return nil
}

func (m *memory) AuditEvents(_ context.Context, a Access, q AuditQuery) (events []Audited, next string, err error) {
	leave, err := m.enter()
	if err != nil {
		return nil, "", err
	}
	defer leave()
	for _, e := range slices.Backward(slices.Clone(m.entries)) {
		n := int(e.Height)
		if !auditMatches(e.Entry, &q) || q.After != "" && cmp.Compare(fmt.Sprintf("%06d", n), q.After) >= 0 {
			continue
		}
		if len(events) == q.Count {
			next = fmt.Sprintf("%06d", events[q.Count-1].Height)
			break
		}
		events = append(events, e)
	}
	m.leave(a, verify.KindHistory, q.Chart, http.StatusOK)
	return events, next, nil
}

func auditMatches(e *verify.Entry, q *AuditQuery) bool {
	touched := func(t verify.Target) bool { return slices.Contains(q.Entities, t.Ref) }
	for i := range q.Dates {
		if !q.Dates[i].Holds(e.Time, e.Time) {
			return false
		}
	}
	return e.Chart == q.Chart && (q.Kinds == nil || slices.Contains(q.Kinds, e.Kind)) && (q.Agents == nil || slices.Contains(q.Agents, e.Actor)) &&
		(q.Entities == nil || slices.ContainsFunc(e.Targets, touched))
}

func (m *memory) AuditEvent(_ context.Context, a Access, id string) (*Audited, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	for i := range m.entries {
		if e := m.entries[i]; e.ID == id {
			m.leave(a, verify.KindRead, e.Entry.Chart, http.StatusOK)
			return &e, nil
		}
	}
	return nil, ErrNotFound
}

func (m *memory) Receipt(ctx context.Context, a Access, typ, id string, version uint64) ([]byte, error) {
	select {
	case <-m.anchored:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	r := m.resources[typ+"/"+id]
	if r == nil || version > uint64(len(r.versions)) {
		return nil, ErrNotFound
	}
	m.leave(a, verify.KindExport, r.current().Chart, http.StatusOK)
	return json.Marshal(map[string]any{"version": version})
}

func (m *memory) AuditReceipt(ctx context.Context, a Access, id string) ([]byte, error) {
	if _, err := m.AuditEvent(ctx, a, id); err != nil {
		return nil, err
	}
	return []byte(`{}`), nil
}

// left describes the entries from number n on, as "kind chart outcome targets".
func (m *memory) left(n int) (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := []string{"", "create", "update", "delete", "read", "search", "history", "refuse", "export", "system"}
	for _, a := range m.entries[n:] {
		line := names[a.Entry.Kind]
		if a.Entry.Chart != "" {
			line += " of " + a.Entry.Chart
		}
		if a.Entry.Kind == verify.KindRefuse {
			line += fmt.Sprintf(" %d", a.Entry.Outcome)
		}
		for _, t := range a.Entry.Targets {
			line += fmt.Sprintf(" %s/%d", t.Ref, t.Version)
		}
		list = append(list, line)
	}
	return list
}

// tokens authorises "Bearer <actor>": anybody but "mallory", who is known and may nothing.
type tokens struct{}

func (tokens) Authorize(r *http.Request) (Access, error) {
	actor, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Access{}, fmt.Errorf("tokens: %w", ErrUnauthenticated)
	}
	a := Access{Actor: actor, Role: "clinician", Purpose: "TREAT", Org: hex.EncodeToString(make([]byte, 8))}
	if actor == "mallory" {
		return a, errors.Join(ErrForbidden)
	}
	return a, nil
}
