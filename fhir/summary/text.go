package summary

import (
	"strings"
	"unicode"

	"github.com/sijil-health/sijil/fhir/tape"
)

// concept gives the words of a CodeableConcept: in the language of the summary where it has them, else its text, a display, a code.
func (m *Maker) concept(v tape.Value) string {
	text := v.Get("text").Text()
	if s := m.translated(v, "text"); s != "" {
		return s
	}
	display, code := "", ""
	for c := v.Get("coding").First(); c.Exists(); c = c.Next() {
		if s := m.translated(c, "display"); s != "" {
			return s
		}
		d := c.Get("display").Text()
		if m.Language == "ar" && arabic(d) {
			return d
		}
		display, code = first(display, d), first(code, c.Get("code").Text())
	}
	return first(text, display, code)
}

// translated gives a primitive value in the language of the summary: a translation beside it (http://hl7.org/fhir/StructureDefinition/translation), or itself if it is in
// Arabic where that is wanted; "" for neither.
func (m *Maker) translated(v tape.Value, name string) string {
	plain, more := v.GetBoth(name)
	for e := more.Get("extension").First(); e.Exists(); e = e.Next() {
		if !e.Get("url").Is("http://hl7.org/fhir/StructureDefinition/translation") {
			continue
		}
		lang, content := "", ""
		for part := e.Get("extension").First(); part.Exists(); part = part.Next() {
			switch {
			case part.Get("url").Is("lang"):
				lang = part.Get("valueCode").Text()
			case part.Get("url").Is("content"):
				content = part.Get("valueString").Text()
			}
		}
		if main, _, _ := strings.Cut(strings.ToLower(lang), "-"); main == m.Language && content != "" {
			return content
		}
	}
	if s := plain.Text(); m.Language == "ar" && arabic(s) {
		return s
	}
	return ""
}

func arabic(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Arabic, r) {
			return true
		}
	}
	return false
}

// concepts gives the words of a list of them.
func (m *Maker) concepts(v tape.Value) string {
	var all []string
	for c := v.First(); c.Exists(); c = c.Next() {
		all = append(all, m.concept(c))
	}
	return join(", ", all...)
}

// status gives the words of a concept whose codes the summary has words for.
func (m *Maker) status(v tape.Value) string {
	code := v.Get("coding").At(0).Get("code").Text()
	if s := m.word(code); s != code {
		return s
	}
	return m.concept(v)
}

// value gives the words of a value of any type that an observation or a date may have.
func (m *Maker) value(v tape.Value) string {
	switch v.Kind() {
	case tape.String:
		return v.Text()
	case tape.Number:
		return string(v.Raw())
	case tape.True:
		return m.word("true")
	case tape.False:
		return m.word("false")
	case tape.Object:
	default:
		return ""
	}
	switch {
	case v.Get("coding").Exists() || v.Get("text").Exists():
		return m.concept(v)
	case v.Get("low").Exists() || v.Get("high").Exists():
		return join(" – ", m.value(v.Get("low")), m.value(v.Get("high")))
	case v.Get("numerator").Exists():
		return join(" / ", m.value(v.Get("numerator")), m.value(v.Get("denominator")))
	case v.Get("start").Exists() || v.Get("end").Exists():
		from, until := span(v)
		return join(" – ", from, until)
	}
	return join(" ", v.Get("comparator").Text(), string(v.Get("value").Raw()), first(v.Get("unit").Text(), v.Get("code").Text()))
}

// first gives the first text that is not empty.
func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// join joins those texts that are not empty.
func join(by string, texts ...string) string {
	var b strings.Builder
	for _, s := range texts {
		if s == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(by)
		}
		b.WriteString(s)
	}
	return b.String()
}
