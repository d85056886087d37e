package validation

import (
	"bytes"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// ruleOf gives what is checked of every value of a type beside its elements, and without FHIRPath: what FHIRPath does not say, or says at a
// price, see byRule.
func ruleOf(s *definition.Structure) func(*run, object) {
	switch s.Name {
	case "Extension":
		return extensionRule
	case "Reference":
		return referenceRule
	case "Narrative":
		return narrativeRule
	case "Attachment":
		return attachmentRule
	case "Coding":
		return codingRule
	case "Bundle":
		return bundleRule
	case "Bundle.entry":
		return entryRule
	}
	if s.Is("DomainResource") {
		return domainRule
	}
	return nil
}

// byRule are the invariants that are checked without FHIRPath.
var byRule = map[string]bool{
	"ele-1": true, "ext-1": true, "ref-1": true, "dom-2": true, "dom-3": true, "dom-4": true, "dom-5": true, "txt-1": true, "txt-2": true,
	"bdl-7": true,
}

// extensionRule: ext-1, and the form of the URL. That of an extension within another is a name in it.
func extensionRule(r *run, o object) {
	value := false
	for m := o.First(); m.Exists() && !value; m = m.Next() {
		name := bytes.TrimPrefix(m.NameBytes(), []byte{'_'})
		value = bytes.HasPrefix(name, []byte("value"))
	}
	if value == o.Get("extension").Exists() {
		r.broken(o.Value, "ext-1", "an extension has either a value or extensions")
	}
	url := o.Get("url")
	if url.Kind() != tape.String || o.in != nil && o.in.inExtension {
		return
	}
	if b := url.Bytes(); !absolute(b) {
		r.wrong(url, "extension", "the URL of an extension must be absolute")
	} else if bytes.IndexByte(b, '|') >= 0 {
		r.wrong(url, "extension", "the URL of an extension has no version")
	} else if r.options.Claimed {
		if p := r.profile(string(b)); p != nil && p.of == o.plan {
			r.keep(item{value: o.Value, plan: o.plan}, p)
		}
	}
}

// absolute tells whether a URI has a scheme (RFC 3986, 3.1).
func absolute(b []byte) bool {
	for i, c := range b {
		switch {
		case c == ':':
			return i > 0
		case isLetter(c), i > 0 && (isDigit(c) || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return false
}

// attachmentRule: a size that is stated must be that of the data.
func attachmentRule(r *run, o object) {
	size, data := o.Get("size"), o.Get("data")
	if size.Kind() != tape.Number || data.Kind() != tape.String {
		return
	}
	if n, ok := decodedLength(data.Bytes()); ok && n != number(size.Raw()) {
		r.wrong(size, "value", "the size is another than that of the data")
	}
}

// decodedLength is how many bytes base64 stands for.
func decodedLength(b []byte) (n int, ok bool) {
	digits := 0
	for _, c := range b {
		if isLetter(c) || isDigit(c) || c == '+' || c == '/' {
			digits++
		}
	}
	return digits * 3 / 4, isBase64(b)
}

// number reads digits; -1 for anything else.
func number(b []byte) (n int) {
	for _, c := range b {
		if !isDigit(c) || n > 1<<31 {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// codingRule: a code system is named by an absolute URI (https://hl7.org/fhir/R4/datatypes.html#Coding).
func codingRule(r *run, o object) {
	if s := o.Get("system"); s.Kind() == tape.String && s.Len() == 0 && len(s.Bytes()) > 0 && !absolute(s.Bytes()) && s.Bytes()[0] != '#' {
		r.wrong(s, "value", "a code system is named by an absolute URI")
	}
}
