package record

import (
	"slices"
	"strings"

	"github.com/sijil-health/sijil/index"
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
	named := func(t index.Term) bool {
		return t.Kind == index.Reference && t.Value == chart && slices.Contains(byPatient, t.Param)
	}
	if !slices.ContainsFunc(u.Terms, named) {
		u.Terms = append(slices.Clip(u.Terms), index.Term{Param: paramChart, Kind: index.Reference, Value: chart})
	}
}

// withinChart adds to filters that a resource must be in a chart; "" for no such limit. The policy decides all the same: a resource may name the
// patient and be in another chart.
func withinChart(filters []index.Filter, typ, chart string) []index.Filter {
	if chart == "" {
		return filters
	}
	f := index.Filter{Param: paramChart, Or: byPatient, Kind: index.Reference, Any: []index.Test{{Value: chart}}}
	if id, ok := strings.CutPrefix(chart, typ+"/"); ok {
		f = index.Filter{Param: index.ParamID, Kind: index.Token, Any: []index.Test{{Value: id}}}
	}
	return append(slices.Clip(filters), f)
}
