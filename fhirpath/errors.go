package fhirpath

import (
	"errors"
	"fmt"
)

// Stage says when an expression was found to be wrong.
type Stage uint8

// The stages.
const (
	Syntax    Stage = iota + 1 // it is no FHIRPath
	Semantics                  // it can have no meaning: an unknown function, a wrong number of arguments, types that never fit
	Execution                  // it has none for this input
)

// ErrLimit is wrapped by the error of an evaluation that was ended because it went beyond one of Limits.
var ErrLimit = errors.New("the evaluation is larger than allowed")

// Error is the error of Compile and Evaluate. It quotes neither the expression nor what it was evaluated on.
type Error struct {
	Stage  Stage
	Offset int // in bytes, of the part of the expression
	Reason string
	Err    error // ErrLimit, the error of a callback, or nil
}

func (e *Error) Error() string {
	return fmt.Sprintf("FHIRPath, at %d: %s", e.Offset, e.Reason)
}

// Unwrap gives Err.
func (e *Error) Unwrap() error { return e.Err }
