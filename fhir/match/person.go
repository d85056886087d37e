package match

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/fhir/tape"
)

// Person is what of a Patient is compared.
type Person struct {
	names       [][]search.Word // of each name, in the order in which it is spoken
	birth       date
	gender      string // "male", "female", or "" for what says nothing
	identifiers []identifier
	telecoms    []string // digits of numbers, folded addresses
	raw         []string // telecoms as they are written
	addresses   []address
}

type identifier struct{ system, value string }

type address struct{ line, city, postal string }

// most bounds the repetitions that are looked at of each element.
const most = 8

// Read takes from a Patient what is compared. Its form may be wrong: what is of another type than it should be is passed over.
func Read(root tape.Value) *Person {
	p := &Person{birth: dateOf(root.Get("birthDate").Text())}
	if g := root.Get("gender"); g.Is("male") || g.Is("female") {
		p.gender = g.Text()
	}
	each(root.Get("name"), p.name)
	each(root.Get("identifier"), func(v tape.Value) {
		i := identifier{v.Get("system").Text(), strings.TrimSpace(v.Get("value").Text())}
		if i.value != "" {
			p.identifiers = append(p.identifiers, i)
		}
	})
	each(root.Get("telecom"), func(v tape.Value) {
		raw := strings.TrimSpace(v.Get("value").Text())
		if number := contact(raw); number != "" {
			p.telecoms, p.raw = append(p.telecoms, number), append(p.raw, raw)
		}
	})
	each(root.Get("address"), func(v tape.Value) {
		var line []string
		each(v.Get("line"), func(l tape.Value) { line = append(line, l.Text()) })
		a := address{search.FoldWords(strings.Join(line, " ")), search.FoldWords(v.Get("city").Text()), search.FoldWords(v.Get("postalCode").Text())}
		if a != (address{}) {
			p.addresses = append(p.addresses, a)
		}
	})
	return p
}

// each calls fn with the elements of an array, as many as are looked at.
func each(list tape.Value, fn func(tape.Value)) {
	if list.Kind() != tape.Array {
		return
	}
	n := 0
	for v := list.First(); v.Exists() && n < most; v = v.Next() {
		fn(v)
		n++
	}
}

// name adds a HumanName: its parts, or its text where that says more.
func (p *Person) name(v tape.Value) {
	if v.Get("use").Is("old") && len(p.names) > 0 && v.Get("family").Text() == "" {
		return
	}
	var parts []string
	each(v.Get("given"), func(g tape.Value) { parts = append(parts, g.Text()) })
	parts = append(parts, v.Get("family").Text())
	words, text := search.NameWords(strings.Join(parts, " ")), search.NameWords(v.Get("text").Text())
	if len(text) > len(words) {
		words = text
	}
	if len(words) > 0 {
		p.names = append(p.names, words)
	}
}

// Empty tells whether there is too little to find anybody by.
func (p *Person) Empty() bool {
	return len(p.names) == 0 && len(p.identifiers) == 0 && len(p.telecoms) == 0
}

// maxNumber is how many digits of a number are compared, from its end: how a country's code is written differs.
const maxNumber = 9

// contact gives the form in which telecoms are compared.
func contact(raw string) string {
	folded := search.Fold(raw)
	if strings.Contains(folded, "@") {
		return strings.TrimPrefix(folded, "mailto:")
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, folded)
	if len(digits) < 7 {
		return ""
	}
	return digits[max(0, len(digits)-maxNumber):]
}
