package xml

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isBlank(b []byte) bool {
	for _, c := range b {
		if !isSpace(c) {
			return false
		}
	}
	return true
}

func (p *parser) at(s string) bool {
	return len(p.src)-p.i >= len(s) && string(p.src[p.i:p.i+len(s)]) == s
}

func (p *parser) space() {
	for p.i < len(p.src) && isSpace(p.src[p.i]) {
		p.i++
	}
}

func (p *parser) expect(s string) string {
	if !p.at(s) {
		return s + " is expected"
	}
	p.i += len(s)
	return ""
}

// name gives the end of the name that begins at i (XML 1.0, 2.3); i if there is none.
func (p *parser) name(i int) int {
	for first := i; i < len(p.src); {
		c := p.src[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == ':' || i > first && (c >= '0' && c <= '9' || c == '-' || c == '.') {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, n := utf8.DecodeRune(p.src[i:])
		if !nameRune(r, i == first) {
			break
		}
		i += n
	}
	return i
}

// nameRune tells whether a character beyond ASCII may stand in a name, or begin it.
func nameRune(r rune, begins bool) bool {
	switch {
	case r >= 0xc0 && r <= 0xd6, r >= 0xd8 && r <= 0xf6, r >= 0xf8 && r <= 0x2ff, r >= 0x370 && r <= 0x37d, r >= 0x37f && r <= 0x1fff,
		r == 0x200c, r == 0x200d, r >= 0x2070 && r <= 0x218f, r >= 0x2c00 && r <= 0x2fef, r >= 0x3001 && r <= 0xd7ff,
		r >= 0xf900 && r <= 0xfdcf, r >= 0xfdf0 && r <= 0xfffd, r >= 0x10000 && r <= 0xeffff:
		return true
	case r == 0xb7, r >= 0x300 && r <= 0x36f, r == 0x203f, r == 0x2040:
		return !begins
	}
	return false
}

// qualified reads a name with at most one prefix; local is where it goes on after that.
func (p *parser) qualified(start int) (name span, local uint32, reason string) {
	end := p.name(start)
	text := p.src[start:end]
	name, local = span{uint32(start), uint32(end)}, uint32(start)
	p.i = end
	if colon := bytes.IndexByte(text, ':'); colon >= 0 {
		local += uint32(colon) + 1
		rest := text[colon+1:]
		// What begins the part after the colon must be able to begin a name.
		if colon == 0 || bytes.IndexByte(rest, ':') >= 0 || p.name(int(local)) == int(local) || strings.IndexByte("-.0123456789", p.src[local]) >= 0 {
			return name, local, "a name has no valid prefix (Namespaces in XML 1.0, 4)"
		}
	}
	if len(text) == 0 {
		return name, local, "a name is expected"
	}
	return name, local, ""
}

// assigned reads ="value" and gives what is between the quotes.
func (p *parser) assigned() ([]byte, string) {
	p.space()
	if reason := p.expect("="); reason != "" {
		return nil, reason
	}
	p.space()
	if p.i >= len(p.src) || p.src[p.i] != '"' && p.src[p.i] != '\'' {
		return nil, "a value in quotes is expected"
	}
	quote, start := p.src[p.i], p.i+1
	for p.i = start; p.i < len(p.src); {
		switch c := p.src[p.i]; c {
		case quote:
			p.i++
			return p.src[start : p.i-1], ""
		case '<':
			return nil, "a < stands in the value of an attribute"
		case '&':
			_, n, reason := reference(p.src[p.i:])
			if reason != "" {
				return nil, reason
			}
			p.i += n
		default:
			p.i++
		}
	}
	return nil, "the document ends inside the value of an attribute"
}

// entities are those that XML has without a declaration.
var entities = []struct {
	name string
	r    rune
}{{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}}

// reference reads the reference that b begins with: &name; or &#number;.
func reference(b []byte) (r rune, n int, reason string) {
	for _, e := range entities {
		if bytes.HasPrefix(b, []byte(e.name)) {
			return e.r, len(e.name), ""
		}
	}
	const bad = "a reference to a character is none that XML has"
	if len(b) < 4 || b[1] != '#' {
		return 0, 0, "an entity is not declared: XML has only lt, gt, amp, quot and apos"
	}
	i, base := 2, rune(10)
	if b[2] == 'x' {
		i, base = 3, 16
	}
	for first := i; i < len(b); i++ {
		c := b[i]
		switch {
		case c == ';' && i > first:
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0xd800 && r <= 0xdfff || r == 0xfffe || r == 0xffff {
				return 0, 0, bad
			}
			return r, i + 1, ""
		case c >= '0' && c <= '9':
			r = r*base + rune(c-'0')
		case base == 16 && c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r*base + rune(c|0x20-'a') + 10
		default:
			return 0, 0, bad
		}
		if r > utf8.MaxRune {
			return 0, 0, bad
		}
	}
	return 0, 0, bad
}

// appendValue adds an attribute's value: references resolved, each line end and tab a space.
func appendValue(b, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '&':
			r, n, _ := reference(raw[i:])
			b = utf8.AppendRune(b, r)
			i += n - 1
		case '\r':
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			b = append(b, ' ')
		case '\n', '\t':
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return b
}

// appendText adds a run of characters: references resolved, CDATA sections opened, each line end a line feed.
func appendText(b, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '&':
			r, n, _ := reference(raw[i:])
			b = utf8.AppendRune(b, r)
			i += n - 1
		case '<': // only a CDATA section
			n := bytes.Index(raw[i:], []byte("]]>"))
			b = appendLines(b, raw[i+len("<![CDATA["):i+n])
			i += n + len("]]>") - 1
		case '\r':
			if i+1 == len(raw) || raw[i+1] != '\n' {
				b = append(b, '\n')
			}
		default:
			b = append(b, c)
		}
	}
	return b
}

func appendLines(b, raw []byte) []byte {
	for i, c := range raw {
		switch {
		case c != '\r':
			b = append(b, c)
		case i+1 == len(raw) || raw[i+1] != '\n':
			b = append(b, '\n')
		}
	}
	return b
}

// AppendEscaped adds text so that it can stand in an element or in an attribute between double quotes. Line ends and tabs are kept by references.
func AppendEscaped(b []byte, text []byte) []byte {
	from := 0
	for i, c := range text {
		var to string
		switch c {
		case '&':
			to = "&amp;"
		case '<':
			to = "&lt;"
		case '>':
			to = "&gt;"
		case '"':
			to = "&quot;"
		case '\n':
			to = "&#10;"
		case '\r':
			to = "&#13;"
		case '\t':
			to = "&#9;"
		default:
			continue
		}
		b = append(b, text[from:i]...)
		b = append(b, to...)
		from = i + 1
	}
	return append(b, text[from:]...)
}
