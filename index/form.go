package index

import "strings"

// Marks begin the stored forms of a token that leave out a part, so that none can be taken for the whole.
const (
	anySystemMark = "\x01"
	anyCodeMark   = "\x02"
)

// forms gives all terms that a value is stored as: whole and, for a token, by code alone and by system alone.
func forms(t Term) []Term {
	if t.Kind != Token {
		return []Term{t}
	}
	system, code, ok := cutLast(t.Value, '|')
	if !ok {
		return []Term{t}
	}
	whole, bare := t, t
	bare.Value = anySystemMark + code
	if system == "" {
		return []Term{whole, bare}
	}
	of := t
	of.Value = anyCodeMark + system
	return []Term{whole, bare, of}
}

// asked gives the form that a test is compared with.
func asked(t *Test) string {
	switch t.Form {
	case AnySystem:
		return anySystemMark + t.Value
	case AnyCode:
		return anyCodeMark + t.Value
	}
	return t.Value
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
