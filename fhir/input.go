package fhir

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/fhir/tape"
)

// input is the parameters of an operation: from the query, from a Parameters resource in the body, or both (FHIR R4, 3.2.0.6).
// Reading one never fails: what is wrong with it is said by refused, as is what nobody read.
type input struct {
	q    *request
	name string // of the operation
	list []parameter
	bad  *problem

	kept     *tape.Tape
	resource tape.Value // of the node, that the address names
	known    *known     // of an operation on codes: what it is answered by
}

type parameter struct {
	name  string
	text  string     // of a primitive value
	value tape.Value // Coding, CodeableConcept, a resource, parts; where it stands, of a primitive value in a body
	whole bool       // value is not a primitive one
	read  bool
}

// maxParameters bounds those of a Parameters resource. $export may name many patients, $import many files.
const maxParameters = 1000

func readInput(q *request, name string, limit int) (*input, error) {
	in := &input{q: q, name: name}
	pairs, p := pairsOf(q.query)
	if p != nil {
		return nil, p
	}
	for _, pair := range pairs {
		if pair.name != "_format" && pair.name != "_pretty" {
			in.list = append(in.list, parameter{name: pair.name, text: pair.value})
		}
	}
	if q.method != http.MethodPost || q.load == nil || q.empty {
		return in, nil
	}
	if err := q.load(q, limit, resourceNodes); err != nil {
		return nil, err
	}
	return in, in.readBody(q.body)
}

func (in *input) readBody(body tape.Value) error {
	if !body.Get("resourceType").Is("Parameters") {
		return fail(http.StatusBadRequest, "invalid", "the body is to be a Parameters resource").at(body)
	}
	list := body.Get("parameter")
	if list.Exists() && list.Kind() != tape.Array {
		return fail(http.StatusBadRequest, "structure", "parameter is to be an array").at(list)
	}
	for p := list.First(); p.Exists(); p = p.Next() {
		if len(in.list) == maxParameters {
			return fail(http.StatusBadRequest, "too-costly", "an operation has at most %d parameters", maxParameters)
		}
		name := p.Get("name")
		if name.Kind() != tape.String {
			return fail(http.StatusBadRequest, "required", "a parameter has no name").on(p, "name")
		}
		read := parameter{name: name.Text()}
		for m := p.First(); m.Exists(); m = m.Next() {
			if m.Named("resource") || m.Named("part") || strings.HasPrefix(m.Name(), "value") {
				read.value = m
			}
		}
		if read.value.Named("part") && read.value.Kind() == tape.Array {
			read.whole = true
			in.list = append(in.list, read)
			continue
		}
		switch read.value.Kind() {
		case tape.None, tape.Null, tape.Array:
			return fail(http.StatusBadRequest, "value", "a parameter has no value that an operation takes").at(p)
		case tape.Object:
			read.whole = true
		case tape.String:
			read.text = read.value.Text()
		default:
			read.text = string(read.value.Raw())
		}
		in.list = append(in.list, read)
	}
	return nil
}

func (in *input) release() {
	if in.kept != nil {
		in.kept.Release()
	}
}

// find gives the first parameter of a name, marking all of them as read; nil for none.
func (in *input) find(name string, whole bool) (found *parameter) {
	for i := range in.list {
		p := &in.list[i]
		if p.name != name || p.whole != whole {
			continue
		}
		if p.read = true; found == nil {
			found = p
		}
	}
	return found
}

func (in *input) text(name string) string {
	if p := in.find(name, false); p != nil {
		return p.text
	}
	return ""
}

// texts gives all values of a parameter.
func (in *input) texts(name string) (list []string) {
	in.find(name, false)
	for _, p := range in.list {
		if p.name == name && !p.whole {
			list = append(list, p.text)
		}
	}
	return list
}

// once gives a parameter that may be there one time.
func (in *input) once(name string) string {
	list := in.texts(name)
	switch len(list) {
	case 0:
		return ""
	case 1:
		return list[0]
	}
	in.blame(in.find(name, false), "is given twice")
	return ""
}

// references gives all values of a parameter that names resources: each as a Reference, or as its text.
func (in *input) references(name string) (list []string) {
	in.find(name, false)
	in.find(name, true)
	for _, p := range in.list {
		switch {
		case p.name != name:
		case p.whole:
			list = append(list, p.value.Get("reference").Text())
		default:
			list = append(list, p.text)
		}
	}
	return list
}

// value gives a parameter that is no primitive value.
func (in *input) value(name string) tape.Value {
	if p := in.find(name, true); p != nil {
		return p.value
	}
	return tape.Value{}
}

// values gives all of a parameter that is no primitive value.
func (in *input) values(name string) (list []tape.Value) {
	in.find(name, true)
	for _, p := range in.list {
		if p.name == name && p.whole {
			list = append(list, p.value)
		}
	}
	return list
}

func (in *input) flag(name string) bool {
	p := in.find(name, false)
	if p != nil && p.text != "true" && p.text != "false" {
		in.blame(p, "is to be true or false")
	}
	return p != nil && p.text == "true"
}

func (in *input) number(name string, otherwise int) int {
	p := in.find(name, false)
	if p == nil {
		return otherwise
	}
	n, err := strconv.Atoi(p.text)
	if err != nil || n < 0 {
		in.blame(p, "is to be a whole number from 0")
	}
	return n
}

func (in *input) blame(p *parameter, why string) {
	if in.bad == nil {
		in.bad = fail(http.StatusBadRequest, "value", "the parameter %s %s", p.name, why).at(p.value)
	}
}

// refused says what was wrong with the parameters, and names one that the operation does not know: the answer would be one to another question.
// Prefer: handling=lenient passes over those.
func (in *input) refused() error {
	if in.bad != nil {
		return in.bad
	}
	for _, p := range in.list {
		if !p.read && !in.q.prefer.lenient {
			return fail(http.StatusBadRequest, "not-supported", "the parameter %.60q is not known for %s, or not in this form", p.name, in.name).at(p.value)
		}
	}
	return nil
}
