package custody

import (
	"fmt"
	"net/http"

	"github.com/sijil-health/sijil/verify"
)

// recount checks an earlier batch. The very batch that was signed here needs no more; of another one the leaves must give the root,
// and be those of the entries that are held.
func (h *hearing) recount(b *heard) error {
	if h.tally.signed(&b.Anchor, b.Begin.Entry, b.End.Entry) {
		return nil
	}
	if len(b.leaves) == 0 {
		return refuse(http.StatusConflict, codePrior, "this custodian did not sign that earlier batch: tell its leaves", b.Begin.Entry)
	}
	root, err := b.rootOf(b.leaves)
	if err != nil {
		return malformed(err.Error())
	}
	if root != b.Anchor.Root {
		return h.accuse(codeRoot, b.Begin.Entry, fmt.Sprintf("the leaves told of batch %d do not give its root", b.Anchor.Seq))
	}
	if err := h.noneVoid(b, b.leaves); err != nil {
		return err
	}
	return h.entries(&b.Batch, func(number uint64, leaf verify.Hash) error {
		if leaf != b.leaves[number-b.Begin.Entry] {
			return h.accuse(codeRoot, number, fmt.Sprintf("batch %d has another leaf for entry %d than the one held", b.Anchor.Seq, number))
		}
		return nil
	})
}

// settle moves Covered on to the end of the earlier batches told. It fails where an entry held here would be left out.
func (h *hearing) settle(prior []*heard, to uint64) error {
	t, first := &h.tally, prior[0]
	if err := h.nothingLeft(first); err != nil {
		return err
	}
	for _, b := range prior {
		if err := h.notAgain(b); err != nil {
			return err
		}
	}
	if to > t.Covered {
		t.Covered, t.Next, t.Signed = to, prior[len(prior)-1].Anchor.Seq+1, nil
	}
	return nil
}

// nothingLeft makes sure that every entry held here from before a batch is in a batch that is settled, and that it is settled
// what became of the batch signed last. If the batch is the very next one, an entry left out is in none at all; otherwise the
// batches in between have to be told first.
func (h *hearing) nothingLeft(b *heard) error {
	entry, open := h.unsettled(b)
	if !open {
		return nil
	}
	if err := h.settleSigned(entry); err != nil {
		return err
	}
	if entry, open = h.unsettled(b); !open {
		return nil
	}
	if b.Anchor.Seq == h.tally.Next {
		return h.accuse(codeSkipped, entry,
			fmt.Sprintf("batch %d begins after entry %d, which is held here and is in no batch before it", b.Anchor.Seq, entry))
	}
	return refuse(http.StatusConflict, codePrior, "entries are held here of which this custodian does not know the batch: tell it", entry)
}

// unsettled is the first entry before a batch, or in an earlier one signed here that it overlaps, of which it is not known in
// which anchored batch it is.
func (h *hearing) unsettled(b *heard) (entry uint64, open bool) {
	if entry, open = firstHeld(h.ranges, h.tally.Covered, b.Begin.Entry); open {
		return entry, true
	}
	for _, s := range h.tally.Signed {
		if s.Seq < b.Anchor.Seq && b.Begin.Entry < s.End {
			return s.Begin, true
		}
	}
	return 0, false
}

// notAgain refuses a batch beyond those settled that has entries of theirs.
func (h *hearing) notAgain(b *heard) error {
	if b.Anchor.Seq < h.tally.Next || b.Begin.Entry >= h.tally.Covered {
		return nil
	}
	return h.accuse(codeRepeated, b.Begin.Entry,
		fmt.Sprintf("batch %d begins with entry %d, which is anchored already", b.Anchor.Seq, b.Begin.Entry))
}

// settleSigned asks the ledger whether the batch signed last was anchored, and which form of it.
func (h *hearing) settleSigned(entry uint64) error {
	for _, s := range h.tally.Signed {
		if s.Begin > entry || entry >= s.End {
			continue
		}
		anchor, ok, err := h.opt.Anchored(h.ctx, h.owner, s.Seq)
		if err != nil {
			return fmt.Errorf("custody: ask the ledger: %w", err)
		}
		if ok && core(anchor) == s.Core {
			h.tally.Covered, h.tally.Next, h.tally.Signed = s.End, s.Seq+1, nil
			return nil
		}
	}
	return nil
}

// onLedger checks that an earlier batch, told without one that builds on it, is really anchored.
func (h *hearing) onLedger(b *heard) error {
	a := &b.Anchor
	anchor, ok, err := h.opt.Anchored(h.ctx, h.owner, a.Seq)
	if err != nil {
		return fmt.Errorf("custody: ask the ledger: %w", err)
	}
	if !ok {
		return refuse(http.StatusConflict, codeUnanchored, "the ledger here has no such anchor yet; ask again later", b.Begin.Entry)
	}
	if anchor.ID() != a.ID() {
		return h.accuse(codeRoot, b.Begin.Entry, fmt.Sprintf("anchor %d is not the one on the ledger", a.Seq))
	}
	return nil
}
