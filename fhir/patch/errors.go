package patch

import "fmt"

// Kind is why a patch failed.
type Kind uint8

// The kinds.
const (
	Malformed  Kind = iota + 1 // the patch is none, whatever it is applied to
	Impossible                 // it cannot be applied to this resource
	TestFailed                 // a test in it does not hold
	TooCostly                  // it goes beyond the limits
)

// Error says why a patch was not applied. It repeats nothing of the resource.
type Error struct {
	Kind      Kind
	Operation int // from 0; -1 where no single one is to blame
	Reason    string
}

func (e *Error) Error() string {
	if e.Operation < 0 {
		return e.Reason
	}
	return fmt.Sprintf("operation %d: %s", e.Operation, e.Reason)
}

func fail(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Operation: -1, Reason: fmt.Sprintf(format, args...)}
}

// in names the operation that failed.
func (e *Error) in(operation int) *Error {
	if e != nil && e.Operation < 0 {
		e.Operation = operation
	}
	return e
}

// Patch is a patch that was read. That it is not malformed is known, as far as that can be told without what it is applied to.
type Patch interface {
	// Apply gives what becomes of a resource, which stays as it is. The error is an *Error, or that of a resource that is none.
	Apply(resource []byte) ([]byte, error)
}

// Limits bound what a patch may take. A zero field stands for the one of DefaultLimits.
type Limits struct {
	Operations int
	Bytes      int // of the result, and of all that is added on the way to it
}

// DefaultLimits suit one resource.
var DefaultLimits = Limits{Operations: 1000, Bytes: 4 << 20}

func (l Limits) orDefault() Limits {
	if l.Operations == 0 {
		l.Operations = DefaultLimits.Operations
	}
	if l.Bytes == 0 {
		l.Bytes = DefaultLimits.Bytes
	}
	return l
}

// maxWork bounds the members and elements that one patch makes be looked at: about a second.
const maxWork = 1 << 26

// maxXML bounds the XML that one XML Patch makes be read, in bytes: each operation reads the whole resource anew. It is about a second, too.
const maxXML = 1 << 24
