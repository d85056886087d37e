package fhir

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/index/term"
	"github.com/sijil-health/sijil/record"
)

// pair is one parameter of a query string.
type pair struct{ name, value string }

// pairsOf splits a query string, keeping the order.
func pairsOf(raw string) ([]pair, *problem) {
	var list []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil || strings.Contains(part, ";") {
			return nil, fail(http.StatusBadRequest, "value", "the query string is malformed: write ; and %% and & in values as %%3B, %%25 and %%26")
		}
		if len(list) == maxParams {
			return nil, fail(http.StatusBadRequest, "too-costly", "a search has at most %d parameters", maxParams)
		}
		list = append(list, pair{name, value})
	}
	return list, nil
}

// oneSpelling gives a search of conditions in one form, by which those who ask the same thing at the same time are known to one another.
// One that says nothing, or that is malformed, stays as it is, to be refused.
func oneSpelling(raw string) string {
	pairs, p := pairsOf(raw)
	if p != nil {
		return raw
	}
	var parts []string
	for _, pair := range pairs {
		if pair.name != "_format" && pair.name != "_pretty" {
			parts = append(parts, url.QueryEscape(pair.name)+"="+url.QueryEscape(pair.value))
		}
	}
	if len(parts) == 0 {
		return raw
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), "&")
}

// search is a search string, read.
type search struct {
	query   record.Query
	applied []pair   // what was understood, without the cursor: the self link
	ignored []string // names of parameters passed over, with handling=lenient
	total   bool     // the total alone is wanted
	control bool     // there was a parameter that shapes the answer rather than selects
	several bool     // what was asked may not be true of all that is found: a parameter has other values, or was passed over
}

// parseSearch reads a search string. Strictly read, what is not known is an error (400), so that nobody takes the answer to half
// of a question for the answer to all of it; leniently, it is passed over and named.
func (s *Server) parseSearch(q *request, typ, raw string, lenient bool) (*search, *problem) {
	pairs, p := pairsOf(raw)
	if p != nil {
		return nil, p
	}
	out := &search{query: record.Query{Type: typ, Count: defaultCount}}
	for _, pair := range pairs {
		known, p := out.parameter(pair, types[typ], q.own)
		if p != nil {
			return nil, p
		}
		if !known && !lenient {
			return nil, fail(http.StatusBadRequest, "not-supported",
				"the search parameter %.60q is not known for %s; GET metadata lists those that are, Prefer: handling=lenient passes over others", pair.name, typ)
		}
		if !known {
			out.ignored, out.several = append(out.ignored, pair.name), true
		} else if pair.name != "_cursor" {
			out.applied = append(out.applied, pair)
		}
	}
	if out.total {
		out.query.Count = 0
	}
	return out, nil
}

// parameter reads one parameter; known is false for what the gate does not have.
func (out *search) parameter(pair pair, table *typeTable, base string) (known bool, p *problem) {
	name, modifier, modified := strings.Cut(pair.name, ":")
	out.several = out.several || len(splitEscaped(pair.value, ',', 2)) > 1
	var clause term.Clause
	switch name {
	case "_format", "_pretty":
		out.several = out.several || !isControl(pair)
		return true, nil
	case "_summary":
		out.control = true
		return true, out.summary(pair.value)
	case "_count", "_cursor":
		out.control = true
		return true, out.page(name, pair.value)
	case "_id":
		clause = term.Clause{Param: name, Kind: term.Token}
	case "_lastUpdated":
		clause = term.Clause{Param: name, Kind: term.Date}
	default:
		param := table.param(name)
		if param == nil {
			return false, nil
		}
		clause = term.Clause{Param: name, Kind: param.kind}
		if clause.Kind == term.Reference {
			clause.Any, p = references(pair, param, modifier, base)
			out.query.All = append(out.query.All, clause)
			return true, p
		}
	}
	if modified {
		return true, fail(http.StatusBadRequest, "not-supported", "the modifier %.60q of %s is not known", ":"+modifier, name)
	}
	clause.Any, p = tests(pair, clause.Kind)
	out.query.All = append(out.query.All, clause)
	return true, p
}

// summary reads _summary. Resources are served whole or not at all.
func (out *search) summary(value string) *problem {
	switch value {
	case "count":
		out.total = true
	case "false":
	default:
		return fail(http.StatusBadRequest, "not-supported", "of _summary only count and false are known here")
	}
	return nil
}

// isControl tells whether _format or _pretty has one of its own values, and not anything at all.
func isControl(p pair) bool {
	return p.value == "true" || p.value == "false" || jsonTypes[strings.ReplaceAll(p.value, " ", "+")]
}

// page reads _count and _cursor. More than maxCount is not refused: the server may always give less (FHIR R4, 3.1.1.5.7).
func (out *search) page(name, value string) *problem {
	if name == "_cursor" {
		out.query.After = value
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return fail(http.StatusBadRequest, "value", "_count must be a whole number from 0")
	}
	out.query.Count = min(n, maxCount)
	return nil
}

// onlyControl refuses parameters of an interaction that selects nothing, except those that shape the answer.
func onlyControl(q *request) error {
	pairs, p := pairsOf(q.query)
	if p != nil {
		return p
	}
	for _, pair := range pairs {
		if pair.name != "_format" && pair.name != "_pretty" && !q.prefer.lenient {
			return fail(http.StatusBadRequest, "not-supported", "the parameter %.60q is not known here", pair.name)
		}
	}
	return nil
}
