package search

import "fmt"

// Error says why a search is refused. Its text names parameters and quotes no value.
type Error struct {
	Code string // of FHIR's issue types: not-supported, value, too-costly
	Text string
	// Element is that of a SearchParameter which is to blame; "" where nothing is, or the error is about a search.
	Element string

	Unknown bool // a parameter that there is not: with handling=lenient it is passed over
}

func (e *Error) Error() string { return e.Text }

func refuse(code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Limits of one search. What is beyond them is refused as too costly.
const (
	MaxParams   = 128 // parameters of a search string
	MaxValues   = 256 // of one parameter, separated by commas
	MaxTests    = 8192
	MaxDepth    = 5  // of chains and reverse chains
	MaxBranches = 64 // types that a chain may lead to, over all its links
	MaxIncludes = 32
	MaxSorts    = 8
	MaxLength   = 4096 // bytes of one value
	MaxMembers  = 4096 // codes of a value set, or below a code
)
