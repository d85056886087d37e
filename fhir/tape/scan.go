package tape

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// skipSpace gives the position of the first byte from i on that is no JSON white space.
func skipSpace(src []byte, i int) int {
	for i < len(src) {
		switch src[i] {
		case ' ':
			i++
			for i+8 <= len(src) { // indentation comes in runs
				x := binary.LittleEndian.Uint64(src[i:]) ^ ' '*ones
				if x != 0 {
					i += bits.TrailingZeros64(x) >> 3
					break
				}
				i += 8
			}
		case '\n', '\r', '\t':
			i++
		default:
			return i
		}
	}
	return i
}

// scanString reads a string from after its opening quote. end is after the closing quote, or where it fails.
func scanString(src []byte, i int) (end int, escaped bool, reason string) {
	start, wide := i, uint64(0)
	for i < len(src) {
		for i+8 <= len(src) {
			w := binary.LittleEndian.Uint64(src[i:])
			quote, slash := w^'"'*ones, w^'\\'*ones
			// The lowest set bit is exact: a borrow can only disturb bytes above a true match.
			stop := ((quote-ones)&^quote | (slash-ones)&^slash | (w-' '*ones)&^w) & highs
			if stop == 0 {
				wide |= w
				i += 8
				continue
			}
			before := bits.TrailingZeros64(stop) &^ 7
			wide |= w & (1<<before - 1)
			i += before >> 3
			break
		}
		if i >= len(src) {
			break
		}
		switch c := src[i]; {
		case c == '"':
			if wide&highs != 0 && !utf8.Valid(src[start:i]) {
				return badUTF8(src, start), escaped, "the text is not valid UTF-8"
			}
			return i + 1, escaped, ""
		case c == '\\':
			if i, reason = scanEscape(src, i); reason != "" {
				return i, true, reason
			}
			escaped = true
		case c < ' ':
			return i, escaped, "a control character stands unescaped in a string"
		default:
			wide |= uint64(c)
			i++
		}
	}
	return i, escaped, "the document ends inside a string"
}

func badUTF8(src []byte, i int) int {
	for i < len(src) {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	return i
}

// scanEscape reads the escape that begins with the backslash at i. Surrogates must come in pairs.
func scanEscape(src []byte, i int) (end int, reason string) {
	if i+1 >= len(src) {
		return i, "the document ends inside a string"
	}
	switch src[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, ""
	case 'u':
		r, ok := hex4(src, i+2)
		if !ok {
			return i, "four hexadecimal digits must follow \\u"
		}
		if r < 0xd800 || r > 0xdfff {
			return i + 6, ""
		}
		if r < 0xdc00 && i+8 <= len(src) && src[i+6] == '\\' && src[i+7] == 'u' {
			if low, ok := hex4(src, i+8); ok && low >= 0xdc00 && low <= 0xdfff {
				return i + 12, ""
			}
		}
		return i, "a surrogate stands alone"
	}
	return i, "the backslash escapes nothing that JSON knows"
}

func hex4(src []byte, i int) (r rune, ok bool) {
	if i+4 > len(src) {
		return 0, false
	}
	for _, c := range src[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// scanScalar reads a number or a literal.
func scanScalar(src []byte, i int) (end int, kind Kind, reason string) {
	switch c := src[i]; {
	case c == '-' || c >= '0' && c <= '9':
		end, reason = scanNumber(src, i)
		return end, Number, reason
	case literal(src, i, "true"):
		return i + 4, True, ""
	case literal(src, i, "false"):
		return i + 5, False, ""
	case literal(src, i, "null"):
		return i + 4, Null, ""
	}
	return i, None, "a value is expected"
}

func literal(src []byte, i int, word string) bool {
	return len(src)-i >= len(word) && string(src[i:i+len(word)]) == word
}

// scanNumber reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? and leaves judging what follows to the caller.
func scanNumber(src []byte, i int) (end int, reason string) {
	const digit = "a digit is expected"
	if src[i] == '-' {
		i++
	}
	first := i
	if i = digits(src, i); i == first {
		return i, digit
	}
	if src[first] == '0' && i > first+1 {
		return first, "a number has a leading zero"
	}
	if i < len(src) && src[i] == '.' {
		point := i + 1
		if i = digits(src, point); i == point {
			return i, digit
		}
	}
	if i < len(src) && src[i]|0x20 == 'e' {
		i++
		if i < len(src) && (src[i] == '+' || src[i] == '-') {
			i++
		}
		exponent := i
		if i = digits(src, i); i == exponent {
			return i, digit
		}
	}
	return i, ""
}

func digits(src []byte, i int) int {
	for i < len(src) && src[i] >= '0' && src[i] <= '9' {
		i++
	}
	return i
}
