package record

import (
	"slices"
	"strings"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
)

// An access that is limited to a chart must find what is in it without going through all the others. Nearly everything is found by the patient whom
// it names; what is in the chart for another reason has a term of the record's own. A Patient is in its own chart, and found by its id.
const paramChart = "_chart"

// byPatient are the parameters whose references name the patient.
var byPatient = []string{"patient", "subject"}

// file adds the term by which a resource is found in its chart, where none of its terms does that.
func file(u *index.Update) {
	chart := u.Version.Chart
	if u.Version.Deleted || chart == "" || chart == u.Type+"/"+u.ID {
		return
	}
	named := func(t term.Term) bool {
		return t.Kind == term.Reference && t.Value == chart && slices.Contains(byPatient, t.Param)
	}
	if !slices.ContainsFunc(u.Terms, named) {
		u.Terms = append(slices.Clip(u.Terms), term.Term{Param: paramChart, Kind: term.Reference, Value: chart})
	}
}

// withinChart adds to clauses that a resource must be in a chart, and to those on other resources the same; "" for no such limit. The policy decides
// all the same: a resource may name the patient and be in another chart.
func withinChart(clauses []term.Clause, typ, chart string) []term.Clause {
	if chart == "" {
		return clauses
	}
	out := make([]term.Clause, 0, len(clauses)+1)
	for _, c := range clauses {
		c.Chain = slices.Clone(c.Chain)
		for i := range c.Chain {
			c.Chain[i].All = withinChart(c.Chain[i].All, c.Chain[i].Type, chart)
		}
		if c.Has != nil {
			has := *c.Has
			has.Query.All = withinChart(has.Query.All, has.Query.Type, chart)
			c.Has = &has
		}
		out = append(out, c)
	}
	within := term.Clause{Param: paramChart, Or: byPatient, Kind: term.Reference, Any: []term.Test{{Value: chart}}}
	if id, ok := strings.CutPrefix(chart, typ+"/"); ok {
		within = term.Clause{Param: term.ParamID, Kind: term.Token, Any: []term.Test{{Code: id}}}
	}
	return append(out, within)
}
