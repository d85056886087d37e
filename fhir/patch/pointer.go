package patch

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// pointer is a JSON Pointer (RFC 6901), its steps unescaped. The empty one is the whole document.
type pointer []string

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// readPointer reads a member of an operation.
func readPointer(v tape.Value, name string) (pointer, *Error) {
	s := v.Get(name)
	if s.Kind() != tape.String {
		return nil, fail(Malformed, "%s must be a string", name)
	}
	text := s.Text()
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fail(Malformed, "%s must be a JSON Pointer: empty, or begin with a slash", name)
	}
	p := pointer(strings.Split(text[1:], "/"))
	if len(p) > tape.MaxDepth {
		return nil, fail(Malformed, "%s is deeper than any resource", name)
	}
	for i, step := range p {
		for at := strings.IndexByte(step, '~'); at >= 0; {
			if at+1 == len(step) || step[at+1] != '0' && step[at+1] != '1' {
				return nil, fail(Malformed, "%s has a ~ that is neither ~0 nor ~1", name)
			}
			next := strings.IndexByte(step[at+1:], '~')
			if next < 0 {
				break
			}
			at += 1 + next
		}
		p[i] = unescape.Replace(step)
	}
	return p, nil
}

func (p pointer) equal(q pointer) bool { return slices.Equal(p, q) }

// above tells whether q is something inside p.
func (p pointer) above(q pointer) bool { return len(p) < len(q) && slices.Equal(p, q[:len(p)]) }

const nothing = "there is nothing at the place that it names"

// at gives the value at a place.
func (d *document) at(p pointer) (*node, *Error) {
	n := d.root
	for _, step := range p {
		i, bad := d.step(n, step)
		if bad != nil {
			return nil, bad
		}
		n = n.kids[i].node
	}
	return n, nil
}

// step gives the index of a member or an element that is there.
func (d *document) step(n *node, step string) (int, *Error) {
	switch ok, bad := d.opened(n); {
	case bad != nil:
		return 0, bad
	case !ok:
		return 0, fail(Impossible, nothing)
	case n.array:
		if i, ok := index(step); ok && i < len(n.kids) {
			return i, nil
		}
	default:
		if i := n.member(step); i >= 0 {
			return i, nil
		}
	}
	return 0, fail(Impossible, nothing)
}

// index reads the index of an element: digits without a zero before them.
func index(step string) (int, bool) {
	if step == "" || len(step) > 9 || step[0] == '0' && len(step) > 1 {
		return 0, false
	}
	for _, c := range []byte(step) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	i, err := strconv.Atoi(step)
	return i, err == nil
}

// add puts a value at a place: into an array before what is there, and of an object in place of it.
func (d *document) add(p pointer, value *node) *Error {
	if len(p) == 0 {
		d.root = value
		return nil
	}
	parent, bad := d.at(p[:len(p)-1])
	if bad != nil {
		return bad
	}
	last := p[len(p)-1]
	switch ok, bad := d.opened(parent); {
	case bad != nil:
		return bad
	case !ok:
		return fail(Impossible, nothing)
	case parent.array && last == "-":
		parent.insert(len(parent.kids), "", value)
	case parent.array:
		i, ok := index(last)
		if !ok || i > len(parent.kids) {
			return fail(Impossible, "the array has no such index")
		}
		parent.insert(i, "", value)
	default:
		if i := parent.member(last); i >= 0 {
			parent.kids[i].node = value
			return nil
		}
		parent.insert(len(parent.kids), last, value)
	}
	return nil
}

// take removes the value at a place.
func (d *document) take(p pointer) (*node, *Error) {
	if len(p) == 0 {
		return nil, fail(Impossible, "the whole resource cannot be taken away; delete it")
	}
	parent, bad := d.at(p[:len(p)-1])
	if bad != nil {
		return nil, bad
	}
	i, bad := d.step(parent, p[len(p)-1])
	if bad != nil {
		return nil, bad
	}
	return parent.remove(i), nil
}
