package tape

import "sync"

// Kind is the JSON type of a value.
type Kind uint8

// The kinds. None is that of a value that is not there.
const (
	None Kind = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

// String names the kind as messages to people do.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Limits bound what Parse accepts. A zero field stands for the one of DefaultLimits.
type Limits struct {
	Bytes int // of the document
	Depth int // of arrays and objects within one another, at most MaxDepth
	Nodes int // values in all; each takes 28 bytes of memory
}

// MaxDepth is the greatest Limits.Depth.
const MaxDepth = 64

// DefaultLimits suit one resource.
var DefaultLimits = Limits{Bytes: 4 << 20, Depth: MaxDepth, Nodes: 1 << 19}

func (l Limits) orDefault() Limits {
	if l.Bytes == 0 {
		l.Bytes = DefaultLimits.Bytes
	}
	if l.Depth == 0 || l.Depth > MaxDepth {
		l.Depth = MaxDepth
	}
	if l.Nodes == 0 {
		l.Nodes = DefaultLimits.Nodes
	}
	l.Bytes = min(l.Bytes, 1<<31-1) // positions are kept in 32 bits
	return l
}

// node is one value. The nodes of its members or elements follow it directly, up to next.
type node struct {
	start, end  uint32 // span of the value in the source, quotes included
	next        uint32 // index of the first node that is no part of it
	key, keyEnd uint32 // span of the member name between its quotes; 0, 0 where there is none
	size        uint32 // number of members or elements
	kind        Kind
	flags       uint8
}

const (
	valueEscaped uint8 = 1 << iota // the string contains a backslash
	keyEscaped
)

// Tape is a parsed document. The zero value is ready for Parse.
type Tape struct {
	src    []byte
	nodes  []node
	names  names
	locate func(offset int) Position // nil: the place in src
	lines  Lines                     // of src
	frames [MaxDepth]frame
}

// frame is an array or object that is being read.
type frame struct {
	node  uint32
	bloom uint64 // of the member names so far, see names.go
}

// maxPooled is the greatest number of nodes of a Tape that is kept for reuse: 7 MiB.
const maxPooled = 1 << 18

var pool = sync.Pool{New: func() any { return new(Tape) }}

// Get takes a Tape from the pool.
func Get() *Tape { return pool.Get().(*Tape) }

// Release gives the tape back. No Value of it may be used afterwards.
func (t *Tape) Release() {
	t.src, t.locate = nil, nil
	t.lines.Forget()
	if cap(t.nodes) > maxPooled {
		return
	}
	t.nodes = t.nodes[:0]
	pool.Put(t)
}

// Root is the document's one value; a value that is not there before Parse or after an error.
func (t *Tape) Root() Value {
	if len(t.nodes) == 0 {
		return Value{}
	}
	return Value{t: t, i: 0, end: 1}
}
