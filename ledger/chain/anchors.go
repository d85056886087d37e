package chain

import (
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// Why an anchor may not stand at a place in a block.
var (
	errGap      = errors.New("anchor: its predecessor is not on the chain")
	errPast     = errors.New("anchor: its number is taken")
	errConflict = errors.New("anchor: it names another predecessor than the one on the chain")
	errControl  = errors.New("anchor: its control number is lower than that of its predecessor")
)

// applyAnchor takes an anchor that continues its organisation's sequence: dense number, right predecessor, a member's
// signature, and custodians that are members and whose statements hold.
func (st *step) applyAnchor(p *parsed, tx []byte) error {
	a := p.anchor
	if err := follows(a, st.head); err != nil {
		return err
	}
	if err := st.vouched(a); err != nil {
		return err
	}
	index := st.base.log.size + uint64(len(st.anchors))
	st.heads[a.Org] = ledger.Head{Seq: a.Seq, ID: p.id, Index: index, Control: a.Control}
	st.anchors = append(st.anchors, &ledger.Anchored{
		Bytes: tx, ID: p.id, Index: index, Height: st.height, Tx: st.tried,
	})
	return nil
}

// follows tells whether an anchor is the next of its organisation.
func follows(a *verify.Anchor, head func(verify.OrgID) (ledger.Head, bool)) error {
	h, ok := head(a.Org)
	next := uint64(0)
	if ok {
		next = h.Seq + 1
	}
	switch {
	case a.Seq < next:
		return errPast
	case a.Seq > next:
		return errGap
	case a.Prev != h.ID: // zero for the first, as verify.DecodeAnchor demands
		return errConflict
	case a.Control < h.Control:
		return errControl
	}
	return nil
}

// vouched checks the signatures of an anchor by the membership before the block.
func (st *step) vouched(a *verify.Anchor) error {
	m, err := st.member(a.Org)
	if err != nil {
		return fmt.Errorf("anchor: %w", err)
	}
	if err := st.signed(m.Key, a.SigningBytes(st.chain), a.Signature); err != nil {
		return fmt.Errorf("anchor: the %w", err)
	}
	if len(a.Custodians) == 0 {
		return nil
	}
	statement := a.CustodyBytes(st.chain)
	statement = statement[:len(statement):len(statement)]
	for i := range a.Custodians {
		c := &a.Custodians[i]
		m, err := st.member(c.Org)
		if err != nil {
			return fmt.Errorf("anchor: custodian %w", err)
		}
		if err := st.signed(m.Key, statement, c.Signature); err != nil {
			return fmt.Errorf("anchor: the %w of custodian %s", err, c.Org)
		}
	}
	return nil
}
