package fhirpath

import (
	"encoding/xml"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// official is a case of HL7's suite.
type official struct {
	Name       string `xml:"name,attr"`
	Input      string `xml:"inputfile,attr"`
	Mode       string `xml:"mode,attr"`
	Predicate  bool   `xml:"predicate,attr"`
	Ordered    string `xml:"ordered,attr"`
	Expression struct {
		Invalid string `xml:"invalid,attr"`
		Text    string `xml:",chardata"`
	} `xml:"expression"`
	Outputs []struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	} `xml:"output"`
}

// skipped are the cases that do not pass, and why they should not.
var skipped = map[string]string{
	"testPlusDate19":                   "expects that decimals of seconds are ignored; FHIRPath N1, §6.7.1 has that for precisions above seconds only",
	"LowBoundaryDecimal15":             "-0.00345 with one digit, downwards, is -0.1, by the rule that LowBoundaryNegDecimal2 and 4 follow",
	"HighBoundaryDecimal15":            "0.00345 with one digit, upwards, is 0.1, by the rule that HighBoundaryDecimal1 and 9 follow",
	"HighBoundaryDecimal16":            "as HighBoundaryDecimal15, with a sign before the call",
	"HighBoundaryDateTimeMillisecond1": "takes the unknown minutes of @2014-01-01T08 for 00; the last moment of that hour is 08:59:59.999",
	"HighBoundaryDateTimeMillisecond3": "as HighBoundaryDateTimeMillisecond1",
}

func officialCases(t testing.TB) []official {
	src := read(t, published(t, "data/fhir-tests/fhirpath-r4/tests-fhir-r4.xml")[0])
	var suite struct {
		Groups []struct {
			Tests []official `xml:"test"`
		} `xml:"group"`
	}
	if err := xml.Unmarshal(src, &suite); err != nil {
		t.Fatal(err)
	}
	var all []official
	for _, g := range suite.Groups {
		all = append(all, g.Tests...)
	}
	if len(all) < 900 {
		t.Fatalf("%d cases", len(all))
	}
	return all
}

// inputs reads the suite's resources.
func inputs(t testing.TB) map[string]*tape.Tape {
	all := make(map[string]*tape.Tape)
	for _, file := range published(t, "data/fhir-tests/fhirpath-r4/inputs-json/*.json") {
		var parsed tape.Tape
		if err := parsed.Parse(read(t, file), tape.Limits{}); err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".json")] = &parsed
	}
	return all
}

// run gives what is wrong with the outcome of a case; "" for nothing.
func (c *official) run(resources map[string]*tape.Tape) string {
	var focus Item
	options := []Option{Strict()}
	if c.Input != "" {
		input := resources[strings.TrimSuffix(strings.TrimSuffix(c.Input, ".xml"), ".json")]
		if input == nil {
			return "there is no such input"
		}
		focus = Node(input.Root())
		options = append(options, Of(definition.TypeOf(input.Root().Get("resourceType").Text())))
	}
	e, err := Compile(c.Expression.Text, options...)
	var items []Item
	var run Run
	if err == nil && (c.Expression.Invalid == "" || c.Expression.Invalid == "execution") {
		items, err = e.Evaluate(&run, focus)
	}
	switch {
	case c.Expression.Invalid != "" && err == nil:
		return "was accepted, is invalid: " + c.Expression.Invalid
	case c.Expression.Invalid != "":
		return ""
	case err != nil:
		return err.Error()
	}
	if c.Predicate {
		holds, empty, err := e.Truth(&run, focus)
		if err != nil {
			return err.Error()
		}
		items = nil
		if !empty {
			items = []Item{Boolean(holds)}
		}
	}
	var got, want []string
	for _, it := range items {
		got = append(got, show(it))
	}
	for _, o := range c.Outputs {
		want = append(want, strings.TrimPrefix(o.Text, "@"))
	}
	if c.Ordered == "false" {
		slices.Sort(got)
		slices.Sort(want)
	}
	for i := range items {
		if i < len(c.Outputs) && c.Ordered != "false" && c.Outputs[i].Type != "" {
			if name := strings.ToLower(items[i].TypeName()); name != strings.ToLower(c.Outputs[i].Type) {
				return fmt.Sprintf("is a %s, want a %s", name, c.Outputs[i].Type)
			}
		}
	}
	if !slices.Equal(got, want) {
		return fmt.Sprintf("%q, want %q", got, want)
	}
	return ""
}

func show(it Item) string {
	if t, ok := it.Temporal(); ok && t.Kind == TimeKind {
		return "T" + it.Text()
	}
	return it.Text()
}

func TestOfficialSuite(t *testing.T) {
	resources := inputs(t)
	passed, names := 0, make(map[string]bool)
	cases := officialCases(t)
	for _, c := range cases {
		names[c.Name] = true
		wrong := c.run(resources)
		_, skip := skipped[c.Name]
		switch {
		case wrong == "" && skip:
			t.Errorf("%s passes, and is on the list of those that do not", c.Name)
		case wrong == "":
			passed++
		case !skip:
			t.Errorf("%s: %s\n\t%s", c.Name, wrong, strings.TrimSpace(c.Expression.Text))
		}
	}
	for name := range skipped {
		if !names[name] {
			t.Errorf("%s is on the list of those that do not pass, and is no case", name)
		}
	}
	t.Logf("%d of %d pass", passed, len(cases))
}
