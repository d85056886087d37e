package summary

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxCell bounds a cell of a table, in characters.
const maxCell = 400

// narrative writes the text of a section as XHTML (FHIR R4, Narrative): a table of its items, or that there is no information.
func (m *Maker) narrative(at int, shown []*item, of int) string {
	var b strings.Builder
	m.open(&b)
	if len(shown) > 0 {
		m.table(&b, at, shown)
	} else if of == 0 {
		m.paragraph(&b, m.word("none."+sections[at].key))
	}
	if n := of - len(shown); n > 0 {
		m.paragraph(&b, fmt.Sprintf(m.word("more"), n))
	}
	if n := m.left[at]; n > 0 {
		m.paragraph(&b, fmt.Sprintf(m.word("uncoded"), n))
	}
	b.WriteString(`</div>`)
	return b.String()
}

// warning is the text of a document that is not complete.
func (m *Maker) warning() string {
	var b strings.Builder
	m.open(&b)
	m.paragraph(&b, m.word("incomplete"))
	b.WriteString(`</div>`)
	return b.String()
}

func (m *Maker) open(b *strings.Builder) {
	b.WriteString(`<div xmlns="http://www.w3.org/1999/xhtml" lang="` + m.Language + `" xml:lang="` + m.Language + `"`)
	if m.Language == "ar" {
		b.WriteString(` dir="rtl"`)
	}
	b.WriteByte('>')
}

func (m *Maker) table(b *strings.Builder, at int, shown []*item) {
	b.WriteString(`<table><thead><tr>`)
	for _, column := range sections[at].columns {
		b.WriteString(`<th>` + escaped(m.word(column)) + `</th>`)
	}
	b.WriteString(`</tr></thead><tbody>`)
	for _, it := range shown {
		b.WriteString(`<tr>`)
		for _, text := range it.cells {
			b.WriteString(`<td>` + m.cell(text) + `</td>`)
		}
		b.WriteString(`</tr>`)
	}
	b.WriteString(`</tbody></table>`)
}

// cell is a text of the record. In a text from right to left, one without Arabic says that it runs from left to right.
func (m *Maker) cell(text string) string {
	text = escaped(clipped(text))
	if m.Language == "ar" && text != "" && !arabic(text) {
		return `<span dir="ltr">` + text + `</span>`
	}
	return text
}

func (m *Maker) paragraph(b *strings.Builder, text string) {
	b.WriteString(`<p>` + escaped(text) + `</p>`)
}

func clipped(s string) string {
	if utf8.RuneCountInString(s) <= maxCell {
		return s
	}
	return string([]rune(s)[:maxCell]) + "…"
}

// escaped is a text as XML has it. Characters that XML does not have are left out.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '\n' || r == '\t' || r == '\r':
			b.WriteByte(' ')
		case r < ' ' || r == 0xFFFE || r == 0xFFFF:
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
