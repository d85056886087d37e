package record

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/verify"
)

// maxAbout bounds the charts that one request is noted in because it asks about them. Nobody names so many by hand.
const maxAbout = 100

// askedAbout gives the charts that searches name, as far as they are kept here: by a reference to the patient, or by the patient's id. Such a
// search tells something of somebody even if it finds nothing, or only counts.
func (s *Store) askedAbout(queries ...Query) (about []string, err error) {
	for i := range queries {
		var failed error
		namedCharts(queries[i].Type, queries[i].All, func(chart string) {
			if failed != nil || slices.Contains(about, chart) || len(about) == maxAbout {
				return
			}
			var c index.Chart
			if c, failed = s.Index.Chart(chart); failed == nil && c != (index.Chart{}) {
				about = append(about, chart)
			}
		})
		if failed != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, failed)
		}
	}
	return about, nil
}

// namedCharts calls fn with each chart that clauses name, also of resources at the other end of references.
func namedCharts(typ string, clauses []term.Clause, fn func(chart string)) {
	for i := range clauses {
		c := &clauses[i]
		for _, t := range c.Any {
			switch {
			case c.Param == term.ParamID && typ == "Patient":
				fn("Patient/" + t.Code)
			case c.Kind == term.Reference && t.Form == term.IDOnly:
				fn("Patient/" + t.Value)
			case c.Kind == term.Reference && strings.HasPrefix(t.Value, "Patient/"):
				fn(term.Versionless(t.Value))
			}
		}
		for _, q := range c.Chain {
			namedCharts(q.Type, q.All, fn)
		}
		if c.Has != nil {
			namedCharts(c.Has.Query.Type, c.Has.Query.All, fn)
		}
	}
}

// counted answers a search that asks for the total alone. It says how much was counted of which chart, where that is one; of a total over several
// nobody learns whose they are.
func (s *Store) counted(ctx context.Context, a Access, q *Query, page *Page, found []match, about []string) (_ *Page, err error) {
	if page.Missing, err = s.incomplete(&a, q); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	charts := chartsOf(found)
	if more := page.Total < 0 || page.Total > len(found); len(charts) == 1 && more && len(found) <= countLimit {
		if found, _, err = s.find(ctx, &a, q, index.Point{}, countLimit+1); err != nil {
			return nil, err
		}
		charts = chartsOf(found)
	}
	if len(charts) == 1 {
		for chart := range charts {
			if !slices.Contains(about, chart) {
				about = append(about, chart)
			}
		}
	}
	var lines []line
	for _, chart := range about {
		lines = append(lines, line{kind: verify.KindSearch, chart: chart, whole: q.Whole, outcome: http.StatusOK, why: fmt.Sprintf("%d were counted of this chart", charts[chart])})
	}
	if len(about) != 1 || len(charts) > 1 {
		why := fmt.Sprintf("%d resources of %d charts were counted", len(found), len(charts))
		switch {
		case page.Total < 0:
			why = "more were found than are counted"
		case page.Total > len(found):
			why = fmt.Sprintf("%d resources of several charts were counted", page.Total)
		}
		lines = append(lines, line{kind: verify.KindSearch, outcome: http.StatusOK, why: why})
	}
	return page, s.record(ctx, a, lines...)
}

// chartsOf tells how many matches are of each chart.
func chartsOf(found []match) map[string]int {
	charts := make(map[string]int)
	for i := range found {
		charts[found[i].version.Chart]++
	}
	return charts
}
