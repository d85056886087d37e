package verify

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNotWitnessed says that everything in a receipt holds, but that it rests on fewer keys than the policy asks. The error
// that wraps it comes with a Result.
var ErrNotWitnessed = errors.New("NOT WITNESSED")

// Step names a check. The texts are part of the interface: programs compare them.
type Step string

// The checks, in the order in which they are made.
const (
	StepReceipt    Step = "receipt"
	StepChain      Step = "chain name"
	StepLeaf       Step = "leaf"
	StepAnchor     Step = "anchor"
	StepBatch      Step = "batch path"
	StepEpochs     Step = "epoch chain"
	StepOwner      Step = "anchor owner"
	StepSignature  Step = "anchor signature"
	StepCustody    Step = "custody signatures"
	StepData       Step = "data path"
	StepHeader     Step = "header"
	StepValidators Step = "validators of the epoch"
	StepCommit     Step = "commit"
	StepCheckpoint Step = "checkpoint"
	StepLog        Step = "log path"
	StepContent    Step = "content"
)

// StepError names the first check that failed. It wraps the reason.
type StepError struct {
	Step Step
	Err  error
}

// Error gives the step and the reason.
func (e *StepError) Error() string { return fmt.Sprintf("%s: %v", e.Step, e.Err) }

// Unwrap gives the reason.
func (e *StepError) Unwrap() error { return e.Err }

// Options of one verification.
type Options struct {
	// Content, unless nil, must be the source or the served bytes of one of the entry's targets.
	Content []byte
	// Keys, unless 0, takes the place of the trust file's policy.
	Keys int
}

// Verify checks one receipt. Who checks many receipts makes a Verifier once.
func Verify(r *Receipt, t *Trust, opt Options) (*Result, error) {
	v, err := NewVerifier(t)
	if err != nil {
		return nil, err
	}
	return v.Verify(r, opt)
}

// Verify checks one receipt against the trust file; see the package's documentation for what it returns.
func (v *Verifier) Verify(r *Receipt, opt Options) (*Result, error) {
	w := &walk{v: v, r: r, opt: opt, periods: v.periods}
	for _, s := range steps {
		if err := s.check(w); err != nil {
			return nil, &StepError{s.step, err}
		}
	}
	return w.result()
}

// walk is one receipt on its way through the steps; each fills in what later ones need.
type walk struct {
	v   *Verifier
	r   *Receipt
	opt Options

	entry   *Entry
	leaf    Hash
	anchor  *Anchor
	periods []*period // the trust file's epochs and those that the receipt adds
	period  *period   // the one in which the anchor was made
	owner   int       // place of the anchor's organisation among the period's members

	time    Timestamp
	heads   []shownHead // of the receipt's log proofs, in their order
	rests   evidence
	content *Content
}

var steps = []struct {
	step  Step
	check func(*walk) error
}{
	{StepReceipt, func(w *walk) error { return w.r.check() }},
	{StepChain, (*walk).checkChain},
	{StepLeaf, (*walk).checkLeaf},
	{StepAnchor, (*walk).checkAnchor},
	{StepBatch, (*walk).checkBatch},
	{StepEpochs, (*walk).checkEpochs},
	{StepOwner, (*walk).checkOwner},
	{StepSignature, (*walk).checkSignature},
	{StepCustody, (*walk).checkCustody},
	{StepData, (*walk).checkData},
	{StepHeader, (*walk).checkHeader},
	{StepValidators, (*walk).checkValidators},
	{StepCommit, (*walk).checkCommit},
	{StepCheckpoint, (*walk).checkCheckpoint},
	{StepLog, (*walk).checkLog},
	{StepContent, (*walk).checkContent},
}

func (w *walk) checkChain() error {
	if w.r.Chain != w.v.chain {
		return fmt.Errorf("the receipt is of %s, the trust file of %s", w.r.Chain, w.v.chain)
	}
	if b := w.r.Block; b != nil && b.Header.ChainID != w.v.chain {
		return fmt.Errorf("the block is of %s, the trust file of %s", b.Header.ChainID, w.v.chain)
	}
	return nil
}

func (w *walk) checkLeaf() (err error) {
	w.leaf = w.r.Entry.Leaf()
	w.entry, err = DecodeEntry(w.r.Entry.Body)
	return err
}

func (w *walk) checkAnchor() (err error) {
	w.anchor, err = DecodeAnchor(w.r.Anchor)
	return err
}

func (w *walk) checkBatch() error {
	return VerifyBatchPath(w.anchor.Root, w.anchor.Count, w.r.Batch.Index, w.leaf, w.r.Batch.Path)
}

// checkEpochs continues the trust file's epochs by those of the receipt. An epoch that both have must be the same.
func (w *walk) checkEpochs() error {
	if len(w.r.Epochs) > 0 {
		w.periods = slices.Clone(w.periods)
	}
	for i := range w.r.Epochs {
		if err := w.addEpoch(&w.r.Epochs[i]); err != nil {
			return err
		}
	}
	return nil
}

// addEpoch speaks of a fork only once the signatures are checked: an unsigned claim is no second history.
func (w *walk) addEpoch(e *Epoch) error {
	_, start, err := openCheckpoint(e.Checkpoint)
	if err != nil {
		return err
	}
	n := start.Epoch
	if n == 0 || n > uint64(len(w.periods)) {
		return fmt.Errorf("epoch %d does not follow epoch %d", n, len(w.periods)-1)
	}
	if n < uint64(len(w.periods)) && *start == w.periods[n].start {
		return nil
	}
	before := w.periods[n-1]
	p, err := before.next(w.v.chain, e)
	if err != nil {
		return err
	}
	if n < uint64(len(w.periods)) {
		return &ForkError{Known: w.periods[n].start, Shown: *start}
	}
	if err := w.v.compare(start); err != nil {
		return err
	}
	if before.vouched != nil && len(before.vouched) <= len(p.vouched) {
		p.vouched = before.vouched
	}
	w.periods = append(w.periods, p)
	return nil
}

// checkOwner finds the epoch in which the anchor was made, by the block's height or else by its place in the log, and the
// anchor's organisation in it. The entry must be of the same organisation: nobody makes entries for another.
func (w *walk) checkOwner() error {
	w.period = w.periods[0]
	for _, p := range w.periods[1:] {
		if b := w.r.Block; b != nil && b.Header.Height <= p.start.Height {
			break
		} else if b == nil && w.r.Log.Index < p.start.Size {
			break
		}
		w.period = p
	}
	if w.owner = findMember(w.period.members, w.anchor.Org); w.owner < 0 {
		return fmt.Errorf("organisation %s is no member in epoch %d", w.anchor.Org, w.period.start.Epoch)
	}
	if w.entry.Org != w.anchor.Org {
		return fmt.Errorf("the entry is of organisation %s, the anchor of %s", w.entry.Org, w.anchor.Org)
	}
	return nil
}

func (w *walk) checkSignature() error {
	if !w.period.signing[w.owner].verify(w.anchor.SigningBytes(w.v.chain), w.anchor.Signature) {
		return fmt.Errorf("%s did not sign this anchor with the key it has in epoch %d",
			w.period.members[w.owner].Name, w.period.start.Epoch)
	}
	return nil
}

func (w *walk) checkCustody() error {
	if len(w.anchor.Custodians) == 0 {
		return nil
	}
	message := w.anchor.CustodyBytes(w.v.chain)
	for i := range w.anchor.Custodians {
		c := &w.anchor.Custodians[i]
		place := findMember(w.period.members, c.Org)
		if place < 0 {
			return fmt.Errorf("custodian %s is no member in epoch %d", c.Org, w.period.start.Epoch)
		}
		if !w.period.signing[place].verify(message, c.Signature) {
			return fmt.Errorf("%s did not sign that it holds the batch", w.period.members[place].Name)
		}
	}
	return nil
}
