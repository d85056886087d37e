package main

import (
	"bytes"
	"fmt"
	"log"
	"slices"
	"strings"
)

// location is one place of a resource where a parameter's values stand.
type location struct {
	path        string // member names joined by dots, choice elements with their type
	typ         string
	patientOnly bool // of references, those to a Patient
}

func (l location) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "{path: %q, as: %q", l.path, l.typ)
	if l.patientOnly {
		fmt.Fprint(b, ", patientOnly: true")
	}
	fmt.Fprint(b, "},")
}

// useful are the data types that make terms, by type of parameter.
var useful = map[string][]string{
	"token":     {"Identifier", "CodeableConcept", "Coding", "code", "id", "string", "uri", "boolean"},
	"date":      {"date", "dateTime", "instant", "Period", "Timing"},
	"reference": {"Reference"},
}

// locations reads the parameter's expression, of which only these forms occur among the parameters that are wanted:
// T.a.b, (T.a as X), T.a.where(resolve() is Patient).
func (d *definitions) locations(typ string, p *searchParameter) []location {
	var found []location
	for part := range strings.SplitSeq(p.Expression, "|") {
		part = strings.Trim(strings.TrimSpace(part), "()")
		if !strings.HasPrefix(part, typ+".") {
			continue
		}
		part, as, _ := strings.Cut(part, " as ")
		part, patientOnly := strings.CutSuffix(part, ".where(resolve() is Patient")
		patientOnly = patientOnly || p.Code == "patient"
		if strings.ContainsAny(part, "()") {
			log.Fatalf("%s: %s: an expression of a new form", p.ID, part)
		}
		for _, l := range d.expand(part, as) {
			if slices.Contains(useful[p.Type], l.typ) {
				l.patientOnly = patientOnly
				found = append(found, l)
			}
		}
	}
	return found
}

// expand finds the types of an element and the names that a choice element has in JSON. Elements below a data type, such as
// MedicationRequest.dosageInstruction.timing.event, are followed into it.
func (d *definitions) expand(path, as string) []location {
	steps := strings.Split(path, ".")
	at := []location{{typ: steps[0]}}
	owner := steps[0]
	for i, step := range steps[1:] {
		here := owner + "." + step
		types, choice := d.elements[here], false
		if types == nil {
			types, choice = d.elements[here+"[x]"], true
		}
		if types == nil {
			log.Fatalf("%s: no element %s", path, here)
		}
		only := ""
		if i == len(steps)-2 {
			only = as
		}
		at = further(at[0].path, step, types, choice, only)
		switch t := types[0]; {
		case strings.HasPrefix(t, "#"):
			owner = t[1:]
		case t == "BackboneElement" || t == "Element":
			owner = here
		default:
			owner = t
		}
	}
	return at
}

// further is the location, or one for each type of a choice, after one more step.
func further(before, step string, types []string, choice bool, as string) (at []location) {
	if before != "" {
		before += "."
	}
	for _, t := range types {
		name := before + step
		if choice {
			name += strings.ToUpper(t[:1]) + t[1:]
		}
		if as == "" || as == t {
			at = append(at, location{path: name, typ: t})
		}
	}
	return at
}

// chartFirst are the parameters that say whose chart a resource belongs to before any other of its compartment does: the
// patient an observation is about comes before one who made it.
var chartFirst = []string{"patient", "subject", "beneficiary", "individual"}

// noChart are types that name patients but belong to none of them.
var noChart = []string{"Patient", "Group", "AuditEvent"}

func (d *definitions) writeChart(b *bytes.Buffer, typ string) {
	if slices.Contains(noChart, typ) {
		return
	}
	of := d.charts[typ]
	var params []string
	for _, code := range chartFirst {
		// R4 leaves types such as Task and Device out of the compartment; they are about a patient all the same.
		if slices.Contains(of, code) || len(of) == 0 && d.param(typ, code) != nil {
			params = append(params, code)
		}
	}
	for _, code := range of {
		if !slices.Contains(params, code) {
			params = append(params, code)
		}
	}
	var found []location
	for _, code := range params {
		p := d.param(typ, code)
		if p == nil || p.Type != "reference" {
			continue
		}
		for _, l := range d.locations(typ, p) {
			l.patientOnly = true
			if !slices.Contains(found, l) {
				found = append(found, l)
			}
		}
	}
	if len(found) == 0 {
		return
	}
	fmt.Fprint(b, "chart: []element{")
	for _, l := range found {
		l.write(b)
	}
	fmt.Fprint(b, "},\n")
}
