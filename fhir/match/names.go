package match

import (
	"unicode/utf8"

	"github.com/sijil-health/sijil/fhir/search"
)

// maxCompared bounds the words of a name that are compared.
const maxCompared = 8

// naming says how two names go together.
type naming struct {
	points  float64
	words   int  // that agree
	weak    bool // the first word of one goes only somewhat with what it goes with: محمد and محمود may be brothers
	other   bool // the first words, who somebody is among the family, are different names
	differs int  // words of both that go with none of the other
}

// Weights of names.
const (
	wordPoints   = 3.0
	commonPoints = 1.5 // for a name that a great part of all people bear
	extraPoints  = -0.25
	differPoints = -3.0
	otherPoints  = -6.0
)

// common are the keys of names that are much more frequent than others.
var common = map[string]bool{"MHMD": true, "AHMD": true, "AL": true, "HSN": true, "ABDL": true, "FTM": true, "KLD": true, "SLM": true, "ABRHM": true, "JN": true, "MR": true, "SMT": true, "KN": true}

// compareNames gives the best of all pairs of names.
func compareNames(a, b *Person) (best naming, known bool) {
	for _, x := range a.names {
		for _, y := range b.names {
			if n := compareName(x, y); !known || n.points > best.points {
				best, known = n, true
			}
		}
	}
	return best, known
}

// compareName puts the words of two names beside one another, the best pairs first.
func compareName(a, b []search.Word) (n naming) {
	a, b = a[:min(len(a), maxCompared)], b[:min(len(b), maxCompared)]
	var usedA, usedB [maxCompared]bool
	for {
		best, at, to := 0.0, 0, 0
		for i := range a {
			for j := range b {
				if usedA[i] || usedB[j] {
					continue
				}
				s := similar(a[i], b[j])
				if (i == 0) != (j == 0) {
					s *= 0.99 // of equal ones, those at the same place
				}
				if s > best || s == best && best > 0 && i+j < at+to {
					best, at, to = s, i, j
				}
			}
		}
		if best == 0 {
			break
		}
		usedA[at], usedB[to] = true, true
		n.weak = n.weak || (at == 0 || to == 0) && best < solid
		n.words++
		if n.points += best * wordPoints; common[a[at].Key] && common[b[to].Key] {
			n.points += best * (commonPoints - wordPoints)
		}
	}
	restA, restB := len(a)-n.words, len(b)-n.words
	n.differs = min(restA, restB)
	n.points += float64(n.differs)*differPoints + float64(max(restA, restB)-n.differs)*extraPoints
	if n.other = !usedA[0] && !usedB[0]; n.other {
		n.points += otherPoints - differPoints
	}
	return n
}

// solid is from where two words are one name in two spellings, and no slip.
const solid = 0.8

// similar says how much two words are the same, from 0 to 1.
func similar(a, b search.Word) float64 {
	switch sameScript := latin(a.Folded) == latin(b.Folded); {
	case a.Folded == b.Folded:
		return 1
	case a.Key == b.Key && (sameScript && !latin(a.Folded) || a.Apart(b)):
		return 0.6 // حسن and حسين, Hassan and Hussein
	case a.Key == b.Key && !sameScript:
		return 0.9
	case a.Key == b.Key:
		return 0.85
	case sameScript && slip(a.Folded, b.Folded):
		return 0.7
	case initial(a.Folded, b.Folded) || initial(b.Folded, a.Folded):
		return 0.4
	}
	return 0
}

func latin(s string) bool { return s[0] < utf8.RuneSelf }

// initial tells whether a is the first letter of b.
func initial(a, b string) bool {
	r, n := utf8.DecodeRuneInString(a)
	first, _ := utf8.DecodeRuneInString(b)
	return n == len(a) && r == first
}

// slip tells whether two words of four letters and more differ in one letter: another, one more, or two neighbours that have changed places.
func slip(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(x) < 4 || len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	if len(x) < len(y) {
		return string(x[i:]) == string(y[i+1:])
	}
	if i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && string(x[i+2:]) == string(y[i+2:]) {
		return true
	}
	return i < len(x) && string(x[i+1:]) == string(y[i+1:])
}
