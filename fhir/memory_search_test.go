package fhir

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// matches finds current versions by brute force, in the order of their ids or as the query sorts them.
func (m *memory) matches(q record.Query) (found []*record.Version) {
	var all []term.Resource
	var versions []*record.Version
	for _, key := range slices.Sorted(maps.Keys(m.resources)) {
		r := m.resources[key]
		if v := r.current(); v.Op != record.OpDelete {
			all = append(all, term.Resource{Type: v.Type, ID: v.ID, Updated: v.Updated.UnixMilli(), Terms: r.terms})
			versions = append(versions, v)
		}
	}
	for _, i := range term.Find(&term.Query{Type: q.Type, All: q.All, Sort: q.Sort}, all) {
		found = append(found, versions[i])
	}
	return found
}

// release leaves one entry for each chart among the versions, and a parent if there is not exactly one.
func (m *memory) release(a record.Access, versions []record.Version) {
	m.releaseAs(verify.KindSearch, a, versions)
}

func (m *memory) releaseAs(kind verify.Kind, a record.Access, versions []record.Version) {
	charts := map[string][]verify.Target{}
	for _, v := range versions {
		charts[v.Chart] = append(charts[v.Chart], verify.Target{Ref: v.Type + "/" + v.ID, Version: v.Version})
	}
	for _, chart := range slices.Sorted(maps.Keys(charts)) {
		m.leave(a, kind, chart, http.StatusOK, charts[chart]...)
	}
	if len(charts) != 1 {
		m.leave(a, kind, "", http.StatusOK)
	}
}

func (m *memory) Search(_ context.Context, a record.Access, q record.Query) (*record.Page, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	found := m.matches(q)
	page := &record.Page{Total: len(found), Missing: m.missing}
	if m.uncounted {
		page.Total = -1
	}
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

func (m *memory) SearchSeveral(ctx context.Context, a record.Access, queries []record.Query, count int, after, _ string) (*record.Page, error) {
	number, own, _ := strings.Cut(cmp.Or(after, "0."), ".")
	at, err := strconv.Atoi(number)
	if err != nil || at < 0 {
		return nil, record.ErrCursor
	}
	out := &record.Page{Total: -1}
	for ; at < len(queries); at, own = at+1, "" {
		q := queries[at]
		q.Count, q.After = count-len(out.Versions), own
		if q.Count == 0 {
			out.Next = fmt.Sprintf("%d.", at)
			break
		}
		page, err := m.Search(ctx, a, q)
		if err != nil {
			return nil, err
		}
		if out.Versions = append(out.Versions, page.Versions...); page.Next != "" {
			out.Next = fmt.Sprintf("%d.%s", at, page.Next)
			break
		}
	}
	return out, nil
}

func (m *memory) Gather(ctx context.Context, a record.Access, g *record.Gathering) (*record.Gathered, error) {
	out, seen := &record.Gathered{Missing: m.missing}, map[string]bool{}
	var last []record.Version
	for {
		queries, err := g.Next(last)
		if err != nil || len(queries) == 0 {
			if err == nil && g.Give != nil {
				out.Versions = slices.DeleteFunc(out.Versions, func(v record.Version) bool { return !g.Give(&v) })
			}
			if err == nil {
				m.release(a, out.Versions)
			}
			return out, err
		}
		last = nil
		for _, q := range queries {
			for i, v := range m.matches(q) {
				if ref := v.Type + "/" + v.ID; i < q.Count && !seen[ref] && (q.Keep == nil || q.Keep(v)) {
					seen[ref] = true
					out.Versions, last = append(out.Versions, *v), append(last, *v)
				}
			}
		}
	}
}

func (m *memory) Match(_ context.Context, a record.Access, queries []record.Query) ([][]record.Head, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	all, released := [][]record.Head(nil), []record.Version(nil)
	for _, q := range queries {
		var heads []record.Head
		for _, v := range m.matches(q) {
			if len(heads) < q.Count {
				heads = append(heads, record.Head{Type: v.Type, ID: v.ID, Version: v.Version, Chart: v.Chart})
				released = append(released, *v)
			}
		}
		all = append(all, heads)
	}
	m.release(a, released)
	return all, nil
}

func (m *memory) AuditEvents(_ context.Context, a record.Access, q record.AuditQuery) (events []record.Audited, next string, err error) {
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
			if q.Count > 0 {
				next = fmt.Sprintf("%06d", events[q.Count-1].Height)
			}
			break
		}
		events = append(events, e)
	}
	m.leave(a, verify.KindHistory, q.Chart, http.StatusOK)
	return events, next, nil
}

func auditMatches(e *verify.Entry, q *record.AuditQuery) bool {
	touched := func(t verify.Target) bool { return slices.Contains(q.Entities, t.Ref) }
	for i := range q.Dates {
		if !q.Dates[i].Holds(&term.Term{Kind: term.Date, Lo: e.Time, Hi: e.Time}) {
			return false
		}
	}
	return e.Chart == q.Chart && (q.Kinds == nil || slices.Contains(q.Kinds, e.Kind)) && (q.Agents == nil || slices.Contains(q.Agents, e.Actor)) &&
		(q.Entities == nil || slices.ContainsFunc(e.Targets, touched))
}

func (m *memory) AuditEvent(_ context.Context, a record.Access, id string) (*record.Audited, error) {
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
	return nil, record.ErrNotFound
}
