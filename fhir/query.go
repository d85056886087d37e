package fhir

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
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

// search is a search string, read.
type search struct {
	query   Query
	applied []pair   // what was understood, without the cursor: the self link
	ignored []string // names of parameters passed over, with handling=lenient
	control bool     // there was a parameter that shapes the answer rather than selects
}

// parseSearch reads a search string. Strictly read, what is not known is an error (400), so that nobody takes the answer to half
// of a question for the answer to all of it; leniently, it is passed over and named.
func (s *Server) parseSearch(q *request, typ, raw string, lenient bool) (*search, *problem) {
	pairs, p := pairsOf(raw)
	if p != nil {
		return nil, p
	}
	out := &search{query: Query{Type: typ, Count: defaultCount}}
	for _, pair := range pairs {
		known, p := out.parameter(pair, types[typ], q.base)
		if p != nil {
			return nil, p
		}
		if !known && !lenient {
			return nil, fail(http.StatusBadRequest, "not-supported",
				"the search parameter %.60q is not known for %s; GET metadata lists those that are, Prefer: handling=lenient passes over others", pair.name, typ)
		}
		if !known {
			out.ignored = append(out.ignored, pair.name)
		} else if pair.name != "_cursor" {
			out.applied = append(out.applied, pair)
		}
	}
	return out, nil
}

// parameter reads one parameter; known is false for what the gate does not have.
func (out *search) parameter(pair pair, table *typeTable, base string) (known bool, p *problem) {
	name, modifier, modified := strings.Cut(pair.name, ":")
	var filter Filter
	switch name {
	case "_format", "_pretty":
		return true, nil
	case "_count", "_cursor":
		out.control = true
		return true, out.page(name, pair.value)
	case "_id":
		filter = Filter{Param: name, Kind: Token}
	case "_lastUpdated":
		filter = Filter{Param: name, Kind: Date}
	default:
		param := table.param(name)
		if param == nil {
			return false, nil
		}
		filter = Filter{Param: name, Kind: param.kind}
		if filter.Kind == Reference {
			filter.Any, p = references(pair, param, modifier, base)
			out.query.Filters = append(out.query.Filters, filter)
			return true, p
		}
	}
	if modified {
		return true, fail(http.StatusBadRequest, "not-supported", "the modifier %.60q of %s is not known", ":"+modifier, name)
	}
	filter.Any, p = tests(pair, filter.Kind)
	out.query.Filters = append(out.query.Filters, filter)
	return true, p
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

// valuesOf splits a parameter's value at its commas, save those escaped. The parts keep their escapes.
func valuesOf(pair pair) ([]string, *problem) {
	list := splitEscaped(pair.value, ',', -1)
	if len(list) > maxValues {
		return nil, fail(http.StatusBadRequest, "too-costly", "%.60q has more than %d values", pair.name, maxValues)
	}
	if slices.Contains(list, "") {
		return nil, fail(http.StatusBadRequest, "value", "%.60q has an empty value", pair.name)
	}
	return list, nil
}

// splitEscaped splits s at the separator, in at most n parts if n > 0, except where a backslash stands before it.
func splitEscaped(s string, separator byte, n int) (list []string) {
	from := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == separator && len(list)+1 != n:
			list = append(list, s[from:i])
			from = i + 1
		}
	}
	return append(list, s[from:])
}

// unescape resolves \, \| \$ and \\ (FHIR R4, 3.1.1.4.0.1).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`,|$\`, s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func tests(pair pair, kind Kind) (list []Test, p *problem) {
	values, p := valuesOf(pair)
	if p != nil {
		return nil, p
	}
	for _, value := range values {
		var t Test
		switch {
		case kind == Date:
			if t, p = dateTest(pair.name, value, time.Now()); p != nil {
				return nil, p
			}
		case pair.name == "_id":
			if t.Value = value; !isID(value) {
				return nil, fail(http.StatusBadRequest, "value", "_id is not 1 to 64 letters, digits, '-' or '.'")
			}
		default:
			parts := splitEscaped(value, '|', 2)
			for i := range parts {
				parts[i] = unescape(parts[i])
			}
			if t.Value = strings.Join(parts, "|"); t.Value == "|" {
				return nil, fail(http.StatusBadRequest, "value", "%s needs a code, a system, or both", pair.name)
			}
		}
		list = append(list, t)
	}
	return list, nil
}

// dateTest reads a date with its prefix. The period meant by "ap" is widened by a tenth of its distance from now.
func dateTest(name, value string, now time.Time) (Test, *problem) {
	t := Test{Prefix: Equal}
	if len(value) > 2 && (value[0] < '0' || value[0] > '9') {
		t.Prefix, value = Prefix(value[:2]), value[2:]
	}
	known := slices.Contains([]Prefix{Equal, NotEqual, Greater, Less, GreaterOrEqual, LessOrEqual, StartsAfter, EndsBefore, Approximate}, t.Prefix)
	at, ok := parseDate(strings.ReplaceAll(value, " ", "+")) // an unescaped "+" of a zone arrives as a space
	if !known || !ok {
		return t, fail(http.StatusBadRequest, "value", "%s must be a date such as 2020-05 or ge2020-05-01T10:00:00Z", name)
	}
	t.Lo, t.Hi = at.lo, at.hi
	if t.Prefix == Approximate {
		gap := now.UnixMilli() - at.lo
		t.Lo, t.Hi = t.Lo-max(gap, -gap)/10, t.Hi+max(gap, -gap)/10
	}
	return t, nil
}

// references reads the values of a reference parameter: Type/id, an id, or a URL; with a modifier, ids of that type.
func references(pair pair, param *param, modifier, base string) (list []Test, p *problem) {
	targets := param.targets
	if modifier != "" {
		if types[modifier] == nil {
			return nil, fail(http.StatusBadRequest, "not-supported", "the modifier %.60q of %s is not known", ":"+modifier, param.name)
		}
		targets = []string{modifier}
	}
	values, p := valuesOf(pair)
	if p != nil {
		return nil, p
	}
	for _, value := range values {
		value = unescape(value)
		if isID(value) {
			if len(targets) == 0 {
				return nil, fail(http.StatusBadRequest, "value", "%s can point at any type; write Type/id", param.name)
			}
			for _, typ := range targets {
				list = append(list, Test{Value: typ + "/" + value})
			}
			continue
		}
		ref := canonicalReference(value, base)
		if ref == "" {
			return nil, fail(http.StatusBadRequest, "value", "%s must be Type/id, an id, or a URL", param.name)
		}
		list = append(list, Test{Value: ref})
	}
	return list, nil
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
