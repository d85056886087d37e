package terminology

import "fmt"

// Error is a question that cannot be answered. Its Kind is a code of http://hl7.org/fhir/issue-type; Text names systems and value sets by their
// URLs and quotes no code.
type Error struct {
	Kind, Text string
}

func (e *Error) Error() string { return e.Text }

// The kinds of Error.
const (
	NotFound     = "not-found"     // a code system, value set, concept map or code is not known here
	TooCostly    = "too-costly"    // there are more codes than are given at once, or no end of them
	Invalid      = "invalid"       // the question, or a definition that it rests on, makes no sense
	NotSupported = "not-supported" // a filter that is not known
	Required     = "required"      // something is missing in the question
)

func fault(kind, format string, args ...any) *Error {
	return &Error{kind, fmt.Sprintf(format, args...)}
}
