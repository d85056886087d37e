package search

import (
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/index/term"
)

// references makes the tests of a reference asked for: an id, Type/id, maybe with a version, or a URL. What lies at this server may be
// named by its URL as well, in resources and in searches.
func (r *reader) references(name string, targets []string, value string) (list []term.Test, e *Error) {
	if r.o.Base != "" {
		value = strings.TrimPrefix(value, r.o.Base+"/")
	}
	switch {
	case IsID(value):
		if len(targets) == 1 {
			return r.local(targets[0] + "/" + value), nil
		}
		list = append(list, term.Test{Form: term.IDOnly, Value: value})
		if r.o.Base != "" {
			for _, typ := range targets {
				list = append(list, term.Test{Form: term.Exact, Value: r.o.Base + "/" + typ + "/" + value})
			}
		}
		return list, nil
	case isLocal(value):
		return r.local(value), nil
	case isAbsolute(value):
		return []term.Test{{Form: term.Exact, Value: value}}, nil
	}
	return nil, refuse("value", "%.80q must be Type/id, an id, or a URL", name)
}

func (r *reader) local(ref string) []term.Test {
	list := []term.Test{{Form: term.Exact, Value: ref}}
	if r.o.Base != "" {
		list = append(list, term.Test{Form: term.Exact, Value: r.o.Base + "/" + ref})
	}
	return list
}

// IsID tells whether s is a FHIR id: 1 to 64 letters, digits, "-" and ".".
func IsID(s string) bool {
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

// isLocal tells whether a reference is Type/id or Type/id/_history/version.
func isLocal(ref string) bool {
	path, version, versioned := strings.Cut(ref, "/_history/")
	typ, id, _ := strings.Cut(path, "/")
	return isResource(typ) && IsID(id) && (!versioned || IsID(version))
}

func isResource(typ string) bool {
	s := definition.TypeOf(typ)
	return s != nil && s.Kind == definition.Resource && !s.Abstract
}

// isAbsolute tells whether s begins with the scheme of a URI (RFC 3986, 3.1) and has no blanks in it.
func isAbsolute(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || scheme == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return false
	}
	for i, c := range []byte(scheme) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return true
}
