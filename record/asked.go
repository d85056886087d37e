package record

import (
	"net/url"
	"strings"
)

// told is what an entry of a chart says was asked, of "METHOD path?query". The parts of a Bundle and a query may name other people, and whoever may read the chart's
// entries may not know of them: values stand there only if they name the chart itself, or if the query is true of everything that was given
// (whole). less says that something else was left out, which the organisation's own entry has to say then. Where a page begins is nothing that
// was asked, but a cursor may name a resource of another chart: it is left out without more ado.
func told(a *Access, chart string, whole bool) (text string, less bool) {
	path, query, ok := strings.Cut(a.Detail, "?")
	switch {
	case chart == "" && a.Within != "":
		return a.Detail + ": " + a.Within, false
	case !ok || chart == "":
		return a.Detail, a.Within != ""
	}
	less = a.Within != ""
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case unescaped(name) == "_cursor":
			parts[i] = name
		case !whole && value != "" && !mayStand(name, value, chart):
			parts[i], less = name, true
		}
	}
	return path + "?" + strings.Join(parts, "&"), less
}

// mayStand tells whether a parameter's value says nothing of anybody but the chart's patient.
func mayStand(name, value, chart string) bool {
	if name == "_count" {
		return len(value) <= 4 && strings.Trim(value, "0123456789") == ""
	}
	value = unescaped(value)
	return value == chart || "Patient/"+value == chart
}

// unescaped is a part of a query as it was meant, or as it stands where it is malformed.
func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// withParent adds to the lines of a request one in the organisation's own stream, where a chart's line does not say all that was asked.
func withParent(a *Access, lines []line) []line {
	parent := -1
	for i := range lines {
		if lines[i].chart == "" {
			return lines
		}
		if _, less := told(a, lines[i].chart, lines[i].whole); less && parent < 0 {
			parent = i
		}
	}
	if parent < 0 {
		return lines
	}
	l := &lines[parent]
	return append(lines, line{kind: l.kind, why: l.why, outcome: l.outcome})
}
