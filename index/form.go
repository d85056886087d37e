package index

import (
	"crypto/sha256"
	"strings"
)

// mark stands for a value of a parameter of a type, in one form, wherever a resource is found by it: the beginning of a hash under a secret of this
// index. That two of a million values have one mark is as likely as one in thirty million, and who does not know the secret cannot look for any.
type mark [8]byte

// marks gives the marks of a term's value: whole and, for a token, by code alone and by system alone.
func (x *Index) marks(typ string, t *Term, each func(mark)) {
	each(x.mark(typ, t.Param, t.Kind, Exact, t.Value))
	if t.Kind != Token {
		return
	}
	system, code, ok := cutLast(t.Value, '|')
	if !ok {
		return
	}
	each(x.mark(typ, t.Param, t.Kind, AnySystem, code))
	if system != "" {
		each(x.mark(typ, t.Param, t.Kind, AnyCode, system))
	}
}

func (x *Index) mark(typ, param string, kind Kind, form Form, value string) mark {
	b := append(make([]byte, 0, 256), x.secret[:]...)
	b = append(append(b, typ...), 0)
	b = append(append(b, param...), 0, byte(kind), byte(form))
	sum := sha256.Sum256(append(b, value...))
	return mark(sum[:])
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func termKey(m mark, row uint64) []byte {
	return appendRow(append(append(make([]byte, 0, 1+len(m)+rowSize), famTerm), m[:]...), row)
}

// termsKey begins the keys of all resources with a mark.
func termsKey(m mark) []byte { return append([]byte{famTerm}, m[:]...) }
