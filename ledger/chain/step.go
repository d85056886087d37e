package chain

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// step judges the transactions of one block, in order, on top of a state. Proposing, judging a proposal and executing
// a block all go through apply, so that they cannot disagree.
type step struct {
	chain  string
	base   *state
	height int64
	time   int64 // of the block's header, Unix milliseconds
	seen   *signatures

	tried   uint32                       // transactions judged, refused ones included: the place of the next in the block
	heads   map[verify.OrgID]ledger.Head // of organisations with an anchor in this block
	anchors []*ledger.Anchored
	roster  *roster // nil until a membership transaction is applied, then a clone of the base's
	moved   bool    // the members' records changed without a vote
	changes [][]byte
}

// errOrder refuses a block whose anchors do not come first: the place of a transaction then tells its kind.
var errOrder = errors.New("an anchor comes after a membership transaction")

func (s *state) step(chain string, time int64, seen *signatures) *step {
	return &step{
		chain: chain, base: s, height: s.Height + 1, time: time, seen: seen,
		heads: map[verify.OrgID]ledger.Head{},
	}
}

// apply takes a transaction into the block, or says why it may not stand there and leaves the step as it was.
// All signatures are judged by the membership before the block, whose validators sign it; what a proposal would change, by that
// after it.
func (st *step) apply(tx []byte) error {
	defer func() { st.tried++ }()
	p, err := parse(tx)
	if err != nil {
		return err
	}
	return st.applyParsed(p, tx)
}

func (st *step) applyParsed(p *parsed, tx []byte) error {
	if p.anchor != nil {
		if len(st.changes) > 0 {
			return errOrder
		}
		return st.applyAnchor(p, tx)
	}
	r := st.roster
	if r == nil {
		r, _ = st.base.roster.enacted()
	}
	var err error
	if p.proposal != nil {
		err = st.propose(r, p)
	} else {
		err = st.vote(r, p.vote)
	}
	if err != nil {
		return err
	}
	st.roster, st.changes = r, append(st.changes, tx)
	return nil
}

// head is the organisation's last anchor as of this point of the block.
func (st *step) head(org verify.OrgID) (ledger.Head, bool) {
	if h, ok := st.heads[org]; ok {
		return h, true
	}
	h, ok := st.base.heads[org]
	return h, ok
}

// finish makes the record of the block and the state after it.
func (st *step) finish(evidence []ledger.Evidence, store func(uint8, uint64, verify.Hash)) (*state, *record, error) {
	rec := &record{
		Time:     st.time,
		LogSize:  st.base.log.size + uint64(len(st.anchors)),
		Epoch:    st.base.epochAt(st.height).Number,
		Changes:  st.changes,
		Evidence: evidence,
	}
	decided := st.settle(rec)
	// What is decided on takes effect with the next block, which the moved application hash brings about.
	rec.Sealed = rec.LogSize/sealEvery > st.base.Sealed/sealEvery || st.moved || decided
	n, err := st.base.next(rec, st.anchors, store)
	return n, rec, err
}

// settle decides on the change that the votes have carried, if any. It has CometBFT change the validators, which then sign from the block
// after the next on; the next block carries the change out, so that whoever a block's transactions are judged by also signs it.
func (st *step) settle(rec *record) (decided bool) {
	r, enacted := st.roster, false
	if r == nil {
		if len(st.base.roster.Pending) == 0 {
			return false
		}
		r, enacted = st.base.roster.enacted()
	}
	next := r.settle(st.time)
	if st.roster == nil && !enacted && next == nil && len(r.Pending) == len(st.base.roster.Pending) {
		return false
	}
	r.Height, rec.Members = st.height, &r.Membership
	if next == nil {
		return false
	}
	next.Since = st.height + 2
	after, _ := r.enacted()
	last := &st.base.epochs[len(st.base.epochs)-1]
	if set := verify.NewValidatorSet(after.Members); set.Hash() != last.Validators.Hash() {
		rec.NewEpoch = &ledger.Epoch{Number: last.Number + 1, Since: next.Since, Validators: set}
	}
	return true
}

// member finds who signs, by the membership before the block.
func (st *step) member(org verify.OrgID) (*verify.Member, error) {
	m := st.base.roster.Member(org)
	if m == nil {
		return nil, fmt.Errorf("%s is not a member", org)
	}
	return m, nil
}

var errSignature = errors.New("signature does not hold")

// signed checks a signature, unless the same one was found good before.
func (st *step) signed(key verify.PublicKey, message []byte, s verify.Signature) error {
	sum := sha256.Sum256(append(append(message, key[:]...), s[:]...))
	if st.seen.has(sum) {
		return nil
	}
	if !key.Verify(message, s) {
		return errSignature
	}
	st.seen.add(sum)
	return nil
}
