package subscription

import (
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Error says why a Subscription is not taken, for whoever wrote it.
type Error struct {
	Code string // of http://hl7.org/fhir/issue-type
	Text string
	At   tape.Value // the element; none where it is missing
}

// Error gives the text.
func (e *Error) Error() string { return e.Text }

func refuse(at tape.Value, code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...), At: at}
}

// Errors of what is asked of a Subscription that is there.
var (
	ErrUnknown = errors.New("no such subscription is in force here")
	ErrChannel = errors.New("the subscription is of another channel")
	ErrSecret  = errors.New("a secret is 32 to 128 printable characters without blanks")
	ErrBusy    = errors.New("as many tokens as are kept are there already")
)
