package fhir

import (
	"strings"
)

// form is the kind of a reference string (FHIR R4, 2.3.0.1).
type form uint8

const (
	malformed   form = iota
	fragment         // "#…": a contained resource
	literal          // "Type/id" or "Type/id/_history/version"
	absolute         // a URL or URN
	conditional      // "Type?…": found by search
)

// reference is a reference string taken apart.
type reference struct {
	form     form
	typ, id  string // literal
	version  string // literal; "" for none
	query    string // conditional, after the "?"
	fragment string // after "#"
}

// maxReference bounds a reference string, in bytes.
const maxReference = 4096

// parseReference takes a reference string apart.
func parseReference(s string) reference {
	if s == "" || len(s) > maxReference || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return reference{}
	}
	if s[0] == '#' {
		return reference{form: fragment, fragment: s[1:]}
	}
	if typ, query, ok := strings.Cut(s, "?"); ok && isType(typ) {
		return reference{form: conditional, typ: typ, query: query}
	}
	if scheme, rest, ok := strings.Cut(s, ":"); ok && isScheme(scheme) {
		if rest == "" {
			return reference{}
		}
		return reference{form: absolute}
	}
	path, frag, _ := strings.Cut(s, "#")
	typ, rest, _ := strings.Cut(path, "/")
	id, history, versioned := strings.Cut(rest, "/")
	if !isType(typ) || !isID(id) {
		return reference{}
	}
	r := reference{form: literal, typ: typ, id: id, fragment: frag}
	if versioned {
		var ok bool
		if r.version, ok = strings.CutPrefix(history, "_history/"); !ok || !isID(r.version) {
			return reference{}
		}
	}
	return r
}

// isScheme tells whether s can begin a URI (RFC 3986, 3.1).
func isScheme(s string) bool {
	for i, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// isID tells whether s is a FHIR id: 1 to 64 letters, digits, "-" and ".".
func isID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// canonicalReference is what a reference is indexed and searched by: "Type/id", or a URL without its fragment; "" for what cannot
// be searched. base, if it is given, is the server's URL, without which its resources are named.
func canonicalReference(s, base string) string {
	if base != "" {
		if rest, ok := strings.CutPrefix(s, base+"/"); ok {
			s = rest
		}
	}
	switch r := parseReference(s); r.form {
	case literal:
		return r.typ + "/" + r.id
	case absolute:
		s, _, _ = strings.Cut(s, "#")
		return s
	}
	return ""
}

// restful splits an absolute URL that ends in Type/id or Type/id/_history/version into its base and the reference.
func restful(url string) (base, ref string) {
	path, _, _ := strings.Cut(url, "/_history/")
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", ""
	}
	j := strings.LastIndexByte(path[:i], '/')
	if j < 0 || !isType(path[j+1:i]) || !isID(path[i+1:]) {
		return "", ""
	}
	return path[:j], path[j+1:]
}
