package search

import (
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/tape"
	"github.com/sijil-health/sijil/index/term"
)

// content says which elements of a type hold text for people: strings, markdown and narratives, wherever they stand, but no ids, codes or
// URLs. _content looks through them (FHIR R4, 3.1.1.4.17). Values of identifiers are left out: they are found by the identifier.
type content struct {
	members map[string]contentMember
}

type contentMember struct {
	as  contentKind
	sub *content // of objects
}

type contentKind uint8

const (
	contentObject   contentKind = iota
	contentText                 // string, markdown
	contentMarkup               // xhtml
	contentResource             // of any type
)

// contentOf makes the content of a type. done has those made already, for types contain one another.
func contentOf(s *definition.Structure, done map[*definition.Structure]*content) *content {
	if c, ok := done[s]; ok {
		return c
	}
	c := &content{members: map[string]contentMember{}}
	done[s] = c
	for i := range s.Elements {
		e := &s.Elements[i]
		for j := range e.Types {
			t := &e.Types[j]
			if t.Of == nil || s.Name == "Identifier" && e.Name == "value" {
				continue
			}
			name := e.JSONName(t)
			switch {
			case t.Code == "string" && !e.Attribute, t.Code == "markdown":
				c.members[name] = contentMember{as: contentText}
			case t.Code == "xhtml":
				c.members[name] = contentMember{as: contentMarkup}
			case t.Of.Name == "Resource":
				c.members[name] = contentMember{as: contentResource}
			case t.Of.Kind != definition.Primitive:
				c.members[name] = contentMember{sub: contentOf(t.Of, done)}
			}
		}
	}
	return c
}

// texts adds the words of the narrative (_text) and of all content (_content).
func (x *extraction) texts(t *Type) {
	if div := x.root.Get("text").Get("div"); div.Exists() {
		x.words.reset()
		x.words.add(FoldWords(markupText(x.text(div))))
		x.spoken("_text")
	}
	x.words.reset()
	x.gather(t.of, t.content, x.root, 0)
	x.spoken("_content")
}

func (x *extraction) spoken(param string) {
	if text := x.words.text(); text != "" {
		x.terms = append(x.terms, term.Term{Param: param, Kind: term.Text, Folded: text})
	}
}

// gather adds the words of an object.
func (x *extraction) gather(p *set, c *content, v tape.Value, depth int) {
	if v.Kind() != tape.Object || c == nil || depth > tape.MaxDepth {
		return
	}
	for m := v.First(); m.Exists(); m = m.Next() {
		of, ok := c.members[string(m.NameBytes())]
		if !ok {
			continue
		}
		if m.Kind() != tape.Array {
			x.gatherOne(p, of, m, depth)
			continue
		}
		for e := m.First(); e.Exists(); e = e.Next() {
			x.gatherOne(p, of, e, depth)
		}
	}
}

func (x *extraction) gatherOne(p *set, of contentMember, v tape.Value, depth int) {
	switch of.as {
	case contentText:
		x.words.add(FoldWords(x.text(v)))
	case contentMarkup:
		x.words.add(FoldWords(markupText(x.text(v))))
	case contentResource:
		if t := p.of(v.Get("resourceType").Text()); t != nil {
			x.gather(p, t.content, v, depth+1)
		}
	default:
		x.gather(p, of.sub, v, depth+1)
	}
}
