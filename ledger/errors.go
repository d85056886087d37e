package ledger

import (
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

// ErrNotMember is returned, wrapped, by Anchorer.Err and logged while the ledger does not know this organisation by the key
// this node signs with. Nothing is anchored meanwhile; the journal goes on growing, and drains when the membership has changed.
var ErrNotMember = errors.New("ledger: the ledger does not know this organisation by this node's signing key; check the key and the membership")

// ErrOtherHistory is returned by Cosigner.Cosign when the witness has cosigned a history that this node's is no continuation of: one of them was
// written anew, perhaps because an old backup was restored while the ledger had gone on.
var ErrOtherHistory = errors.New("ledger: the witness has cosigned another history of this ledger")

// LongerError says that a witness has cosigned more of the log than there is here. Where this organisation is not alone, another member may have been
// ahead; a lone one has lost, or cut off, what was cosigned, and that is another history.
type LongerError struct {
	Cosigned, Here uint64 // anchors
	Err            error  // the witness's refusal; nil where it answered by file
}

// Error says what happened.
func (e *LongerError) Error() string {
	text := fmt.Sprintf("ledger: the witness has cosigned %d anchors, the log here has %d", e.Cosigned, e.Here)
	if e.Err != nil {
		text += fmt.Sprintf(" (%v)", e.Err)
	}
	return text
}

// Unwrap gives the witness's refusal.
func (e *LongerError) Unwrap() error { return e.Err }

// BehindError says that the chain holds anchors of this organisation that this node has no plan of, and that the plans cannot be made
// again from its journal: its data directory is older than what was anchored. Returned by every method once the Anchorer met one.
type BehindError struct {
	Chain uint64 // sequence number of the last anchor on the chain
	Plans uint64 // how many plans there are here
	Err   error  // why the next plan cannot be made again: a *Damage, or of the disk
}

// Error says what happened and what to do.
func (e *BehindError) Error() string {
	return fmt.Sprintf("ledger: the chain holds this organisation's anchor %d, but this data directory knows only the first %d, and its journal "+
		"does not give the others (%v): it is older than what was anchored, perhaps restored from a backup. Nothing is anchored from here, so "+
		"that no second history begins. Bring back the newest data directory, or restore with the custodians' copies", e.Chain, e.Plans, e.Err)
}

// Unwrap gives why the plans cannot be made again.
func (e *BehindError) Unwrap() error { return e.Err }

// LostError says that the chain here does not hold anchors of this organisation that it held before: its store was lost, or exchanged for
// an older one. Returned by Err until it holds them again. Their signed bytes were on the chain alone by then.
type LostError struct {
	Chain uint64 // how many of the organisation's anchors the chain holds
	Plans uint64 // how many it held at least
}

// Error says what happened and what to do.
func (e *LostError) Error() string {
	return fmt.Sprintf("ledger: the chain kept here holds %d of this organisation's anchors, though it held at least %d before: its store was lost or is an "+
		"older one. Nothing is anchored until it is complete again. Where there are other members it comes from them (`sijil doctor`); a lone "+
		"node is restored from its backup", e.Chain, e.Plans)
}

// ConflictError says that the chain holds an anchor of this organisation other than the one planned here. Returned like BehindError.
type ConflictError struct {
	Seq   uint64
	Ours  verify.Hash // ID of the planned anchor
	Chain verify.Hash // ID of the one on the chain
}

// Error says what happened and what to do.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("ledger: anchor %d on the chain is %s, the one planned here is %s: another node signs with this organisation's key, "+
		"or this data directory was exchanged for another. Nothing is anchored from here until only one node is left that has the key", e.Seq, e.Chain, e.Ours)
}

// RefusedError says that the engine refuses a planned anchor although by the membership it is in order. Returned by Err while
// it does; the anchor is submitted again from time to time.
type RefusedError struct {
	Seq uint64
	Err error // the engine's reason; wraps ErrRejected
}

// Error says what happened and what to do.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("ledger: the engine refuses anchor %d, which this node finds in order: %v. The journal is complete and keeps growing; "+
		"nothing more is anchored until the engine takes it. Compare this node's version with the other members'", e.Seq, e.Err)
}

// Unwrap gives the engine's error.
func (e *RefusedError) Unwrap() error { return e.Err }
