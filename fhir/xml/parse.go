package xml

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Parse reads one document. src must not change while the Document is in use. The error is an *Error, or wraps tape.ErrTooLarge.
func (d *Document) Parse(src []byte, limits Limits) error {
	limits = limits.orDefault()
	*d = Document{src: src, nodes: d.nodes[:0], attrs: d.attrs[:0], uris: d.uris[:0]}
	if len(src) > limits.Bytes {
		d.src = nil
		return fmt.Errorf("%w: %d bytes, at most %d", tape.ErrTooLarge, len(src), limits.Bytes)
	}
	p := parser{d: d, src: src, limits: limits}
	if reason := p.document(); reason != "" {
		err := p.fail(reason)
		d.nodes, d.root = d.nodes[:0], 0
		return err
	}
	return nil
}

// parser is the state of one Parse. Its methods return why the document is refused, or "".
type parser struct {
	d      *Document
	src    []byte
	i      int
	limits Limits
	open   []uint32 // elements that have no end tag yet
	bound  []binding
}

// fail places a reason at where the parser stands.
func (p *parser) fail(reason string) *Error {
	e := &Error{Position: tape.PositionOf(p.src, p.i), Reason: reason}
	for i, at := range p.open {
		if i > 0 {
			e.Path += "."
		}
		e.Path += string(Node{p.d, at, 0}.Local())
	}
	return e
}

// document is the whole grammar, without recursion.
func (p *parser) document() string {
	if reason := p.characters(); reason != "" {
		return reason
	}
	p.i = 0
	if bytes.HasPrefix(p.src, []byte("\xef\xbb\xbf")) {
		p.i = 3
	}
	if reason := p.declaration(); reason != "" {
		return reason
	}
	seen := false
	for p.i < len(p.src) {
		if len(p.d.nodes)+len(p.d.attrs) >= p.limits.Nodes {
			return fmt.Sprintf("there are more than %d elements, attributes and texts", p.limits.Nodes)
		}
		if len(p.open) == 0 {
			p.space()
			if p.i == len(p.src) {
				break
			}
		}
		if reason := p.next(&seen); reason != "" {
			return reason
		}
	}
	switch {
	case len(p.open) > 0:
		return "the document ends inside an element"
	case !seen:
		return "there is no element"
	}
	return ""
}

// characters checks that the document has only characters that XML has (XML 1.0, 2.2), in UTF-8.
func (p *parser) characters() string {
	wide := false
	for i, c := range p.src {
		switch {
		case c >= utf8.RuneSelf:
			wide = true
		case c < ' ' && c != '\t' && c != '\n' && c != '\r':
			p.i = i
			return "a control character stands where XML has none"
		}
	}
	if !wide {
		return ""
	}
	for i := 0; i < len(p.src); {
		r, n := utf8.DecodeRune(p.src[i:])
		if r == utf8.RuneError && n == 1 {
			p.i = i
			return "the text is not valid UTF-8"
		}
		if r == 0xfffe || r == 0xffff {
			p.i = i
			return "a character stands where XML has none"
		}
		i += n
	}
	return ""
}

// declaration reads <?xml version="1.0" encoding="UTF-8"?>.
func (p *parser) declaration() string {
	const begin = "<?xml"
	if !p.at(begin) || p.i+len(begin) >= len(p.src) || !isSpace(p.src[p.i+len(begin)]) {
		return ""
	}
	p.i += len(begin)
	for _, name := range []string{"version", "encoding", "standalone"} {
		before := p.i
		p.space()
		if !p.at(name) {
			if p.i = before; name == "version" {
				return "the XML declaration does not say the version"
			}
			continue
		}
		p.i += len(name)
		value, reason := p.assigned()
		if reason != "" {
			return reason
		}
		switch v := string(value); {
		case name == "version" && v != "1.0":
			return "only XML 1.0 is taken"
		case name == "encoding" && !bytes.EqualFold(value, []byte("utf-8")) && !bytes.EqualFold(value, []byte("us-ascii")):
			return "documents are taken in UTF-8 only"
		case name == "standalone" && v != "yes" && v != "no":
			return "standalone is yes or no"
		}
		if p.i < len(p.src) && !isSpace(p.src[p.i]) && p.src[p.i] != '?' {
			return "white space is expected in the XML declaration"
		}
	}
	p.space()
	return p.expect("?>")
}

// next reads one piece of markup, or the text up to the next.
func (p *parser) next(seen *bool) string {
	switch {
	case p.at("<!--"):
		return p.through(Comment, "<!--", "-->")
	case p.at("<?"):
		return p.through(Instruction, "<?", "?>")
	case p.at("<![CDATA[") && len(p.open) > 0:
		return p.text()
	case p.at("<!"):
		return "a document type declaration is not taken: FHIR has none, and no entities but those of XML"
	case p.at("</"):
		return p.endTag()
	case p.src[p.i] == '<':
		if len(p.open) == 0 {
			if *seen {
				return "something follows the document's end"
			}
			*seen = true
			p.d.root = uint32(len(p.d.nodes))
		}
		return p.startTag()
	case len(p.open) == 0 && *seen:
		return "something follows the document's end"
	case len(p.open) == 0:
		return "the document begins with no element"
	}
	return p.text()
}

// through reads a comment or processing instruction.
func (p *parser) through(kind Kind, begin, end string) string {
	start := p.i
	n := bytes.Index(p.src[start+len(begin):], []byte(end))
	if n < 0 {
		return "the document ends inside a comment or a processing instruction"
	}
	body := p.src[start+len(begin) : start+len(begin)+n]
	if kind == Comment {
		if at := bytes.Index(body, []byte("--")); at >= 0 || bytes.HasSuffix(body, []byte("-")) {
			return "a comment has -- in it"
		}
	} else {
		target := p.name(start + len(begin))
		name := p.src[start+len(begin) : target]
		if len(name) == 0 || bytes.EqualFold(name, []byte("xml")) || bytes.IndexByte(name, ':') >= 0 ||
			target < start+len(begin)+n && !isSpace(p.src[target]) {
			return "a processing instruction has no name that it may have"
		}
	}
	p.i = start + len(begin) + n + len(end)
	p.leaf(kind, start)
	return ""
}

func (p *parser) leaf(kind Kind, start int) {
	p.d.nodes = append(p.d.nodes, node{kind: kind, span: span{uint32(start), uint32(p.i)}, next: uint32(len(p.d.nodes)) + 1})
}

// text reads a run of characters and CDATA sections.
func (p *parser) text() string {
	start := p.i
	for p.i < len(p.src) {
		switch c := p.src[p.i]; {
		case c == '&':
			_, n, reason := reference(p.src[p.i:])
			if reason != "" {
				return reason
			}
			p.i += n
		case c == ']' && p.at("]]>"):
			return "]]> stands in a text"
		case c == '<' && p.at("<![CDATA["):
			n := bytes.Index(p.src[p.i:], []byte("]]>"))
			if n < 0 {
				return "the document ends inside a CDATA section"
			}
			p.i += n + len("]]>")
		case c == '<':
			p.leaf(Text, start)
			return ""
		default:
			p.i++
		}
	}
	return "the document ends inside an element"
}
