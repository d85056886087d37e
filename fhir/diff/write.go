package diff

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
)

// operation adds one; rest adds parts beyond its type and path.
func (c *comparison) operation(kind, path string, rest func()) {
	if c.some {
		c.b = append(c.b, ',')
	} else {
		c.b = append(c.b, `,"parameter":[`...)
	}
	c.some = true
	c.b = append(c.b, `{"name":"operation","part":[{"name":"type","valueCode":"`+kind+`"},{"name":"path","valueString":`...)
	c.b = append(tape.AppendQuoted(c.b, path), '}')
	if rest != nil {
		rest()
	}
	c.b = append(c.b, `]}`...)
}

func (c *comparison) named(e *definition.Element) {
	c.b = append(c.b, `,{"name":"name","valueString":"`+e.Name+`"}`...)
}

func (c *comparison) index(i int) {
	c.b = append(c.b, `,{"name":"index","valueInteger":`...)
	c.b = append(strconv.AppendInt(c.b, int64(i), 10), '}')
}

// open are the types that the value of a parameter can have.
var open = sync.OnceValue(func() []string {
	var list []string
	for _, t := range definition.TypeOf("Parameters.parameter").Element("value").Types {
		list = append(list, t.Code)
	}
	return list
})

// value adds a part: a resource, a value of a type that a parameter can have, or the parts that one of another type is made of.
func (c *comparison) value(name string, v value) {
	c.b = append(c.b, `,{"name":`...)
	c.b = tape.AppendQuoted(c.b, name)
	code := v.typ.Code
	if code == "xhtml" {
		code = "string"
	}
	switch {
	case v.v.Get("resourceType").Exists():
		c.b = append(append(c.b, `,"resource":`...), v.v.Raw()...)
	case slices.Contains(open(), code):
		member := strings.ToUpper(code[:1]) + code[1:]
		if v.v.Exists() {
			c.b = append(append(c.b, `,"value`+member+`":`...), v.v.Raw()...)
		}
		if v.beside.Exists() {
			c.b = append(append(c.b, `,"_value`+member+`":`...), v.beside.Raw()...)
		}
	default:
		c.parts(v)
	}
	c.b = append(c.b, '}')
}

func (c *comparison) parts(v value) {
	s := structure(v)
	if s == nil {
		return
	}
	c.b = append(c.b, `,"part":[`...)
	begin := len(c.b)
	for i := range s.Elements {
		e := &s.Elements[i]
		switch got := of(v.v, e); {
		case !got.exists():
		case e.Max == 1:
			c.value(e.Name, got)
		default:
			for _, item := range items(got) {
				c.value(e.Name, item)
			}
		}
	}
	if len(c.b) > begin {
		c.b = slices.Delete(c.b, begin, begin+1) // the comma before the first
	}
	c.b = append(c.b, ']')
}
