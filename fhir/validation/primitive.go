package validation

import (
	"bytes"
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
	uri // and url, canonical
	oid
	uuid
	date
	dateTime
	instant
	clock // time
	base64
)

var primitives = map[string]primitive{
	"boolean": boolean, "integer": integer, "unsignedInt": unsignedInt, "positiveInt": positiveInt, "decimal": decimal,
	"string": text, "markdown": text, "xhtml": text, "code": code, "id": id,
	"uri": uri, "url": uri, "canonical": uri, "oid": oid, "uuid": uuid,
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
	oid:      {isOID, "an OID: urn:oid: and numbers with dots between them, from 0 to 2 the first"},
	uuid:     {isUUID, "a UUID: urn:uuid: and 32 hexadecimal digits in groups"},
	date:     {isDate, "a date: YYYY, YYYY-MM or YYYY-MM-DD"},
	dateTime: {isDateTime, "a date, or a date and time with seconds and zone: YYYY-MM-DDThh:mm:ss+zz:zz"},
	instant:  {isInstant, "an instant: YYYY-MM-DDThh:mm:ss.sss+zz:zz"},
	clock:    {isTime, "a time: hh:mm:ss"},
	base64:   {isBase64, "base64"},
}

// maxString bounds strings (https://hl7.org/fhir/R4/datatypes.html#string).
const maxString = 1 << 20

func (r *run) primitive(v tape.Value, p primitive) {
	switch p {
	case boolean:
		if v.Kind() != tape.True && v.Kind() != tape.False {
			r.formal(v, "structure", "this must be true or false, not %s", v.Kind())
		}
	case integer, unsignedInt, positiveInt, decimal:
		r.number(v, p)
	default:
		if v.Kind() != tape.String {
			r.formal(v, "structure", "this must be a string, not %s", v.Kind())
		} else if b := v.Bytes(); len(b) == 0 {
			r.formal(v, "value", "a string must not be empty: leave out what has no value")
		} else if len(b) > maxString && p != base64 {
			r.formal(v, "too-long", "a string must not be longer than a mebibyte")
		} else if p == id { // one that a gate relies on, it looks at itself; hospitals' documents have longer ones
			if !r.form && !isID(b) {
				r.wrong(v, "value", "this must be %s", lexical[id].must)
			}
		} else if l := &lexical[p]; !l.is(b) {
			r.formal(v, "value", "this must be %s", l.must)
		} else if p == uri && !r.form {
			r.urn(v, b)
		}
	}
}

func (r *run) number(v tape.Value, p primitive) {
	if v.Kind() != tape.Number {
		r.formal(v, "structure", "this must be a number, not %s", v.Kind())
		return
	}
	if p == decimal {
		return
	}
	n, err := strconv.ParseInt(string(v.Raw()), 10, 32)
	switch {
	case err != nil:
		r.formal(v, "value", "this must be a whole number from -2147483648 to 2147483647, without fraction or exponent")
	case p == positiveInt && n < 1:
		r.formal(v, "value", "this must be a whole number from 1 on")
	case p == unsignedInt && n < 0:
		r.formal(v, "value", "this must be a whole number from 0 on")
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

const oidPrefix, uuidPrefix = "urn:oid:", "urn:uuid:"

// isOID is urn:oid:[0-2](\.(0|[1-9][0-9]*))+.
func isOID(b []byte) bool {
	b, found := bytes.CutPrefix(b, []byte(oidPrefix))
	if !found || len(b) < 3 || b[0] < '0' || b[0] > '2' || b[1] != '.' {
		return false
	}
	arc := 0 // digits of the arc being read
	for i, c := range b[2:] {
		switch {
		case c == '.' && arc > 0:
			arc = 0
		case isDigit(c) && !(arc == 1 && b[i+1] == '0'):
			arc++
		default:
			return false
		}
	}
	return arc > 0
}

// isUUID is urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}; capitals are taken, too, as RFC 4122 has it of readers.
func isUUID(b []byte) bool {
	b, found := bytes.CutPrefix(b, []byte(uuidPrefix))
	if !found || len(b) != 36 {
		return false
	}
	for i, c := range b {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') {
			return false
		} else if !dash && !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// urn: a URI that says that it is an OID or a UUID has to be one.
func (r *run) urn(v tape.Value, b []byte) {
	b, _, _ = bytes.Cut(b, []byte{'#'})
	switch {
	case bytes.HasPrefix(b, []byte(oidPrefix)) && !isOID(b):
		r.wrong(v, "value", "this must be %s", lexical[oid].must)
	case bytes.HasPrefix(b, []byte(uuidPrefix)) && !isUUID(b):
		r.wrong(v, "value", "this must be %s", lexical[uuid].must)
	}
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
