package record_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
)

// version is what the model remembers of a resource's version.
type version struct {
	chart, body string
	deleted     bool
}

// model is the record as it must look from outside: every version of every resource, and how many entries each chart must have.
type model struct {
	*site
	versions map[string][]version
	entries  map[string]int
	came     []string // the resources, in the order of their newest versions
	made     int
}

var charts = []string{"", "Patient/a", "Patient/b"}

func (m *model) now(id string) (version, bool) {
	vs := m.versions[id]
	if len(vs) == 0 {
		return version{}, false
	}
	return vs[len(vs)-1], true
}

func (m *model) write(r *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(r, "changes")
	var cs []record.Change
	used := make(map[string]bool)
	for range n {
		id := rapid.SampledFrom([]string{"o1", "o2", "o3", "o4", "o5"}).Draw(r, "id")
		if used[id] {
			continue
		}
		used[id] = true
		op := rapid.SampledFrom([]record.Op{record.OpCreate, record.OpUpdate, record.OpDelete}).Draw(r, "op")
		m.made++
		body := fmt.Sprintf("body-%d", m.made)
		if rapid.IntRange(0, 9).Draw(r, "large") == 0 {
			body += strings.Repeat("x", 70<<10)
		}
		c := change(op, id, rapid.SampledFrom(charts).Draw(r, "chart"), body)
		if rapid.IntRange(0, 5).Draw(r, "conditional") == 0 {
			if c.IfVersion = rapid.Uint64Range(1, 4).Draw(r, "expected"); c.IfVersion == 4 {
				c.IfVersion = record.AnyVersion
			}
		}
		cs = append(cs, c)
	}
	refused := error(nil)
	for i := range cs {
		if refused = m.admit(&cs[i]); refused != nil {
			break
		}
	}
	got, err := m.store.Write(context.Background(), clinician, cs)
	if !errors.Is(err, refused) || (err == nil) != (refused == nil) {
		r.Fatalf("write %v: %v, want %v", cs, err, refused)
	}
	if err != nil {
		return
	}
	for i := range cs {
		m.apply(r, &cs[i], &got.Versions[i])
	}
}

func (m *model) admit(c *record.Change) error {
	now, exists := m.now(c.ID)
	switch {
	case c.IfVersion == record.AnyVersion && (!exists || now.deleted):
		return record.ErrConflict
	case c.IfVersion > 0 && c.IfVersion != record.AnyVersion && uint64(len(m.versions[c.ID])) != c.IfVersion:
		return record.ErrConflict
	case c.Op == record.OpCreate && exists && !now.deleted:
		return record.ErrExists
	case c.Op == record.OpDelete && !exists:
		return record.ErrNotFound
	case c.Op == record.OpDelete && now.deleted:
		return record.ErrGone
	}
	return nil
}

func (m *model) apply(r *rapid.T, c *record.Change, got *record.Version) {
	v := version{chart: c.Chart, body: string(c.Source), deleted: c.Op == record.OpDelete}
	if now, _ := m.now(c.ID); v.deleted {
		v.chart = now.chart
	}
	if now, ok := m.now(c.ID); ok && !now.deleted && now.chart != v.chart {
		m.entries[now.chart]++ // that it left
	}
	m.came = append(slices.DeleteFunc(m.came, func(id string) bool { return id == c.ID }), c.ID)
	m.versions[c.ID] = append(m.versions[c.ID], v)
	m.entries[v.chart]++
	if got.Version != uint64(len(m.versions[c.ID])) || string(got.Body) != v.body {
		r.Fatalf("%s was written as version %d, want %d", c.ID, got.Version, len(m.versions[c.ID]))
	}
}

func (m *model) read(r *rapid.T) {
	id := rapid.SampledFrom([]string{"o1", "o2", "o3", "o4", "o5", "o9"}).Draw(r, "id")
	number := rapid.Uint64Range(0, 4).Draw(r, "version")
	vs := m.versions[id]
	at := number
	if number == 0 {
		at = uint64(len(vs))
	}
	got, err := m.store.Read(context.Background(), clinician, "Observation", id, number)
	switch {
	case at == 0 || at > uint64(len(vs)):
		if !errors.Is(err, record.ErrNotFound) {
			r.Fatalf("%s version %d: %v, want ErrNotFound", id, number, err)
		}
		return
	case vs[at-1].deleted:
		if !errors.Is(err, record.ErrGone) {
			r.Fatalf("%s version %d: %v, want ErrGone", id, number, err)
		}
		return
	case err != nil || string(got.Body) != vs[at-1].body || got.Version != at:
		r.Fatalf("%s version %d: %v", id, number, err)
	}
	m.entries[vs[at-1].chart]++
}

// search finds one body or everything, and counts the entries it must leave: one for each chart it gave from and, unless that is exactly
// one, one in the organisation's own stream.
func (m *model) search(r *rapid.T) {
	q := record.Query{Type: "Observation", Count: 100}
	want, from := []string{}, make(map[string]bool)
	one := rapid.Bool().Draw(r, "one")
	body := fmt.Sprintf("body-%d", rapid.IntRange(1, max(1, m.made)).Draw(r, "which"))
	if one {
		q.All = []term.Clause{{Param: "code", Kind: term.Token, Any: []term.Test{{System: "s", Code: body}}}}
	}
	for _, id := range m.came {
		vs := m.versions[id]
		if v := vs[len(vs)-1]; !v.deleted && (!one || v.body == body) {
			want = append(want, id)
			from[v.chart] = true
		}
	}
	page, err := m.store.Search(context.Background(), clinician, q)
	if err != nil {
		r.Fatal(err)
	}
	got := []string{}
	for _, v := range page.Versions {
		got = append(got, v.ID)
		if string(v.Body) != m.versions[v.ID][v.Version-1].body {
			r.Fatalf("%s was found with another body", v.ID)
		}
	}
	if !slices.Equal(got, want) || page.Total != len(want) {
		r.Fatalf("found %v of %d, want %v", got, page.Total, want)
	}
	if len(from) != 1 {
		from[""] = true
	}
	for chart := range from {
		m.entries[chart]++
	}
}

func (m *model) restart(r *rapid.T) {
	m.close()
	if rapid.Bool().Draw(r, "without index") {
		m.ok(os.RemoveAll(filepath.Join(m.dir, "index")))
	}
	m.open()
}

func (m *model) check(r *rapid.T) {
	got := m.site.entries()
	for _, chart := range charts {
		if len(got[chart]) != m.entries[chart] {
			r.Fatalf("chart %q has %d entries, want %d", chart, len(got[chart]), m.entries[chart])
		}
	}
	for chart := range maps.Keys(got) {
		if !slices.Contains(charts, chart) {
			r.Fatalf("there are entries of a chart %q", chart)
		}
	}
}

// TestStateMachine drives the record through random writes, reads, searches and restarts, with and without the index, against the model,
// and counts every chart's entries after each step.
func TestStateMachine(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := &model{site: newSite(t), versions: make(map[string][]version), entries: make(map[string]int)}
		defer m.close()
		r.Repeat(map[string]func(*rapid.T){
			"write": m.write, "read": m.read, "search": m.search, "restart": m.restart, "": m.check,
		})
	})
}

// Each check makes a key store, a journal and an index with all their fsyncs: fewer checks than rapid's hundred, unless asked for.
func init() {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
}
