package fhirpath

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// What a narrative may consist of (FHIR R4, §2.4.0.1): the elements of HTML 4.0, chapters 7 to 11 but section 4 of chapter 9 and 15, links,
// images and style, nothing active. "*" holds for all elements.
var narrativeElements = words(`a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img
	li ol p pre q s samp map area font basefont small span strong sub sup table tbody td tfoot th thead tr tt ul var u bdo address nobr center kbd strike del ins`)

var narrativeAttributes = map[string]map[string]bool{
	"*":          words("title style class id lang dir xml:lang xml:space xmlns accesskey tabindex"),
	"a":          words("charset type name href hreflang rel rev shape coords target"),
	"map":        words("name"),
	"area":       words("shape coords href nohref alt"),
	"font":       words("size color face"),
	"basefont":   words("size color face"),
	"img":        words("src alt longdesc height width usemap ismap border align"),
	"table":      words("summary width border frame rules cellspacing cellpadding align bgcolor"),
	"blockquote": words("cite"), "q": words("cite"), "del": words("cite datetime"), "ins": words("cite datetime"),
	"td": cellAttributes, "th": cellAttributes,
	"tr": alignment, "thead": alignment, "tbody": alignment, "tfoot": alignment,
	"col": words("span width align char charoff valign"), "colgroup": words("span width align char charoff valign"),
	"ol": words("type start compact"), "ul": words("type compact"), "li": words("type value"), "pre": words("width"), "br": words("clear"),
	"hr": words("align width size noshade"), "p": words("align"), "div": words("align"), "caption": words("align"),
	"h1": words("align"), "h2": words("align"), "h3": words("align"), "h4": words("align"), "h5": words("align"), "h6": words("align"),
}

var (
	cellAttributes = words("abbr axis headers scope rowspan colspan align char charoff valign width height bgcolor nowrap")
	alignment      = words("align char charoff valign bgcolor")
)

func words(s string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		set[w] = true
	}
	return set
}

const xhtml = "http://www.w3.org/1999/xhtml"

// narrative tells whether s is XHTML that a narrative may consist of: one div, and only elements and attributes that do nothing.
func narrative(s string) bool {
	d := xml.NewDecoder(strings.NewReader(s))
	d.Entity = xml.HTMLEntity
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if err != nil {
			return errors.Is(err, io.EOF) && roots == 1
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 && (t.Name.Local != "div" || roots > 0) || !allowed(&t) {
				return false
			}
			if depth == 0 {
				roots++
			}
			if depth++; depth > MaxNesting {
				return false
			}
		case xml.EndElement:
			depth--
		case xml.Directive, xml.ProcInst:
			return false
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(t)) != "" {
				return false
			}
		}
	}
}

func allowed(e *xml.StartElement) bool {
	if !narrativeElements[e.Name.Local] || e.Name.Space != xhtml {
		return false
	}
	for _, a := range e.Attr {
		name := a.Name.Local
		if a.Name.Space == "xml" || a.Name.Space == "http://www.w3.org/XML/1998/namespace" {
			name = "xml:" + name
		}
		if a.Name.Space == "xmlns" {
			continue
		}
		if !narrativeAttributes["*"][name] && !narrativeAttributes[e.Name.Local][name] {
			return false
		}
		if name == "href" && active(a.Value) || name == "src" && active(a.Value) && !strings.HasPrefix(a.Value, "data:image/") {
			return false
		}
	}
	return true
}

// active tells whether a browser that follows the URL would run something. Browsers skip white space and control characters in a scheme.
func active(url string) bool {
	url = strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, url))
	return strings.HasPrefix(url, "javascript:") || strings.HasPrefix(url, "vbscript:") || strings.HasPrefix(url, "data:")
}
