package child

import (
	"context"
	"errors"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

// method names what is called.
type method uint8

const (
	callOpen method = iota + 1 // waits until the engine is open
	callSubmit
	callFollow
	callProof
	callAnchor
	callAnchorAt
	callHead
	callLogProof
	callLogRoot
	callConsistency
	callMembers
	callMembersAt
	callEpoch
	callLight
	callStatus
	callClose
	// The child asks these of its parent, for a start from a snapshot.
	callSourceEpoch
	callSourceLight
	// These serve members that are fed by this node.
	callAnswer
	callBlocks
	// The child asks these of its parent, to be fed.
	callSourceMembers
	callSourceAsk
	callSourceBlocks
)

// args are the arguments of all calls; each uses what it needs.
type args struct {
	Tx     []byte       `cbor:"1,keyasint,omitempty"` // or a chain.Question
	Org    verify.OrgID `cbor:"2,keyasint"`
	Height int64        `cbor:"3,keyasint,omitempty"`
	From   uint64       `cbor:"4,keyasint,omitempty"` // sequence number, index, number of an epoch, smaller size
	To     uint64       `cbor:"5,keyasint,omitempty"` // larger size
}

// headResult is the answer to callHead.
type headResult struct {
	Head ledger.Head `cbor:"1,keyasint"`
	OK   bool        `cbor:"2,keyasint"`
}

// sentinels are the errors that keep their identity across the processes; the index is part of the protocol of one build
// with itself.
var sentinels = []error{
	ledger.ErrFull, ledger.ErrRejected, ledger.ErrNotFound, ledger.ErrPruned, ledger.ErrClosed, ledger.ErrDown,
	chain.ErrInUse, chain.ErrElsewhere, chain.ErrNoSignState, chain.ErrWedged, chain.ErrUntrusted,
	context.Canceled, context.DeadlineExceeded,
}

// wireError is an error in a frame.
type wireError struct {
	Text   string `cbor:"1,keyasint"`
	Is     []int  `cbor:"2,keyasint,omitempty"` // into sentinels
	Height int64  `cbor:"3,keyasint,omitempty"` // of a ledger.PrunedError
	Base   int64  `cbor:"4,keyasint,omitempty"`
}

func toWire(err error) *wireError {
	w := &wireError{Text: err.Error()}
	for i, s := range sentinels {
		if errors.Is(err, s) {
			w.Is = append(w.Is, i)
		}
	}
	var pruned *ledger.PrunedError
	if errors.As(err, &pruned) {
		w.Height, w.Base = pruned.Height, pruned.Base
	}
	return w
}

// remoteError is an error that came from the other process.
type remoteError struct {
	text string
	is   []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.is }

func (w *wireError) err() error {
	e := &remoteError{text: w.Text}
	for _, i := range w.Is {
		switch {
		case i < 0 || i >= len(sentinels):
		case sentinels[i] == ledger.ErrPruned:
			e.is = append(e.is, &ledger.PrunedError{Height: w.Height, Base: w.Base})
		default:
			e.is = append(e.is, sentinels[i])
		}
	}
	return e
}
