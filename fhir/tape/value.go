package tape

// Value is one value of a document. The zero Value is that of a member that is not there: it may be asked anything, so that
// look-ups can be chained and tested once at the end.
type Value struct {
	t   *Tape
	i   uint32 // index of its node
	end uint32 // index after its last sibling
}

func (v Value) node() *node { return &v.t.nodes[v.i] }

// Exists tells whether the value is there. A JSON null is.
func (v Value) Exists() bool { return v.t != nil }

// Kind is the value's type; None if it is not there.
func (v Value) Kind() Kind {
	if v.t == nil {
		return None
	}
	return v.node().kind
}

// Len is the number of members or elements.
func (v Value) Len() int {
	if v.t == nil {
		return 0
	}
	return int(v.node().size)
}

// First is the first member or element; Next leads on from it.
func (v Value) First() Value {
	if v.t == nil || v.node().size == 0 {
		return Value{}
	}
	return Value{t: v.t, i: v.i + 1, end: v.node().next}
}

// Next is the sibling after v.
func (v Value) Next() Value {
	if v.t == nil {
		return Value{}
	}
	if next := v.node().next; next < v.end {
		v.i = next
		return v
	}
	return Value{}
}

// Get is the member of that name.
func (v Value) Get(name string) Value {
	if v.Kind() != Object {
		return Value{}
	}
	t, end := v.t, v.node().next
	for i := v.i + 1; i < end; {
		c := &t.nodes[i]
		if t.named(c, name) {
			return Value{t: t, i: i, end: end}
		}
		i = c.next
	}
	return Value{}
}

// GetBoth is the member of that name and the one whose name has an underscore before it, in which FHIR's JSON keeps the id and the
// extensions of a primitive.
func (v Value) GetBoth(name string) (value, companion Value) {
	if v.Kind() != Object {
		return Value{}, Value{}
	}
	t, end := v.t, v.node().next
	for i := v.i + 1; i < end; {
		c := &t.nodes[i]
		switch {
		case t.named(c, name):
			value = Value{t: t, i: i, end: end}
		case int(c.keyEnd-c.key) > len(name) && t.src[c.key] == '_' && t.namedAfter(c, name):
			companion = Value{t: t, i: i, end: end}
		}
		i = c.next
	}
	return value, companion
}

// named tells whether a member has the name.
func (t *Tape) named(c *node, name string) bool {
	if c.flags&keyEscaped != 0 {
		return string(appendDecoded(nil, t.src[c.key:c.keyEnd])) == name
	}
	return int(c.keyEnd-c.key) == len(name) && string(t.src[c.key:c.keyEnd]) == name
}

// namedAfter tells whether a member has the name after its first letter, which stands as it is.
func (t *Tape) namedAfter(c *node, name string) bool {
	if c.flags&keyEscaped != 0 {
		return string(appendDecoded(nil, t.src[c.key+1:c.keyEnd])) == name
	}
	return int(c.keyEnd-c.key) == len(name)+1 && string(t.src[c.key+1:c.keyEnd]) == name
}

// At is the element at index i, from 0.
func (v Value) At(i int) Value {
	if v.Kind() != Array || i < 0 {
		return Value{}
	}
	c := v.First()
	for ; i > 0 && c.Exists(); i-- {
		c = c.Next()
	}
	return c
}

// Named tells whether v is a member of that name.
func (v Value) Named(name string) bool { return string(v.NameBytes()) == name && v.node().key > 0 }

// Name is the member's name; empty for an element. NameBytes is the same without a copy, where the name has no escapes; it must
// not be changed.
func (v Value) Name() string { return string(v.NameBytes()) }

// NameBytes is described with Name.
func (v Value) NameBytes() []byte {
	if v.t == nil {
		return nil
	}
	n := v.node()
	raw := v.t.src[n.key:n.keyEnd:n.keyEnd]
	if n.flags&keyEscaped == 0 {
		return raw
	}
	return appendDecoded(nil, raw)
}

// NameStart is where a member's name begins in the source: at its opening quote.
func (v Value) NameStart() int { return int(v.node().key) - 1 }

// Start and End bound the value in the source, quotes and brackets included.
func (v Value) Start() int { return int(v.node().start) }

// End is the position after the value.
func (v Value) End() int { return int(v.node().end) }

// Root is the document that v is of.
func (v Value) Root() Value {
	if v.t == nil {
		return v
	}
	return v.t.Root()
}

// Raw is the value as it stands in the source.
func (v Value) Raw() []byte {
	if v.t == nil {
		return nil
	}
	n := v.node()
	return v.t.src[n.start:n.end:n.end]
}

// Document is Raw with the white space around it where v is the whole document: what was received, to the byte. before is how many
// bytes of it come before v.
func (v Value) Document() (b []byte, before int) {
	if v.t == nil || v.i != 0 {
		return v.Raw(), 0
	}
	return v.t.src[:len(v.t.src):len(v.t.src)], v.Start()
}

// Is tells whether v is a string with that text.
func (v Value) Is(text string) bool {
	if v.Kind() != String {
		return false
	}
	n := v.node()
	if raw := v.t.src[n.start+1 : n.end-1]; n.flags&valueEscaped == 0 {
		return string(raw) == text
	}
	return v.Text() == text
}

// Text is a string's text, its escapes resolved; "" for any other kind.
func (v Value) Text() string { return string(v.Bytes()) }

// Bytes is Text without a copy where the string has no escapes. It must not be changed.
func (v Value) Bytes() []byte {
	if v.Kind() != String {
		return nil
	}
	n := v.node()
	raw := v.t.src[n.start+1 : n.end-1 : n.end-1]
	if n.flags&valueEscaped == 0 {
		return raw
	}
	return appendDecoded(make([]byte, 0, len(raw)), raw)
}

// Plain tells whether a string's bytes are its text, without escapes.
func (v Value) Plain() bool { return v.Kind() == String && v.node().flags&valueEscaped == 0 }
