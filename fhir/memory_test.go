package fhir

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// memory is a Store that keeps its promises in memory: entries before data, all or nothing, one chart one stream.
type memory struct {
	mu        sync.Mutex
	now       time.Time
	resources map[string]*memoryResource // by "Type/id"
	entries   []record.Audited           // of all charts, in order
	counts    map[string]uint64          // of each chart's entries
	uncounted bool                       // searches do not know their total
	missing   bool                       // searches may miss something
	stopped   bool                       // answers ErrUnavailable
	tell      func(typ, id string)       // unless nil, is told of each write
	anchored  chan struct{}              // closed: every commit is in a block
}

type memoryResource struct {
	versions []record.Version
	source   []byte // of the current version
	terms    []term.Term
	change   record.Change
	request  [16]byte // that wrote the current version
}

func newMemory() *memory {
	m := &memory{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), resources: map[string]*memoryResource{}, counts: map[string]uint64{}, anchored: make(chan struct{})}
	close(m.anchored)
	return m
}

func (r *memoryResource) current() *record.Version { return &r.versions[len(r.versions)-1] }

// leave adds an entry, with targets, to a chart's stream.
func (m *memory) leave(a record.Access, kind verify.Kind, chart string, outcome int, targets ...verify.Target) {
	e := &verify.Entry{Version: 1, Kind: kind, Time: m.now.UnixMilli(), Actor: a.Actor, Role: a.Role, Purpose: a.Purpose,
		Chart: chart, Targets: targets, Detail: a.Detail, Outcome: uint16(outcome), Request: a.Request}
	e.Number = m.counts[chart]
	m.counts[chart]++
	n := len(m.entries)
	m.entries = append(m.entries, record.Audited{ID: fmt.Sprintf("e%d", n), Entry: e, Tag: verify.Tag{byte(n)}, Height: uint64(n + 1)})
}

func (m *memory) enter() (func(), error) {
	m.mu.Lock()
	if m.stopped {
		m.mu.Unlock()
		return nil, fmt.Errorf("memory: %w", record.ErrUnavailable)
	}
	return m.mu.Unlock, nil
}

func (m *memory) Write(_ context.Context, a record.Access, changes []record.Change) (*record.Commit, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	for i, c := range changes {
		if err := m.allowed(c); err != nil {
			return nil, &record.ChangeError{Index: i, Err: err}
		}
	}
	m.now = m.now.Add(time.Second)
	commit := &record.Commit{Anchored: func(ctx context.Context) error {
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

func (m *memory) allowed(c record.Change) error {
	r := m.resources[c.Type+"/"+c.ID]
	switch {
	case c.Op == record.OpCreate && r != nil:
		return record.ErrExists
	case (c.Op == record.OpDelete || c.Known) && r == nil:
		return record.ErrNotFound
	case c.IfVersion == record.AnyVersion:
		if r == nil || r.current().Op == record.OpDelete {
			return record.ErrConflict
		}
	case c.IfVersion != 0 && (r == nil || r.current().Version != c.IfVersion):
		return record.ErrConflict
	case c.Op == record.OpDelete && r.current().Op == record.OpDelete:
		return record.ErrGone
	}
	return nil
}

func (m *memory) apply(a record.Access, c record.Change) record.Version {
	key := c.Type + "/" + c.ID
	r := m.resources[key]
	v := record.Version{Type: c.Type, ID: c.ID, Version: 1, Updated: m.now, Op: c.Op, Chart: c.Chart}
	if r == nil {
		r = &memoryResource{}
		m.resources[key] = r
		v.Op = record.OpCreate
	} else {
		v.Version = r.current().Version + 1
		if r.current().Op == record.OpDelete {
			v.Op = record.OpCreate
		}
		if c.Op == record.OpDelete {
			v.Chart = r.current().Chart
		}
	}
	kind := map[record.Op]verify.Kind{record.OpCreate: verify.KindCreate, record.OpUpdate: verify.KindUpdate, record.OpDelete: verify.KindDelete}[v.Op]
	r.source, r.terms, r.change, r.request = slices.Clone(c.Source), c.Terms, c, a.Request
	if c.Op != record.OpDelete {
		v.Body = Apply(c.Source, c.Edits(v.Version, v.Updated))
	}
	r.versions = append(r.versions, v)
	if m.tell != nil {
		m.tell(c.Type, c.ID)
	}
	m.leave(a, kind, v.Chart, http.StatusOK, verify.Target{Ref: key, Version: v.Version, Blob: verify.Hash{1}})
	return v
}

func (m *memory) Read(_ context.Context, a record.Access, typ, id string, version uint64) (*record.Version, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	r := m.resources[typ+"/"+id]
	if r == nil || version > uint64(len(r.versions)) {
		return nil, record.ErrNotFound
	}
	v := r.current()
	if version > 0 {
		v = &r.versions[version-1]
	}
	if v.Op == record.OpDelete {
		return nil, &record.GoneError{Head: record.Head{Type: typ, ID: id, Version: v.Version, Updated: v.Updated, Deleted: true, Chart: v.Chart}}
	}
	m.leave(a, verify.KindRead, v.Chart, http.StatusOK, verify.Target{Ref: typ + "/" + id, Version: v.Version})
	return v, nil
}

func (m *memory) History(_ context.Context, a record.Access, q record.HistoryQuery) (*record.Page, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	var all []record.Version
	for _, key := range slices.Sorted(maps.Keys(m.resources)) {
		r := m.resources[key]
		if v := r.current(); slices.Contains(q.Types, v.Type) && (q.ID == "" || q.ID == v.ID) {
			all = append(all, r.versions...)
		}
	}
	if all == nil && q.ID != "" {
		return nil, record.ErrNotFound
	}
	slices.SortStableFunc(all, func(a, b record.Version) int {
		return cmp.Or(b.Updated.Compare(a.Updated), cmp.Compare(b.Version, a.Version))
	})
	if _, err := strconv.Atoi(q.After); q.After != "" && err != nil {
		return nil, record.ErrCursor
	}
	page := &record.Page{}
	for _, v := range all {
		if v.Updated.UnixMilli() < q.Since || q.At != nil && !m.was(&v, q.At) {
			continue
		}
		page.Total++
		place := formatUint(v.Version)
		if q.ID == "" {
			place = v.Updated.Format("150405")
		}
		if q.After != "" && place >= q.After {
			continue
		}
		if len(page.Versions) == q.Count {
			if q.Count > 0 && page.Next == "" {
				last := page.Versions[q.Count-1]
				if page.Next = formatUint(last.Version); q.ID == "" {
					page.Next = last.Updated.Format("150405")
				}
			}
			continue
		}
		page.Versions = append(page.Versions, v)
	}
	m.releaseAs(verify.KindHistory, a, page.Versions)
	return page, nil
}

// was tells whether a version was the current one at some time of a period.
func (m *memory) was(v *record.Version, at *record.Period) bool {
	r := m.resources[v.Type+"/"+v.ID]
	gone := v.Version < uint64(len(r.versions)) && r.versions[v.Version].Updated.UnixMilli() <= at.From
	return v.Updated.UnixMilli() <= at.To && !gone
}

func (m *memory) Peek(_ context.Context, _ record.Access, _ policy.Action, typ, id string) (record.Head, error) {
	leave, err := m.enter()
	if err != nil {
		return record.Head{}, err
	}
	defer leave()
	r := m.resources[typ+"/"+id]
	if r == nil {
		return record.Head{}, record.ErrNotFound
	}
	v := r.current()
	return record.Head{Type: typ, ID: id, Version: v.Version, Deleted: v.Op == record.OpDelete, Chart: v.Chart}, nil
}

func (m *memory) Refuse(_ context.Context, a record.Access, _ []string, status int, _ string) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	m.leave(a, verify.KindRefuse, "", status)
	return nil
}

func (m *memory) Receipt(ctx context.Context, a record.Access, typ, id string, version uint64) ([]byte, error) {
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
		return nil, record.ErrNotFound
	}
	m.leave(a, verify.KindExport, r.current().Chart, http.StatusOK)
	return json.Marshal(map[string]any{"version": version})
}

func (m *memory) Proofs(_ context.Context, a record.Access, typ, id string, count int, before uint64, fn func(*record.Proof) error) (next uint64, err error) {
	leave, err := m.enter()
	if err != nil {
		return 0, err
	}
	defer leave()
	r := m.resources[typ+"/"+id]
	if r == nil {
		return 0, record.ErrNotFound
	}
	m.leave(a, verify.KindHistory, r.current().Chart, http.StatusOK)
	for _, v := range slices.Backward(r.versions) {
		if before > 0 && v.Version >= before {
			continue
		}
		if count == 0 {
			return v.Version + 1, nil
		}
		count--
		if err := fn(&record.Proof{Version: v.Version, Updated: v.Updated, Op: v.Op, Served: v.Body}); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func (m *memory) Definitions(_ context.Context, typ, url, version string, most int) (list []record.Version, err error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	named := func(t term.Term) bool { return t.Param == term.ParamCanonical && t.Value == url+"|"+version }
	for _, r := range m.resources {
		if v := r.current(); v.Type == typ && v.Op != record.OpDelete && (url == "" || slices.ContainsFunc(r.terms, named)) {
			list = append(list, *v)
		}
	}
	slices.SortFunc(list, func(a, b record.Version) int { return b.Updated.Compare(a.Updated) })
	return list[:min(len(list), most)], nil
}

func (m *memory) Used(_ context.Context, a record.Access, list []record.Head) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	var targets []verify.Target
	for _, h := range list {
		targets = append(targets, verify.Target{Ref: h.Type + "/" + h.ID, Version: h.Version})
	}
	m.leave(a, verify.KindRead, "", http.StatusOK, targets...)
	return nil
}

func (m *memory) Took(_ context.Context, a record.Access, act policy.Action, _ string) error {
	leave, err := m.enter()
	if err != nil {
		return err
	}
	defer leave()
	kind := map[policy.Action]verify.Kind{policy.Export: verify.KindExport, policy.Write: verify.KindSystem, policy.Read: verify.KindRead, policy.Search: verify.KindSearch, policy.History: verify.KindHistory, policy.Audit: verify.KindRead}[act]
	m.leave(a, kind, a.Chart, http.StatusOK)
	return nil
}

func (m *memory) WriteEach(_ context.Context, a record.Access, changes []record.Change, _ bool) ([]record.Each, error) {
	leave, err := m.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	m.now = m.now.Add(time.Second)
	each := make([]record.Each, len(changes))
	for i, c := range changes {
		if each[i].Err = m.allowed(c); each[i].Err != nil {
			continue
		}
		if r := m.resources[c.Type+"/"+c.ID]; r != nil && bytes.Equal(r.source, c.Source) {
			each[i] = record.Each{Op: r.current().Op, Same: true, Mine: r.request == a.Request}
			continue
		} else if r != nil && (r.request == a.Request || c.Repeats) {
			each[i].Err = record.ErrRepeated
			continue
		}
		each[i].Op = m.apply(a, c).Op
	}
	return each, nil
}

func (m *memory) AuditReceipt(ctx context.Context, a record.Access, id string) ([]byte, error) {
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
