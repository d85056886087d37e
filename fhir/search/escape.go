package search

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pair is one parameter of a search string.
type Pair struct{ Name, Value string }

// Pairs splits a search string, as it stands in an address or a form, keeping the order.
func Pairs(raw string) ([]Pair, error) {
	var list []Pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil || strings.Contains(part, ";") || !utf8.ValidString(name) || !utf8.ValidString(value) {
			return nil, refuse("value", "the query string is malformed: write ; and %% and & in values as %%3B, %%25 and %%26, and all texts in UTF-8")
		}
		if len(list) == MaxParams {
			return nil, refuse("too-costly", "a search has at most %d parameters", MaxParams)
		}
		if slices.Contains(once, name) && slices.ContainsFunc(list, func(p Pair) bool { return p.Name == name && p.Value != value }) {
			return nil, refuse("value", "%s is given twice, with different values", name)
		}
		list = append(list, Pair{name, value})
	}
	return list, nil
}

// once are the parameters that shape an answer and have one value: of two, one would be passed over (FHIR R4, 3.1.1.5).
var once = []string{"_format", "_pretty", "_count", "_cursor", "_sort", "_total", "_summary", "_elements", "_since", "_at"}

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
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`,|$\`, s[i+1]) >= 0 {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// valuesOf splits a parameter's value at its commas. The parts keep their escapes.
func valuesOf(name, value string) ([]string, *Error) {
	list := splitEscaped(value, ',', MaxValues+1)
	if len(list) > MaxValues {
		return nil, refuse("too-costly", "%.80q has more than %d values", name, MaxValues)
	}
	for _, v := range list {
		if v == "" {
			return nil, refuse("value", "%.80q has an empty value", name)
		}
		if len(v) > MaxLength {
			return nil, refuse("too-costly", "a value of %.80q is longer than %d bytes", name, MaxLength)
		}
	}
	return list, nil
}

// Values are those of a parameter that commas separate, without their escapes. The error is an *Error.
func Values(name, value string) ([]string, error) {
	list, e := valuesOf(name, value)
	if e != nil {
		return nil, e
	}
	for i := range list {
		list[i] = unescape(list[i])
	}
	return list, nil
}
