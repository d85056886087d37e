package imports

import (
	"context"

	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

// Gate makes resources of lines.
type Gate interface {
	// Import begins an import, or goes on with one that an earlier process has broken off: some of the lines that come first were stored then.
	Import(a record.Access, again bool) Passes
}

// Passes goes through the lines of one import, several times if need be.
type Passes interface {
	// Pass begins the next time. In the last one nothing waits any more.
	Pass(last bool) Pass
}

// Pass goes through lines, group by group. What Prepare gives is stored in the order in which it was prepared; the next group may be prepared meanwhile.
type Pass interface {
	// Prepare reads the lines, which are the group's from then on. An error is about none of them.
	Prepare(ctx context.Context, lines []Line) (Group, error)
}

// Group is what is to be stored as one record of the journal.
type Group interface {
	// Store stores what can be, and gives one result for each line. After an error, which says that nothing was stored, it may be called again.
	Store(ctx context.Context) ([]Result, error)
	// Release says that the group is not used any more.
	Release()
}

// Line is one resource as it came, without the blanks around it.
type Line struct {
	Text   []byte // nil where it is longer than it may be
	Type   string // that all of the file is announced to be; "" where nothing is
	Input  string // the file, as it was named
	Number int64  // in the file, from 1
}

// Kind is what became of a line.
type Kind uint8

// The kinds there are.
const (
	Created Kind = iota + 1
	Updated
	Unchanged
	Waits // for what it refers to
	Refused
)

// Result is what became of a line; of one that was refused, an OperationOutcome says why.
type Result struct {
	Kind    Kind
	Outcome []byte
}

// Record is what imports need of the record besides the gate.
type Record interface {
	Took(ctx context.Context, a record.Access, act policy.Action, what string) error
}
