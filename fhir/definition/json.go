package definition

import "github.com/sijil-health/sijil/fhir/tape"

// extension gives the extension of a URL that v has.
func extension(v tape.Value, url string) tape.Value {
	c := v.Get("extension").First()
	for c.Exists() && !c.Get("url").Is(url) {
		c = c.Next()
	}
	return c
}

// regex is the lexical form that is stated for a primitive type's value.
func regex(typ tape.Value) string { return extension(typ, regexExtension).Get("valueString").Text() }

// number reads a number that is a count.
func number(v tape.Value) int32 {
	if v.Kind() != tape.Number {
		return 0
	}
	return numeral(v.Raw())
}

func numeral(digits []byte) int32 {
	n := int32(0)
	for _, c := range digits {
		if c < '0' || c > '9' || n > 1<<24 {
			break
		}
		n = n*10 + int32(c-'0')
	}
	return n
}
