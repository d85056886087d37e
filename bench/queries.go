package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// class is a class of searches. Each time it asks something else, of the same kind.
type class struct {
	name string
	ask  func(r *rand.Rand, h *held) string
	deep bool // a chain over several resources, which has a goal of its own
}

const page = "&_count=20"

// labelled is a parameter's value, escaped.
func labelled(format string, args ...any) string {
	return url.QueryEscape(fmt.Sprintf(format, args...))
}

func anyone(r *rand.Rand, h *held) string { return h.Patients[r.IntN(len(h.Patients))] }

func month(r *rand.Rand) string {
	y, m := 2012+r.IntN(14), 1+r.IntN(12)
	return fmt.Sprintf("ge%d-%02d&%%s=lt%d-%02d", y, m, y+m/12, m%12+1)
}

func during(r *rand.Rand, param string) string {
	return param + "=" + fmt.Sprintf(month(r), param)
}

// classes of searches, as hospitals' systems ask. The rates of the mixture are of all that are not deep, as often each.
var classesOfSearch = []class{
	{name: "identifier", ask: func(r *rand.Rand, h *held) string {
		return "Patient?identifier=" + labelled("%s|%08d", mrn, r.IntN(h.People))
	}},
	{name: "token", ask: func(r *rand.Rand, _ *held) string {
		return "Condition?code=" + labelled("%s|%s", snomed, pick(r, conditions).code) + page
	}},
	{name: "tokens, two", ask: func(r *rand.Rand, _ *held) string {
		return "Condition?clinical-status=active&code=" + labelled("%s|%s", snomed, pick(r, conditions).code) + page
	}},
	{name: "string", ask: func(r *rand.Rand, _ *held) string {
		return "Patient?family=" + labelled("%s%s", pick(r, otherStem), pick(r, otherEnd)) + "&given=" + labelled("%s", pick(r, otherGiven)) + page
	}},
	{name: "Arabic name", ask: func(r *rand.Rand, _ *held) string {
		return "Patient?family=" + labelled("%s", bare.Replace(pick(r, arabFamily).arabic)) + "&given=" + labelled("%s", bare.Replace(pick(r, arabGivenM).arabic)) + page
	}},
	{name: "contains", ask: func(r *rand.Rand, _ *held) string {
		return "Patient?name:contains=" + labelled("%s", pick(r, otherEnd)) + page
	}},
	{name: "date", ask: func(r *rand.Rand, _ *held) string { return "Encounter?" + during(r, "date") + page }},
	{name: "date and token", ask: func(r *rand.Rand, _ *held) string {
		return "Observation?" + during(r, "date") + "&code=" + labelled("%s|%s", loinc, pick(r, results).code) + page
	}},
	{name: "reference", ask: func(r *rand.Rand, h *held) string { return "Condition?patient=" + anyone(r, h) + page }},
	{name: "reference and token", ask: func(r *rand.Rand, h *held) string {
		return "Observation?patient=" + anyone(r, h) + "&category=laboratory" + page
	}},
	{name: "quantity", ask: func(r *rand.Rand, _ *held) string {
		m := pick(r, results)
		return "Observation?code=" + labelled("%s|%s", loinc, m.code) + "&value-quantity=" + labelled("gt%.2f|%s|%s", m.low+(m.high-m.low)*(0.5+r.Float64()/2), ucumSystem, m.unit) + page
	}},
	{name: "composite", ask: func(r *rand.Rand, _ *held) string {
		m := pick(r, results)
		return "Observation?code-value-quantity=" + labelled("%s|%s$gt%.2f|%s|%s", loinc, m.code, m.low+(m.high-m.low)*(0.5+r.Float64()/2), ucumSystem, m.unit) + page
	}},
	{name: "_include", ask: func(r *rand.Rand, h *held) string {
		return "MedicationRequest?patient=" + anyone(r, h) + "&_include=MedicationRequest:requester&_include=MedicationRequest:encounter" + page
	}},
	{name: "_revinclude", ask: func(r *rand.Rand, h *held) string {
		return "Patient?_id=" + anyone(r, h) + "&_revinclude=Condition:subject&_revinclude=MedicationRequest:subject"
	}},
	{name: "_sort of one patient's", ask: func(r *rand.Rand, h *held) string {
		return "Observation?patient=" + anyone(r, h) + "&_sort=-date&_count=10"
	}},
	{name: "_sort of many", ask: func(r *rand.Rand, _ *held) string {
		return "Observation?code=" + labelled("%s|%s", loinc, pick(r, results).code) + "&_sort=-date&_count=10"
	}},
	{name: "_sort by name", ask: func(r *rand.Rand, _ *held) string {
		return "Patient?address-city=" + labelled("City %d", r.IntN(hospitals)) + "&gender=female&_sort=family&_count=10"
	}},
	{name: "_summary=count", ask: func(r *rand.Rand, _ *held) string {
		return "Observation?_summary=count&code=" + labelled("%s|%s", loinc, pick(r, results).code)
	}},
	{name: "_total=accurate", ask: func(r *rand.Rand, _ *held) string {
		return "Encounter?_total=accurate&_count=10&type=" + labelled("%s|%s", snomed, pick(r, visits).code)
	}},
	{name: "chain", ask: func(r *rand.Rand, _ *held) string {
		return "Condition?patient.family=" + labelled("%s%s", pick(r, otherStem), pick(r, otherEnd)) + page
	}},
	{name: "_has", ask: func(r *rand.Rand, _ *held) string {
		return "Patient?gender=female&_has:Condition:patient:code=" + labelled("%s|%s", snomed, pick(r, conditions).code) + page
	}},
	{name: "chain of two", deep: true, ask: func(r *rand.Rand, _ *held) string {
		return "Observation?encounter.service-provider.name=" + labelled("%s", hospitalName(r.IntN(hospitals))) + "&code=" + labelled("%s|%s", loinc, pick(r, results).code) + page
	}},
	{name: "chain of three", deep: true, ask: func(r *rand.Rand, _ *held) string {
		return "Observation?encounter:Encounter.service-provider:Organization.partof:Organization.name=" + labelled("%s", pick(r, regionName[:])) + "&code=" + labelled("%s|%s", loinc, pick(r, results).code) + page
	}},
	{name: "_has behind a chain", deep: true, ask: func(r *rand.Rand, _ *held) string {
		return "Encounter?service-provider.name=" + labelled("%s", hospitalName(r.IntN(hospitals))) + "&patient._has:Condition:patient:code=" + labelled("%s|%s", snomed, pick(r, conditions).code) + page
	}},
}

// bare spells Arabic names as many type them, without hamza and with other forms of the last letter.
var bare = strings.NewReplacer("أ", "ا", "إ", "ا", "آ", "ا", "ى", "ي", "ة", "ه")
