package tape

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// appendDecoded adds a string's text to b, its escapes resolved. raw is valid, without quotes.
func appendDecoded(b, raw []byte) []byte {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(b, raw...)
		}
		b = append(b, raw[:i]...)
		raw = raw[i+1:]
		switch c := raw[0]; c {
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, _ := hex4(raw, 1)
			raw = raw[4:]
			if utf16.IsSurrogate(r) {
				low, _ := hex4(raw, 3)
				r = utf16.DecodeRune(r, low)
				raw = raw[6:]
			}
			b = utf8.AppendRune(b, r)
		default:
			b = append(b, c)
		}
		raw = raw[1:]
	}
}

// AppendQuoted adds text to b as a JSON string in quotes. text is valid UTF-8.
func AppendQuoted(b []byte, text string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	b = append(b, text[from:]...)
	return append(b, '"')
}
