package validation

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/tape"
)

// narrativeRule: the div of a narrative is XHTML of the elements and attributes that chapters 7 to 11 (but section 4 of 9) and 15 of HTML
// 4.0 describe, with links, images and style attributes, and without anything that runs or is fetched as a program: txt-1. It has some
// content: txt-2 (https://hl7.org/fhir/R4/narrative.html#xhtml).
func narrativeRule(r *run, o object) {
	div := o.Get("div")
	if div.Kind() != tape.String {
		return
	}
	d := xhtml{src: div.Bytes()}
	reason := d.document()
	switch {
	case reason != "":
		r.broken(div, "txt-1", reason)
	case !d.content:
		r.broken(div, "txt-2", "the narrative has no content")
	}
}

// maxNesting bounds how deep elements may lie in one another.
const maxNesting = 128

// xhtml reads a fragment of XML from left to right. Its methods return why it is no narrative, or "". No reason quotes it.
type xhtml struct {
	src     []byte
	i       int
	open    [maxNesting][]byte
	depth   int
	content bool // some text that is no white space, or an image
}

func (d *xhtml) document() (reason string) {
	d.space()
	for first := true; first || d.depth > 0; first = false {
		if d.depth == 0 && (!d.at('<') || !bytes.HasPrefix(d.src[d.i:], []byte("<div"))) {
			return "a narrative is one div element"
		}
		if d.depth > 0 {
			if reason = d.text(); reason != "" {
				return reason
			}
		}
		if reason = d.markup(); reason != "" {
			return reason
		}
	}
	d.space()
	if d.i < len(d.src) {
		return "something follows the end of the narrative's div"
	}
	return ""
}

func (d *xhtml) at(c byte) bool { return d.i < len(d.src) && d.src[d.i] == c }

func (d *xhtml) space() (some bool) {
	from := d.i
	for d.i < len(d.src) && isSpace(d.src[d.i]) {
		d.i++
	}
	return d.i > from
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// text reads up to the next "<".
func (d *xhtml) text() (reason string) {
	for d.i < len(d.src) {
		switch c := d.src[d.i]; {
		case c == '<':
			return ""
		case c == '&':
			if reason = d.reference(); reason != "" {
				return reason
			}
			d.content = true
		default:
			d.content = d.content || !isSpace(c)
			d.i++
		}
	}
	return "the narrative ends within an element"
}

// reference reads &name; of XML's five, or a character's number.
func (d *xhtml) reference() (reason string) {
	end := bytes.IndexByte(d.src[d.i:min(len(d.src), d.i+12)], ';')
	if end < 0 {
		return "an ampersand stands alone in the narrative: write &amp;"
	}
	name := d.src[d.i+1 : d.i+end]
	d.i += end + 1
	switch string(name) {
	case "amp", "lt", "gt", "quot", "apos":
		return ""
	}
	if len(name) > 1 && name[0] == '#' && numeric(name[1:]) {
		return ""
	}
	return "the narrative uses an entity that XML does not know: write the character itself"
}

func numeric(b []byte) bool {
	hex := b[0] == 'x'
	if hex {
		b = b[1:]
	}
	for _, c := range b {
		if !isDigit(c) && !(hex && c|0x20 >= 'a' && c|0x20 <= 'f') {
			return false
		}
	}
	return len(b) > 0
}

// markup reads what begins with "<".
func (d *xhtml) markup() (reason string) {
	rest := d.src[d.i:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return d.until("-->", "a comment in the narrative has no end")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		d.content = true
		return d.until("]]>", "a section of characters in the narrative has no end")
	case bytes.HasPrefix(rest, []byte("<!")), bytes.HasPrefix(rest, []byte("<?")):
		return "a narrative has no declarations and no instructions"
	case bytes.HasPrefix(rest, []byte("</")):
		d.i += 2
		name := d.name()
		d.space()
		if !d.at('>') || !bytes.Equal(name, d.open[d.depth-1]) {
			return "the narrative is not well-formed: an end tag is not that of the element that is open"
		}
		d.i++
		d.depth--
		return ""
	}
	d.i++
	return d.element()
}

func (d *xhtml) until(end, reason string) string {
	at := bytes.Index(d.src[d.i:], []byte(end))
	if at < 0 {
		return reason
	}
	d.i += at + len(end)
	return ""
}

// name reads letters, digits and what else stands in XML's names; those with other characters are none of HTML's.
func (d *xhtml) name() []byte {
	from := d.i
	for d.i < len(d.src) {
		if c := d.src[d.i]; !isLetter(c) && !isDigit(c) && c != '-' && c != ':' && c != '_' && c != '.' {
			break
		}
		d.i++
	}
	return d.src[from:d.i]
}

// element reads a start tag from after its "<".
func (d *xhtml) element() (reason string) {
	name := d.name()
	if len(name) == 0 {
		return "the narrative is not well-formed: the name of an element is expected after <"
	}
	if !elements[string(name)] {
		return "the narrative has an element that narratives may not have"
	}
	if d.depth == maxNesting {
		return "the elements of the narrative are nested too deep"
	}
	namespace := d.depth > 0
	for {
		spaced := d.space()
		switch {
		case d.at('>'):
			d.i++
			d.open[d.depth] = name
			d.depth++
		case bytes.HasPrefix(d.src[d.i:], []byte("/>")):
			d.i += 2
		case !spaced:
			return "the narrative is not well-formed: a tag has no end"
		default:
			is, reason := d.attribute()
			if reason != "" {
				return reason
			}
			namespace = namespace || is
			continue
		}
		break
	}
	if !namespace {
		return "the narrative's div must have the namespace of XHTML"
	}
	d.content = d.content || string(name) == "img"
	return ""
}

// attribute reads one, and tells whether it declares the namespace of XHTML.
func (d *xhtml) attribute() (namespace bool, reason string) {
	const malformed = "the narrative is not well-formed: an attribute is a name, = and a value in quotes"
	name := d.name()
	d.space()
	if len(name) == 0 || !d.at('=') {
		return false, malformed
	}
	d.i++
	d.space()
	if !d.at('"') && !d.at('\'') {
		return false, malformed
	}
	quote := d.src[d.i]
	d.i++
	from := d.i
	for !d.at(quote) {
		switch {
		case d.i >= len(d.src), d.at('<'):
			return false, malformed
		case d.at('&'):
			if reason = d.reference(); reason != "" {
				return false, reason
			}
		default:
			d.i++
		}
	}
	value := d.src[from:d.i]
	d.i++
	if string(name) == "xmlns" {
		if string(value) != "http://www.w3.org/1999/xhtml" {
			return false, "the namespace of the narrative is not that of XHTML"
		}
		return true, ""
	}
	if !attributes[string(name)] && !bytes.HasPrefix(name, []byte("xmlns:")) {
		return false, "the narrative has an attribute that narratives may not have"
	}
	if runs(value) {
		return false, "the narrative has a link to a program"
	}
	return false, ""
}

// runs tells whether a browser would take an attribute's value for a program: a URL of a scheme that is one, however it is written.
func runs(value []byte) bool {
	var scheme [16]byte
	n := 0
	for _, c := range value {
		switch {
		case c == ':':
			s := string(scheme[:n])
			return s == "javascript" || s == "vbscript"
		case c == '&': // a scheme has no character that would have to be written so
			return bytes.IndexByte(value, ':') > 0 && !bytes.HasPrefix(value, []byte("http")) && n < 4
		case c <= ' ':
		case n == len(scheme) || !isLetter(c):
			return false
		default:
			scheme[n] = c | 0x20
			n++
		}
	}
	return false
}

var elements = words("a abbr acronym address area b basefont bdo big blockquote br caption center cite code col colgroup dd dfn dir div dl dt em font " +
	"h1 h2 h3 h4 h5 h6 hr i img kbd li map menu ol p pre q s samp small span strike strong sub sup table tbody td tfoot th thead tr tt u ul var")

var attributes = words("abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff cite class clear color colspan compact coords dir " +
	"face frame headers height href hreflang hspace id ID idref idRef ismap lang longdesc name nohref noshade nowrap rel rev rowspan rules scope shape size span src " +
	"start style summary tabindex target title type usemap valign value vspace width xml:lang xml:space")

func words(list string) map[string]bool {
	s := map[string]bool{}
	for _, w := range bytes.Fields([]byte(list)) {
		s[string(w)] = true
	}
	return s
}
