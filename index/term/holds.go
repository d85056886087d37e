package term

import (
	"cmp"
	"strings"
	"unicode/utf8"
)

// Holds tells whether a term passes the test. The term's kind decides which forms there are; what a form does not know does not hold.
func (q *Test) Holds(t *Term) bool {
	switch t.Kind {
	case Token:
		return q.token(t)
	case Reference:
		return q.reference(t)
	case Date:
		return within(q.Prefix, q.Lo, q.Hi, t.Lo, t.Hi)
	case String:
		return q.string(t)
	case Number:
		return within(q.Prefix, q.Low, q.High, t.Low, t.High)
	case Quantity:
		return q.quantity(t)
	case URI:
		return q.uri(t)
	case Composite:
		return q.composite(t)
	case Text:
		return q.Form == Begins && words(q.Folded, t.Folded)
	case Missing:
		return q.Form == Absent
	}
	return false
}

func (q *Test) token(t *Term) bool {
	switch q.Form {
	case Exact:
		return q.System == t.System && q.Code == t.Code
	case AnySystem:
		return q.Code == t.Code
	case AnyCode:
		return q.System == t.System
	case OfType:
		return t.Of != "" && q.Of == t.Of && q.Code == t.Code
	}
	return false
}

func (q *Test) reference(t *Term) bool {
	switch q.Form {
	case Exact:
		return t.Value != "" && (q.Value == t.Value || q.Value == Versionless(t.Value))
	case IDOnly:
		_, id, ok := Local(t.Value)
		return ok && q.Value == id
	case Identifier:
		return q.System == t.System && q.Code == t.Code && t.Code != ""
	case AnySystem:
		return q.Code == t.Code && t.Code != ""
	case AnyCode:
		return q.System == t.System && t.Code != ""
	}
	return false
}

// Versionless is a reference to a resource rather than to one of its versions.
func Versionless(ref string) string {
	if i := strings.LastIndex(ref, "/_history/"); i > 0 {
		return ref[:i]
	}
	return ref
}

// Relative is a reference without the server's own URL, if it begins with that: here is "" when it is not known.
func Relative(ref, here string) string {
	if rest, own := strings.CutPrefix(ref, here); own && here != "" && strings.HasPrefix(rest, "/") {
		return rest[1:]
	}
	return ref
}

// Local parses a reference to a resource of this server, "Type/id", with or without a version.
func Local(ref string) (typ, id string, ok bool) {
	typ, id, ok = strings.Cut(Versionless(ref), "/")
	return typ, id, ok && typ != "" && id != "" && !strings.ContainsAny(id, "/") && !strings.Contains(typ, ":")
}

func (q *Test) string(t *Term) bool {
	switch q.Form {
	case Exact:
		return q.Value == t.Value
	case Begins:
		return strings.HasPrefix(t.Folded, q.Folded)
	case Contains:
		return strings.Contains(t.Folded, q.Folded)
	}
	return false
}

// quantity compares in the unit asked for, or where that is another in the base units of both.
func (q *Test) quantity(t *Term) bool {
	if q.unit(t) {
		return within(q.Prefix, q.Low, q.High, t.Low, t.High)
	}
	return q.Canonical != nil && t.Canonical != nil && q.Canonical.Unit == t.Canonical.Unit &&
		within(q.Prefix, q.Canonical.Low, q.Canonical.High, t.Canonical.Low, t.Canonical.High)
}

func (q *Test) unit(t *Term) bool {
	switch q.Form {
	case Exact:
		return q.System == "" && q.Code == "" || q.System == t.System && q.Code == t.Code
	case AnySystem:
		return q.Code == t.Code || q.Code == t.Unit
	}
	return false
}

func (q *Test) uri(t *Term) bool {
	switch q.Form {
	case Exact:
		return q.Value == t.Value
	case Above:
		return leads(t.Value, q.Value)
	case Below:
		return leads(q.Value, t.Value)
	}
	return false
}

// leads tells whether a URI is a path to another, or the same: it ends where a segment of the other does.
func leads(path, to string) bool {
	if path == "" || !strings.HasPrefix(to, path) {
		return false
	}
	return len(to) == len(path) || segmentEnd(path[len(path)-1]) || segmentEnd(to[len(path)])
}

func segmentEnd(c byte) bool { return c == '/' || c == '|' || c == '#' || c == '?' }

// Paths calls fn with each path to a URI, itself included, as Above and Below know them.
func Paths(uri string, fn func(string)) {
	for i := 1; i < len(uri); i++ {
		if segmentEnd(uri[i-1]) || segmentEnd(uri[i]) {
			fn(uri[:i])
		}
	}
	if uri != "" {
		fn(uri)
	}
}

func (q *Test) composite(t *Term) bool {
	if len(q.Parts) == 0 || len(q.Parts) != len(t.Parts) {
		return false
	}
	for i := range q.Parts {
		if k := q.Parts[i].Kind; k != 0 && k != t.Parts[i].Kind || !q.Parts[i].Holds(&t.Parts[i]) {
			return false
		}
	}
	return true
}

// within compares the range lo..hi that a resource has with the one that was asked for (FHIR R4, 3.1.1.4.6). Equal means that the latter contains
// the former whole, and NotEqual that it does not.
func within[N cmp.Ordered](p Prefix, askedLo, askedHi, lo, hi N) bool {
	inside := askedLo <= lo && hi <= askedHi
	switch p {
	case Equal, "":
		return inside
	case NotEqual:
		return !inside
	case Greater:
		return hi > askedHi
	case Less:
		return lo < askedLo
	case GreaterOrEqual:
		return hi > askedHi || inside
	case LessOrEqual:
		return lo < askedLo || inside
	case StartsAfter:
		return lo > askedHi
	case EndsBefore:
		return hi < askedLo
	case Approximate:
		return lo <= askedHi && askedLo <= hi
	}
	return false
}

// Two words of a text are compared in their first TextLength characters, and one asked for of fewer than TextShort must be a whole word: a mark for
// every beginning of every word of a narrative would be more than the narrative.
const (
	TextLength = 10
	TextShort  = 3
)

// words tells whether each word asked for begins one of the text.
func words(asked, text string) bool {
	any := false
	for w := range strings.SplitSeq(asked, " ") {
		if w == "" {
			continue
		}
		if any = true; !word(w, text) {
			return false
		}
	}
	return any
}

func word(asked, text string) bool {
	asked, short := Beginning(asked, TextLength), utf8.RuneCountInString(asked) < TextShort
	for w := range strings.SplitSeq(text, " ") {
		if w == asked || !short && strings.HasPrefix(w, asked) {
			return true
		}
	}
	return false
}

// Beginning gives the first n characters of s, or all.
func Beginning(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}
