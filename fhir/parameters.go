package fhir

import (
	"strconv"
	"time"

	"github.com/sijil-health/sijil/fhir/tape"
)

// parametersWriter writes a Parameters resource (https://hl7.org/fhir/R4/parameters.html), the answer of an operation.
type parametersWriter struct {
	b     []byte
	comma bool
}

func newParameters() *parametersWriter {
	return &parametersWriter{b: []byte(`{"resourceType":"Parameters","parameter":[`)}
}

func (p *parametersWriter) name(name string) {
	if p.comma {
		p.b = append(p.b, ',')
	}
	p.comma = true
	p.b = append(p.b, `{"name":`...)
	p.b = tape.AppendQuoted(p.b, name)
}

// text adds a parameter whose value is a JSON string: of type String, Code, Id, Uri or Instant.
func (p *parametersWriter) text(name, typ, value string) {
	p.name(name)
	p.b = append(p.b, `,"value`+typ+`":`...)
	p.b = append(tape.AppendQuoted(p.b, value), '}')
}

func (p *parametersWriter) bool(name string, value bool) {
	p.name(name)
	p.b = append(p.b, `,"valueBoolean":`...)
	p.b = append(strconv.AppendBool(p.b, value), '}')
}

func (p *parametersWriter) integer(name string, value int64) {
	p.name(name)
	p.b = append(p.b, `,"valueInteger":`...)
	p.b = append(strconv.AppendInt(p.b, value, 10), '}')
}

func (p *parametersWriter) instant(name string, at time.Time) {
	p.text(name, "Instant", at.UTC().Format(instantFormat))
}

// parts adds a parameter that is made of what fill adds.
func (p *parametersWriter) parts(name string, fill func()) {
	p.name(name)
	p.b, p.comma = append(p.b, `,"part":[`...), false
	fill()
	p.b, p.comma = append(p.b, `]}`...), true
}

// include adds all that another has.
func (p *parametersWriter) include(other *parametersWriter) {
	if !other.comma {
		return
	}
	if p.comma {
		p.b = append(p.b, ',')
	}
	p.comma = true
	p.b = append(p.b, other.b[len(newParameters().b):]...)
}

func (p *parametersWriter) end() []byte { return append(p.b, `]}`...) }
