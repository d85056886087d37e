package search

import (
	"slices"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// maxString bounds a string that is looked for from its beginning, in bytes; what is longer is found by its first so many. The words of
// longer texts are found with _content.
const maxString = 1024

func (x *extraction) string(l *leaf, text string) {
	if len(text) > maxString {
		text = cutRunes(text, maxString)
	}
	if folded := Fold(text); folded != "" {
		x.add(l, term.Term{Value: text, Folded: folded})
	}
}

// cutRunes cuts a text to at most n bytes, between two characters.
func cutRunes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}

func takeString(x *extraction, l *leaf, v tape.Value) { x.string(l, x.text(v)) }

func takeConceptText(x *extraction, l *leaf, v tape.Value) { x.string(l, x.text(v.Get("text"))) }

// takeName adds the parts of a HumanName, and the whole as it is spoken where no text gives that.
func takeName(x *extraction, l *leaf, v tape.Value) {
	x.parts(l, v, "prefix", "given", "family", "suffix")
}

// takeSounds adds the keys of the words of a HumanName, each once, and all of them in their order.
func takeSounds(x *extraction, l *leaf, v tape.Value) {
	var keys, whole []string
	add := func(part tape.Value) {
		for _, w := range NameWords(cutRunes(x.text(part), maxString)) {
			if whole = append(whole, w.Key); !slices.Contains(keys, w.Key) {
				keys = append(keys, w.Key)
				x.add(l, term.Term{Value: w.Key, Folded: Fold(w.Key)})
			}
		}
	}
	for _, name := range []string{"given", "family", "text"} {
		part := v.Get(name)
		if name == "text" && len(whole) > 1 {
			x.add(l, term.Term{Value: strings.Join(whole, " "), Folded: Fold(strings.Join(whole, " "))})
			whole = nil
		}
		if part.Kind() == tape.Array {
			for e := part.First(); e.Exists(); e = e.Next() {
				add(e)
			}
		} else if part.Exists() {
			add(part)
		}
	}
	if len(whole) > 1 {
		x.add(l, term.Term{Value: strings.Join(whole, " "), Folded: Fold(strings.Join(whole, " "))})
	}
}

// takeAddress adds the parts of an Address, and the whole as above.
func takeAddress(x *extraction, l *leaf, v tape.Value) {
	x.parts(l, v, "line", "city", "district", "state", "postalCode", "country")
}

func (x *extraction) parts(l *leaf, v tape.Value, names ...string) {
	whole, count := make([]byte, 0, 64), 0
	for _, name := range names {
		part := v.Get(name)
		if part.Kind() == tape.Array {
			for e := part.First(); e.Exists(); e = e.Next() {
				whole, count = x.part(l, e, whole, count)
			}
		} else if part.Exists() {
			whole, count = x.part(l, part, whole, count)
		}
	}
	if text := v.Get("text"); text.Exists() {
		x.string(l, x.text(text))
	} else if count > 1 {
		x.string(l, string(whole))
	}
}

func (x *extraction) part(l *leaf, v tape.Value, whole []byte, count int) ([]byte, int) {
	text := x.text(v)
	if text == "" {
		return whole, count
	}
	x.string(l, text)
	if count > 0 {
		whole = append(whole, ' ')
	}
	return append(whole, text...), count + 1
}
