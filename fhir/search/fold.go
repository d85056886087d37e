package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Two texts are found by one another when they fold to the same: without case, accents, vowel marks and tatweel; compatibility forms,
// ligatures and the digits of other scripts as what they stand for; and with one spelling for the letters that Arabic and Persian writing
// interchanges: alef with or without hamza, madda or wasla; alef maqsura and ya; ta marbuta and ha; waw and ya with a hamza and without.

// Fold gives the form in which strings are compared. Words are separated by single blanks; signs stay.
func Fold(s string) string { return fold(s, false) }

// FoldWords is Fold with letters and digits alone: what texts are looked through for. It is "" for a text without any.
func FoldWords(s string) string { return fold(s, true) }

func fold(s string, words bool) string {
	if folded(s, words) {
		return s
	}
	b := make([]byte, 0, len(s)+8)
	if b, ok := foldASCII(b, s, words); ok {
		return string(b)
	}
	return string(foldRunes(b, norm.NFKD.String(strings.ToValidUTF8(s, "\uFFFD")), words))
}

// folded tells whether s is plain and folded already, which ids, codes and much else are.
func folded(s string, words bool) bool {
	blank := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			blank = false
		case c == ' ':
			if blank {
				return false
			}
			blank = true
		case words || c < ' ' || c >= 'A' && c <= 'Z' || c >= 0x7f:
			return false
		default:
			blank = false
		}
	}
	return s == "" || !blank
}

func foldASCII(b []byte, s string, words bool) (_ []byte, ok bool) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 0x80:
			return nil, false
		case c >= 'A' && c <= 'Z':
			b = append(b, c|0x20)
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c > ' ' && c != 0x7f && !words:
			b = append(b, c)
		default:
			b = appendBlank(b)
		}
	}
	return trimBlank(b), true
}

func appendBlank(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] != ' ' {
		b = append(b, ' ')
	}
	return b
}

func trimBlank(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// foldRunes folds what is decomposed already, so that marks stand apart from their letters.
func foldRunes(b []byte, s string, words bool) []byte {
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r) || r == 'ـ' || unicode.Is(unicode.Cf, r):
			// marks, tatweel, and signs that only join, part or direct
		case unicode.Is(unicode.Nd, r):
			b = append(b, digitOf(r))
		case unicode.IsLetter(r):
			b = appendLetter(b, unicode.ToLower(r))
		case unicode.IsSpace(r) || unicode.IsControl(r) || words:
			b = appendBlank(b)
		default:
			if ascii, ok := signs[r]; ok {
				r = ascii
			}
			b = utf8.AppendRune(b, r)
		}
	}
	return trimBlank(b)
}

// digitOf gives the ASCII digit: the decimal digits of each script are ten in a row, and begin at its zero.
func digitOf(r rune) byte {
	zero := r
	for n := 0; n < 9 && unicode.Is(unicode.Nd, zero-1); n++ {
		zero--
	}
	return '0' + byte(r-zero)
}

func appendLetter(b []byte, r rune) []byte {
	if r < 0x80 {
		return append(b, byte(r))
	}
	if s, ok := letters[r]; ok {
		return append(b, s...)
	}
	return utf8.AppendRune(b, r)
}

// letters are those that do not decompose into what they are written for.
var letters = map[rune]string{
	'ى': "ي", 'ة': "ه", 'ٱ': "ا", 'ی': "ي", 'ک': "ك", 'ە': "ه", 'ہ': "ه", 'ھ': "ه", 'ۃ': "ه", 'ے': "ي", 'ٲ': "ا", 'ٳ': "ا", 'ٵ': "ا",
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h", 'ı': "i", 'ŋ': "n", 'ŧ': "t", 'ς': "σ",
}

// signs are those that keyboards do not have.
var signs = map[rune]rune{'‘': '\'', '’': '\'', 'ʼ': '\'', '“': '"', '”': '"', '‐': '-', '‑': '-', '‒': '-', '–': '-', '—': '-', '،': ',', '؛': ';', '؟': '?'}
