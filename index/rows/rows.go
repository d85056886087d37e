// Package rows is the seam between the index and what keeps it: pairs of bytes in the order of their keys.
//
// It owns no code but the interface, and the conformance test of drivers beside it (package rowstest). A driver promises that a batch is applied
// whole or not at all and in its place among the others, also over a crash, and that a snapshot does not change; it need not promise that a batch
// survives a crash, for the index knows how far it has come and follows the journal from there.
//
// Imports: nothing of ours.
package rows

import "context"

// Store keeps rows. Safe for concurrent use; batches come from one goroutine at a time.
type Store interface {
	Reader
	// Snapshot is what is there now, and stays so until it is closed.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Apply carries out a batch.
	Apply(ctx context.Context, b *Batch) error
	// Check reads everything. It ends with ctx, whose error it gives.
	Check(ctx context.Context) error
	Close() error
}

// Snapshot is a Reader of one moment.
type Snapshot interface {
	Reader
	Close() error
}

// Reader reads rows.
type Reader interface {
	// Get gives the value of a key, for the caller to keep; nil if there is none.
	Get(ctx context.Context, key []byte) ([]byte, error)
	// Gets calls fn for each key in turn with its value, nil if there is none. The value is fn's until it returns.
	Gets(ctx context.Context, keys [][]byte, fn func(i int, value []byte) error) error
	// Scan calls fn for the rows of each range in turn, in the order of their keys, until it says no. Key and value are fn's until it returns.
	Scan(ctx context.Context, ranges []Range, fn func(i int, key, value []byte) (more bool, err error)) error
}

// Range is the keys from From to before To; To nil means all from From on.
type Range struct {
	From, To []byte
	Limit    int  // most rows; 0 for all
	Reverse  bool // greatest first
}

// Kind is what an Op does.
type Kind uint8

// The operations.
const (
	Set Kind = iota
	Delete
	Merge // see Merger
)

// Op is one operation of a batch.
type Op struct {
	Kind       Kind
	Key, Value []byte
}

// Batch is a list of operations. A key stands in it once, unless all its operations are merges.
type Batch struct{ Ops []Op }

// Merger joins the value of a key, nil if there is none, with one that is merged into it. The order of several does not matter, nor that one comes twice.
type Merger func(key, value, more []byte) ([]byte, error)
