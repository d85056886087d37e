package shape

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/sijil-health/sijil/fhir/tape"
)

// primitive is a primitive data type of FHIR.
type primitive uint8

const (
	none primitive = iota
	boolean
	integer
	unsignedInt
	positiveInt
	decimal
	text // string, markdown and xhtml: anything that is not empty
	code
	id
	uri // and url, canonical, oid, uuid
	date
	dateTime
	instant
	clock // time
	base64
)

var primitives = map[string]primitive{
	"boolean": boolean, "integer": integer, "unsignedInt": unsignedInt, "positiveInt": positiveInt, "decimal": decimal,
	"string": text, "markdown": text, "xhtml": text, "code": code, "id": id,
	"uri": uri, "url": uri, "canonical": uri, "oid": uri, "uuid": uri,
	"date": date, "dateTime": dateTime, "instant": instant, "time": clock, "base64Binary": base64,
}

// lexical says of each type that is a string in JSON how its values are written.
var lexical = [...]struct {
	is   func([]byte) bool
	must string
}{
	text:     {isText, "text without control characters but tab, carriage return and line feed"},
	code:     {isCode, "a code: no space at its ends, and only single ones inside"},
	id:       {isID, "an id: 1 to 64 letters, digits, '-' or '.'"},
	uri:      {isURI, "a URI, which has no spaces"},
	date:     {isDate, "a date: YYYY, YYYY-MM or YYYY-MM-DD"},
	dateTime: {isDateTime, "a date, or a date and time with seconds and zone: YYYY-MM-DDThh:mm:ss+zz:zz"},
	instant:  {isInstant, "an instant: YYYY-MM-DDThh:mm:ss.sss+zz:zz"},
	clock:    {isTime, "a time: hh:mm:ss"},
	base64:   {isBase64, "base64"},
}

func (c *checker) primitive(v tape.Value, p primitive) {
	switch p {
	case boolean:
		if v.Kind() != tape.True && v.Kind() != tape.False {
			c.fault(v, "structure", "this must be true or false, not %s", v.Kind())
		}
	case integer, unsignedInt, positiveInt, decimal:
		c.number(v, p)
	default:
		if v.Kind() != tape.String {
			c.fault(v, "structure", "this must be a string, not %s", v.Kind())
		} else if b := v.Bytes(); len(b) == 0 {
			c.fault(v, "value", "a string must not be empty: leave out what has no value")
		} else if l := &lexical[p]; !l.is(b) {
			c.fault(v, "value", "this must be %s", l.must)
		}
	}
}

func (c *checker) number(v tape.Value, p primitive) {
	if v.Kind() != tape.Number {
		c.fault(v, "structure", "this must be a number, not %s", v.Kind())
		return
	}
	if p == decimal {
		return
	}
	n, err := strconv.ParseInt(string(v.Raw()), 10, 32)
	switch {
	case err != nil:
		c.fault(v, "value", "this must be a whole number from -2147483648 to 2147483647, without fraction or exponent")
	case p == positiveInt && n < 1:
		c.fault(v, "value", "this must be a whole number from 1 on")
	case p == unsignedInt && n < 0:
		c.fault(v, "value", "this must be a whole number from 0 on")
	}
}

// isText is what R4 says of string: no characters below U+0020 but tab, carriage return and line feed.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

func isID(b []byte) bool {
	for _, c := range b {
		if !isLetter(c) && !isDigit(c) && c != '-' && c != '.' {
			return false
		}
	}
	return len(b) <= 64
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// isCode is [^\s]+(\s[^\s]+)*.
func isCode(b []byte) bool {
	space := true // so that none may come first
	for _, r := range string(b) {
		if s := unicode.IsSpace(r); s && space {
			return false
		} else {
			space = s
		}
	}
	return !space
}

// isURI is \S*.
func isURI(b []byte) bool {
	for i := 0; i < len(b); {
		r, size := rune(b[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(b[i:])
		}
		if unicode.IsSpace(r) {
			return false
		}
		i += size
	}
	return true
}

// isBase64 is (\s*([0-9a-zA-Z+/=]){4}\s*)+, but that spaces may stand anywhere.
func isBase64(b []byte) bool {
	digits, padding := 0, 0
	for _, c := range b {
		switch {
		case isLetter(c), isDigit(c), c == '+', c == '/':
			if padding > 0 {
				return false
			}
			digits++
		case c == '=':
			padding++
		case c != ' ' && c != '\n' && c != '\r' && c != '\t':
			return false
		}
	}
	return padding <= 2 && (digits+padding)%4 == 0
}
