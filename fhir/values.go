package fhir

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sijil-health/sijil/index/term"
)

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

func tests(pair pair, kind term.Kind) (list []term.Test, p *problem) {
	values, p := valuesOf(pair)
	if p != nil {
		return nil, p
	}
	for _, value := range values {
		var t term.Test
		switch {
		case kind == term.Date:
			if t, p = dateTest(pair.name, value, time.Now()); p != nil {
				return nil, p
			}
		case pair.name == "_id":
			if t.Code = value; !isID(value) {
				return nil, fail(http.StatusBadRequest, "value", "_id is not 1 to 64 letters, digits, '-' or '.'")
			}
		default:
			if t, p = tokenTest(pair.name, value); p != nil {
				return nil, p
			}
		}
		list = append(list, t)
	}
	return list, nil
}

// tokenTest reads "code" (of any system), "system|code", "|code" (it must have no system) or "system|" (any code of it).
func tokenTest(name, value string) (term.Test, *problem) {
	parts := splitEscaped(value, '|', 2)
	code := unescape(parts[len(parts)-1])
	if len(parts) == 1 {
		return term.Test{Form: term.AnySystem, Code: code}, nil
	}
	switch system := unescape(parts[0]); {
	case system == "" && code == "":
		return term.Test{}, fail(http.StatusBadRequest, "value", "%s needs a code, a system, or both", name)
	case code == "":
		return term.Test{Form: term.AnyCode, System: system}, nil
	default:
		return term.Test{Form: term.Exact, System: system, Code: code}, nil
	}
}

// prefixes are those that a date may have; without one, "eq" is meant.
var prefixes = []term.Prefix{term.Equal, term.NotEqual, term.Greater, term.Less, term.GreaterOrEqual, term.LessOrEqual, term.StartsAfter, term.EndsBefore, term.Approximate}

// dateTest reads a date with its prefix. The period meant by "ap" is widened by a tenth of its distance from now.
func dateTest(name, value string, now time.Time) (term.Test, *problem) {
	t, known := term.Test{Prefix: term.Equal}, true
	if len(value) > 2 && (value[0] < '0' || value[0] > '9') {
		t.Prefix, value = term.Prefix(value[:2]), value[2:]
		known = slices.Contains(prefixes, t.Prefix)
	}
	at, ok := parseDate(strings.ReplaceAll(value, " ", "+")) // an unescaped "+" of a zone arrives as a space
	if !known || !ok {
		return t, fail(http.StatusBadRequest, "value", "%s must be a date such as 2020-05 or ge2020-05-01T10:00:00Z", name)
	}
	t.Lo, t.Hi = at.lo, at.hi
	if t.Prefix == term.Approximate {
		gap := now.UnixMilli() - at.lo
		t.Lo, t.Hi = t.Lo-max(gap, -gap)/10, t.Hi+max(gap, -gap)/10
	}
	return t, nil
}

// references reads the values of a reference parameter: Type/id, an id, or a URL; with a modifier, ids of that type.
func references(pair pair, param *param, modifier, base string) (list []term.Test, p *problem) {
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
				list = append(list, term.Test{Value: typ + "/" + value}, term.Test{Value: base + "/" + typ + "/" + value})
			}
			continue
		}
		ref := canonicalReference(value, base)
		if ref == "" {
			return nil, fail(http.StatusBadRequest, "value", "%s must be Type/id, an id, or a URL", param.name)
		}
		list = append(list, term.Test{Value: ref})
		if parseReference(ref).form == literal { // a resource may name it by URL
			list = append(list, term.Test{Value: base + "/" + ref})
		}
	}
	return list, nil
}
