package search

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Word is a word of a name: as Fold gives it, and a key that its spellings share, in Arabic and Latin letters. Words that the same key stands for
// may be different names, as حسن and حسين are; see Apart.
type Word struct {
	Folded, Key string
	vowels      string // what stands after each letter of the key: bits as below
}

// Bits of Word.vowels.
const (
	soundsA = 1 << iota
	soundsE
	soundsI
	soundsU
	isLong // more than one letter, or a letter of Arabic, which writes long vowels alone
	isLatin
)

// Apart tells whether two words of one key have vowels that are not one another's spellings: as Hassan and Hussein, حسن and Hussein have. It says
// nothing of words in Arabic alone, which differ by what they are written with.
func (w Word) Apart(o Word) bool {
	n := min(len(w.vowels), len(o.vowels)) - 1 // the last is a case's ending, or a feminine one, in many spellings
	for i := range max(n, 0) {
		a, b := w.vowels[i], o.vowels[i]
		if a&isLatin == 0 && b&isLatin != 0 {
			a, b = b, a
		}
		const vowels = soundsA | soundsE | soundsI | soundsU
		switch x, y := near(a&vowels), b&vowels; {
		case b&isLatin == 0 && y == 0: // a short vowel, or none: any but a long one will do
			if a&isLong != 0 {
				return true
			}
		case b&isLatin == 0: // a long one, which has to be there
			if x&y == 0 {
				return true
			}
		case x != 0 && y != 0 && x&y == 0:
			return true
		}
	}
	return false
}

// near adds to vowels those that are written in their place.
func near(v byte) byte {
	if v&soundsA != 0 {
		v |= soundsE
	} else if v&soundsE != 0 {
		v |= soundsA | soundsI
	}
	if v&soundsI != 0 {
		v |= soundsE
	}
	return v
}

// maxWords bounds the words of one name.
const maxWords = 16

// NameWords gives the words of a name that say who somebody is: without articles and the words for son and daughter, compounds of عبد, أبو and أم
// as one word, those of الدين as two, however they are written.
func NameWords(name string) (words []Word) {
	joined := ""
	for w := range strings.SplitSeq(FoldWords(name), " ") {
		if len(words) == maxWords {
			break
		}
		switch {
		case w == "" || joined == "" && particles[w] || joined != "" && articles[w]:
			continue
		case joined == "" && joiners[w] != "":
			joined = joiners[w]
			continue
		}
		w = withoutArticle(w)
		if joined != "" {
			words, joined = append(words, wordOf(joined+w)), ""
			continue
		}
		if slices.Contains(faiths, w) {
			w = faith(w)
		}
		if first, ok := withoutFaith(w); ok {
			words = append(words, wordOf(first), wordOf(faith(w)))
			continue
		}
		words = append(words, wordOf(w))
	}
	if joined != "" {
		words = append(words, wordOf(joined))
	}
	return words
}

// Sound gives the keys of a name's words, separated by blanks.
func Sound(name string) string {
	var b strings.Builder
	for _, w := range NameWords(name) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.Key)
	}
	return b.String()
}

var (
	articles  = setOf("ال", "al", "el", "ul", "as", "ash", "ar", "an", "ad", "at", "az")
	particles = setOf("بن", "ابن", "بنت", "ابنه", "ال", "bin", "ibn", "ben", "bint", "al", "el", "ul", "de", "der", "van", "von")

	// joiners begin a compound, written as one word here.
	joiners = map[string]string{
		"عبد": "عبد", "abd": "abd", "abdul": "abd", "abdel": "abd", "abdal": "abd", "abdoul": "abd", "abdol": "abd", "abdur": "abd", "abder": "abd", "abdu": "abd",
		"ابو": "ابو", "ابي": "ابو", "ابا": "ابو", "abu": "abu", "abou": "abu", "abo": "abu", "ام": "ام", "umm": "um", "um": "um", "oum": "um", "om": "um",
	}
	// whole are words that only look as if they began with an article.
	whole = setOf("الياس", "الهام", "الطاف", "الين", "الما", "الفت", "البرت", "اللهيب")

	// shortened are what a name is often written as.
	shortened = map[string]string{"mohd": "mohammed", "muhd": "mohammed", "mohamd": "mohammed", "mhd": "mohammed", "md": "mohammed", "muh": "mohammed"}
)

func setOf(words ...string) map[string]bool {
	s := map[string]bool{}
	for _, w := range words {
		s[w] = true
	}
	return s
}

// withoutArticle takes the article off a word that it is written together with.
func withoutArticle(w string) string {
	if rest, ok := strings.CutPrefix(w, "ال"); ok && !whole[w] && utf8.RuneCountInString(rest) >= 3 {
		return rest
	}
	if len(w) >= 6 && (w[:2] == "al" || w[:2] == "el") && !strings.ContainsRune("aei", rune(w[2])) && (w[0] == 'a' || !strings.ContainsRune("ou", rune(w[2]))) {
		return w[2:]
	}
	return w
}

// faiths are the ways in which names end with الدين.
var faiths = []string{"الدين", "eddine", "eddin", "uddin", "oddin", "addin", "aldin", "eldin", "uldin", "eldeen", "aldeen", "uddeen", "eddeen"}

// withoutFaith splits a word that ends with الدين.
func withoutFaith(w string) (first string, ok bool) {
	for _, end := range faiths {
		if first, ok := strings.CutSuffix(w, end); ok && utf8.RuneCountInString(first) >= 2 {
			return first, true
		}
	}
	return "", false
}

func faith(w string) string {
	if strings.HasSuffix(w, "دين") {
		return "دين"
	}
	return "din"
}

// wordOf makes a word of a folded one.
func wordOf(folded string) Word {
	long := folded
	if s, ok := shortened[folded]; ok {
		long = s
	}
	key, vowels := keyOf(long)
	return Word{folded, key, vowels}
}

// keyOf gives the consonants of a word, each in one letter for all that it is written with, and the vowels after each; a vowel counts as a letter only where the
// word begins with it. A word of another script is its own key.
func keyOf(w string) (key, vowels string) {
	b, v := make([]byte, 0, len(w)), make([]byte, 0, len(w))
	for i := 0; i < len(w); {
		k, n := letterAt(w[i:])
		if n == 0 {
			return w, ""
		}
		sound := soundOf(w[i : i+n])
		switch {
		case k == 'H' && i > 0 && i+n == len(w): // as in Fatimah, and a ta marbuta
		case (k == vowel || k == 'Y' || k == 'W') && i > 0:
			last := &v[len(v)-1]
			if *last&(soundsA|soundsE|soundsI|soundsU) != 0 || sound&isLatin == 0 && sound != 0 {
				*last |= isLong
			}
			*last |= sound
		case len(b) == 0 || b[len(b)-1] != k:
			b, v = append(b, k), append(v, sound)
		}
		i += n
	}
	// The article between عبد and a name is written as it is spoken, or not at all. Of Abdullah only that is left.
	if len(b) > 4 && string(b[:4]) == "ABDL" {
		b, v = append(b[:3], b[4:]...), append(v[:3], v[4:]...)
		v[2] &= isLatin
	}
	return string(b), string(v)
}

// soundOf gives the bits of a letter: of a consonant, only whether it is Latin.
func soundOf(letter string) byte {
	r, _ := utf8.DecodeRuneInString(letter)
	switch r {
	case 'a':
		return soundsA | isLatin
	case 'e':
		return soundsE | isLatin
	case 'i', 'y':
		return soundsI | isLatin
	case 'o', 'u', 'w':
		return soundsU | isLatin
	case 'ا':
		return soundsA
	case 'ي':
		return soundsI
	case 'و':
		return soundsU
	}
	if r < utf8.RuneSelf {
		return isLatin
	}
	return 0
}

const vowel = 'A'

// letterAt gives the letter of a key for what a word goes on with, and how long that is; 0 for a letter of another script.
func letterAt(w string) (key byte, n int) {
	for _, pair := range pairs {
		if strings.HasPrefix(w, pair.of) {
			return pair.key, len(pair.of)
		}
	}
	r, n := utf8.DecodeRuneInString(w)
	switch {
	case r >= 'a' && r <= 'z':
		return latin[r-'a'], n
	case r >= '0' && r <= '9':
		return byte(r), n
	}
	if k, ok := arabic[r]; ok {
		return k, n
	}
	return 0, 0
}

// pairs are letters that stand for one consonant together.
var pairs = []struct {
	of  string
	key byte
}{{"sch", 'X'}, {"tch", 'X'}, {"sh", 'X'}, {"ch", 'X'}, {"kh", 'K'}, {"gh", 'J'}, {"dj", 'J'}, {"th", 'T'}, {"dh", 'D'}, {"ph", 'F'}, {"ck", 'K'}}

// latin are the keys of the letters from a to z.
const latin = "ABKDAFJHAJKLMNABKRSTAFWSYZ"

// arabic are the keys of the letters that Fold leaves, and of those that Persian and Urdu add.
var arabic = map[rune]byte{
	'ا': vowel, 'ع': vowel, 'ء': vowel, 'ب': 'B', 'پ': 'B', 'ت': 'T', 'ث': 'T', 'ط': 'T', 'ج': 'J', 'غ': 'J', 'گ': 'J', 'ژ': 'J', 'چ': 'X', 'ح': 'H', 'ه': 'H', 'خ': 'K', 'ك': 'K', 'ق': 'K',
	'د': 'D', 'ذ': 'D', 'ض': 'D', 'ر': 'R', 'ز': 'Z', 'ظ': 'Z', 'س': 'S', 'ص': 'S', 'ش': 'X', 'ف': 'F', 'ڤ': 'F', 'ل': 'L', 'م': 'M', 'ن': 'N', 'و': 'W', 'ي': 'Y',
}
