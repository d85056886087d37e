package fhirpath

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokSymbol
	tokName      // text is the name; keywords are names, too
	tokDelimited // `name`
	tokString
	tokNumber
	tokTemporal // text without its @
	tokSpecial  // $this, $index, $total
	tokExternal // %name
)

type token struct {
	kind tokenKind
	text string // names and strings with their escapes resolved
	at   int    // offset in the expression
}

// lexer cuts an expression into tokens (FHIRPath N1, grammar).
type lexer struct {
	src string
	i   int
}

func (l *lexer) fail(at int, reason string) error {
	return &Error{Stage: Syntax, Offset: at, Reason: reason}
}

// space skips white space and comments.
func (l *lexer) space() error {
	for l.i < len(l.src) {
		rest := l.src[l.i:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n' || rest[0] == '\r':
			l.i++
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.i += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return l.fail(l.i, "a comment is not finished")
			}
			l.i += end + 4
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) next() (token, error) {
	if err := l.space(); err != nil {
		return token{}, err
	}
	t := token{at: l.i}
	if l.i == len(l.src) {
		return t, nil
	}
	var err error
	switch c := l.src[l.i]; {
	case isLetter(c):
		t.kind, t.text = tokName, l.name()
	case isDigit(c):
		t.kind, t.text = tokNumber, l.number()
	case c == '\'':
		t.kind = tokString
		t.text, err = l.quoted()
	case c == '`':
		t.kind = tokDelimited
		t.text, err = l.quoted()
	case c == '@':
		l.i++
		if t.kind, t.text = tokTemporal, l.temporal(); t.text == "" {
			err = l.fail(t.at, "a date or time is expected after @")
		}
	case c == '$':
		l.i++
		t.kind, t.text = tokSpecial, l.name()
	case c == '%':
		t.kind = tokExternal
		t.text, err = l.external()
	default:
		t.kind = tokSymbol
		t.text, err = l.symbol()
	}
	return t, err
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (l *lexer) name() string {
	from := l.i
	for l.i < len(l.src) && (isLetter(l.src[l.i]) || isDigit(l.src[l.i])) {
		l.i++
	}
	return l.src[from:l.i]
}

func (l *lexer) digits() {
	for l.i < len(l.src) && isDigit(l.src[l.i]) {
		l.i++
	}
}

// number reads digits, and a fraction if a digit follows the point: 1.exp() is a call.
func (l *lexer) number() string {
	from := l.i
	l.digits()
	if l.i+1 < len(l.src) && l.src[l.i] == '.' && isDigit(l.src[l.i+1]) {
		l.i++
		l.digits()
	}
	return l.src[from:l.i]
}

// temporal reads what looks like a date, a time or both; parseTemporal judges it. A point belongs to it only before a digit and
// after a time.
func (l *lexer) temporal() string {
	from := l.i
	inTime := false
	for ; l.i < len(l.src); l.i++ {
		c := l.src[l.i]
		switch {
		case isDigit(c) || c == '-' && (!inTime || l.zone(from)):
		case c == ':' && inTime:
		case c == 'T' && !inTime:
			inTime = true
		case c == '+' && inTime && l.zone(from):
		case c == '.' && inTime && l.i+1 < len(l.src) && isDigit(l.src[l.i+1]):
		case c == 'Z' && inTime:
			l.i++
			return l.src[from:l.i]
		default:
			return l.src[from:l.i]
		}
	}
	return l.src[from:l.i]
}

// zone tells whether an offset from UTC, two digits, a colon and two digits after the sign, begins here. Times alone have none.
func (l *lexer) zone(from int) bool {
	rest := l.src[l.i:]
	return l.src[from] != 'T' && len(rest) >= 6 && isDigit(rest[1]) && isDigit(rest[2]) && rest[3] == ':' && isDigit(rest[4]) && isDigit(rest[5])
}

func (l *lexer) external() (string, error) {
	at := l.i
	l.i++
	var text string
	var err error
	switch {
	case l.i < len(l.src) && (l.src[l.i] == '`' || l.src[l.i] == '\''):
		text, err = l.quoted()
	default:
		text = l.name()
	}
	if err == nil && text == "" {
		err = l.fail(at, "a name is expected after %")
	}
	return text, err
}

func (l *lexer) symbol() (string, error) {
	rest := l.src[l.i:]
	for _, s := range [...]string{"<=", ">=", "!=", "!~"} {
		if strings.HasPrefix(rest, s) {
			l.i += 2
			return s, nil
		}
	}
	if strings.IndexByte(".,()[]{}+-*/&|<>=~", rest[0]) >= 0 {
		l.i++
		return rest[:1], nil
	}
	return "", l.fail(l.i, "a character that begins nothing in FHIRPath")
}

// quoted reads a string or a delimited identifier and resolves its escapes.
func (l *lexer) quoted() (string, error) {
	at, quote := l.i, l.src[l.i]
	l.i++
	from := l.i
	for l.i < len(l.src) && l.src[l.i] != quote && l.src[l.i] != '\\' {
		l.i++
	}
	if l.i < len(l.src) && l.src[l.i] == quote {
		l.i++
		return l.src[from : l.i-1], nil
	}
	b := []byte(l.src[from:l.i])
	for l.i < len(l.src) {
		c := l.src[l.i]
		l.i++
		switch c {
		case quote:
			return string(b), nil
		case '\\':
			var err error
			if b, err = l.escape(b); err != nil {
				return "", err
			}
		default:
			b = append(b, c)
		}
	}
	return "", l.fail(at, "the quote is not closed")
}

func (l *lexer) escape(b []byte) ([]byte, error) {
	if l.i == len(l.src) {
		return nil, l.fail(l.i, "the quote is not closed")
	}
	c := l.src[l.i]
	l.i++
	switch c {
	case '\'', '"', '`', '\\', '/':
		return append(b, c), nil
	case 'f':
		return append(b, '\f'), nil
	case 'n':
		return append(b, '\n'), nil
	case 'r':
		return append(b, '\r'), nil
	case 't':
		return append(b, '\t'), nil
	case 'u':
		if l.i+4 <= len(l.src) {
			if r, err := strconv.ParseUint(l.src[l.i:l.i+4], 16, 16); err == nil {
				l.i += 4
				return utf8.AppendRune(b, rune(r)), nil
			}
		}
		return nil, l.fail(l.i-2, `four hexadecimal digits are expected after \u`)
	}
	return nil, l.fail(l.i-2, fmt.Sprintf(`\%c escapes nothing`, c))
}
