package verify

import (
	"errors"
	"fmt"
)

// AnchorError says where an organisation's anchors stop being whole.
type AnchorError struct {
	Org OrgID
	Seq uint64 // of the anchor that is missing, or that does not fit
	Err error
}

// Error gives the anchor and the reason.
func (e *AnchorError) Error() string {
	return fmt.Sprintf("anchor %d of %s: %v", e.Seq, e.Org, e.Err)
}

// Unwrap gives the reason.
func (e *AnchorError) Unwrap() error { return e.Err }

// ErrTagReused says that an organisation used one tag for two entries: an entry was dropped and its number given to another.
var ErrTagReused = errors.New("a tag is used twice")

// AnchorWalk follows one organisation's anchors from the first on. The zero value, with Chain and Org set, begins at 0.
type AnchorWalk struct {
	Chain string
	Org   OrgID

	next    uint64
	prev    Hash
	control uint64
	tags    map[Tag]struct{}
}

// Batch is what a custodian or auditor holds of one anchored batch.
type Batch struct {
	Tags   []Tag  // of its entries; nil where they are not at hand
	Leaves []Hash // all leaves, padding included; nil where they are not at hand
}

// Next is the sequence number of the anchor that comes next.
func (w *AnchorWalk) Next() uint64 { return w.next }

// Add checks the anchor that follows: its number, its predecessor, its signature by key, which is the organisation's in
// the epoch of its block, and, of what batch holds, that no tag was used before and that the leaves have the anchor's
// root. An error is an *AnchorError, and ends the walk. The walk keeps every tag it saw, 16 bytes each.
func (w *AnchorWalk) Add(a *Anchor, key PublicKey, batch Batch) error {
	fail := func(err error) error { return &AnchorError{w.Org, w.next, err} }
	switch err := a.check(); {
	case err != nil:
		return fail(err)
	case a.Org != w.Org:
		return fail(fmt.Errorf("it is of organisation %s", a.Org))
	case a.Seq != w.next:
		return fail(fmt.Errorf("missing; anchor %d comes in its place", a.Seq))
	case a.Prev != w.prev:
		return fail(errors.New("it does not name the anchor before it"))
	case a.Control < w.control:
		return fail(fmt.Errorf("its control number is %d, the one before had %d", a.Control, w.control))
	case !key.Verify(a.SigningBytes(w.Chain), a.Signature):
		return fail(errors.New("its signature is wrong"))
	case len(batch.Tags) >= int(a.Count):
		return fail(fmt.Errorf("%d entries in a batch of %d leaves", len(batch.Tags), a.Count))
	case batch.Leaves != nil && (len(batch.Leaves) != int(a.Count) || BatchRoot(batch.Leaves) != a.Root):
		return fail(errors.New("the batch is not the one that was anchored"))
	}
	if w.tags == nil {
		w.tags = make(map[Tag]struct{})
	}
	for _, t := range batch.Tags {
		if _, reused := w.tags[t]; reused {
			return fail(ErrTagReused)
		}
		w.tags[t] = struct{}{}
	}
	w.next, w.prev, w.control = w.next+1, a.ID(), a.Control
	return nil
}
