package fhirpath

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// encodingFunctions are those of FHIRPath 2.1, §5.6.
var encodingFunctions = map[string]*function{
	"encode":   {min: 1, max: 1, input: text, result: alwaysString, eval: recode(encode)},
	"decode":   {min: 1, max: 1, input: text, result: alwaysString, eval: recode(decode)},
	"escape":   {min: 1, max: 1, input: text, result: alwaysString, eval: recode(escape)},
	"unescape": {min: 1, max: 1, input: text, result: alwaysString, eval: recode(unescape)},
}

// recode gives nothing for a form that is unknown, or that the string does not have.
func recode(by func(s, form string) (string, bool)) func(*Run, *call, span) error {
	return func(r *Run, n *call, in span) error {
		return withArgument(r, n, in, func(s, form string) error {
			if out, ok := by(s, form); ok {
				return r.pushText(out)
			}
			return nil
		})
	}
}

func encode(s, form string) (string, bool) {
	switch form {
	case "hex":
		return hex.EncodeToString([]byte(s)), true
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(s)), true
	case "urlbase64":
		return base64.URLEncoding.EncodeToString([]byte(s)), true
	}
	return "", false
}

func decode(s, form string) (string, bool) {
	var b []byte
	var err error
	switch form {
	case "hex":
		b, err = hex.DecodeString(s)
	case "base64":
		b, err = base64.StdEncoding.DecodeString(s)
	case "urlbase64":
		b, err = base64.URLEncoding.DecodeString(s)
	default:
		return "", false
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), err == nil
}

var htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

func escape(s, form string) (string, bool) {
	switch form {
	case "html":
		return htmlEscapes.Replace(s), true
	case "json":
		b := tape.AppendQuoted(nil, s)
		return string(b[1 : len(b)-1]), true
	}
	return "", false
}

func unescape(s, form string) (string, bool) {
	switch form {
	case "html":
		return html.UnescapeString(s), true
	case "json":
		var out string
		err := json.Unmarshal([]byte(`"`+s+`"`), &out)
		if err != nil { // quotes that are not escaped are no reason to refuse
			err = json.Unmarshal(tape.AppendQuoted(nil, s), &out)
		}
		return out, err == nil
	}
	return "", false
}
