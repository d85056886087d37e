package custody

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// hearing is the judgement of one proposal.
type hearing struct {
	*Keeper
	ctx    context.Context
	shelf  *shelf
	owner  verify.OrgID
	tally  tally
	ranges []journal.Range // held when the hearing began
	tags   map[verify.Tag]place
}

// attest judges a proposal and signs for it, or says why not. What it vouches for: every record of the batch is held here, durably;
// the root is theirs; no tag stands for two entries; and no entry held here from before the batch is missing from the batches
// that it builds on. An administrator who drops or exchanges entries is refused at the last point.
func (k *Keeper) attest(r *http.Request, v *visit) error {
	body, err := readBody(r, maxProposal)
	if err != nil {
		return err
	}
	p, err := decodeProposal(body)
	if err != nil {
		return malformed("the proposal cannot be read")
	}
	prior, batch, err := p.hear()
	if err != nil {
		return malformed(err.Error())
	}
	v.vouch.Lock()
	defer v.vouch.Unlock()
	h := &hearing{Keeper: k, ctx: r.Context(), shelf: v.shelf, owner: v.owner, ranges: v.mirror.Held(), tags: make(map[verify.Tag]place)}
	if h.tally, err = k.book.tally(v.owner); err != nil {
		return err
	}
	if err := h.judge(prior, batch); err != nil {
		return err
	}
	if batch == nil {
		if err := k.book.vouch(v.owner, h.tally, h.tags); err != nil {
			return err
		}
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	statement := verify.Custody{Org: k.opt.Org}
	if statement.Signature, err = k.opt.Sign(batch.Anchor.CustodyBytes(k.opt.Chain)); err != nil {
		return fmt.Errorf("custody: sign: %w", err)
	}
	h.tally.sign(batch)
	if err := k.book.vouch(v.owner, h.tally, h.tags); err != nil {
		return err
	}
	answerCBOR(v.w, statement)
	return nil
}

func (h *hearing) judge(prior []*heard, batch *heard) error {
	for _, b := range append(slices.Clip(prior), batch) {
		if b != nil && b.Anchor.Org != h.owner {
			return malformed("the anchor is of another organisation")
		}
	}
	for _, b := range prior {
		if err := h.recount(b); err != nil {
			return err
		}
	}
	if batch == nil {
		last := prior[len(prior)-1]
		if err := h.onLedger(last); err != nil {
			return err
		}
		return h.settle(prior, last.End.Entry)
	}
	var err error
	if len(prior) > 0 {
		err = h.settle(prior, batch.Begin.Entry)
	} else {
		err = h.nothingLeft(batch)
	}
	if err != nil {
		return err
	}
	return h.weigh(batch)
}

// weigh judges the batch to be signed, on the records themselves.
func (h *hearing) weigh(b *heard) error {
	if err := h.notAgain(b); err != nil {
		return err
	}
	if b.Anchor.Seq < h.tally.Next {
		return h.accuse(codeRepeated, b.Begin.Entry, fmt.Sprintf("batch %d was anchored already", b.Anchor.Seq))
	}
	leaves := make([]verify.Hash, 0, b.Anchor.Count)
	err := h.entries(&b.Batch, func(number uint64, leaf verify.Hash) error {
		if want := b.Begin.Entry + uint64(len(leaves)); number != want {
			return lacking(min(number, want))
		}
		leaves = append(leaves, leaf)
		return nil
	})
	if err != nil {
		return err
	}
	if got := uint64(len(leaves)); got < b.Entries() {
		return lacking(b.Begin.Entry + got)
	}
	root, err := b.rootOf(leaves)
	if err != nil {
		return malformed(err.Error())
	}
	if root != b.Anchor.Root {
		return h.accuse(codeRoot, b.Begin.Entry, fmt.Sprintf("the root of batch %d is not that of the records held", b.Anchor.Seq))
	}
	return h.noneVoid(b, leaves)
}

func lacking(entry uint64) error {
	return refuse(http.StatusConflict, codeLacking, fmt.Sprintf("entry %d of the batch is not held here", entry), entry)
}

// entries gives fn the leaf of each entry of a batch that is held, in order, and notes its tag.
func (h *hearing) entries(b *Batch, fn func(number uint64, leaf verify.Hash) error) error {
	stop := errors.New("stop")
	for _, r := range h.ranges {
		if r.End.Entry <= b.Begin.Entry || r.Start.Entry >= b.End.Entry {
			continue
		}
		from := b.Begin
		if r.Start.Entry > from.Entry || r.Start.Compare(from) > 0 {
			from = r.Start
		}
		err := h.shelf.mirror.Scan(from, func(l journal.Located) error {
			for i := range l.Record.Entries {
				number, e := l.Record.First+uint64(i), &l.Record.Entries[i]
				if number >= b.End.Entry || l.At.Compare(r.End) >= 0 {
					return stop
				}
				if number < b.Begin.Entry {
					continue
				}
				if err := h.tag(e.Tag, place{number, l.At}); err != nil {
					return err
				}
				if err := fn(number, e.Leaf()); err != nil {
					return err
				}
			}
			return nil
		})
		if damage := (*journal.DamageError)(nil); errors.As(err, &damage) && from == b.Begin && from != r.Start {
			// As likely as damage is a cursor into the middle of a record. Scrub tells the one from the other.
			return malformed(fmt.Sprintf("no record begins at %s, or it cannot be read", from))
		}
		if err != nil && !errors.Is(err, stop) {
			return h.damaged(h.owner, b.Begin.Entry, err)
		}
	}
	return nil
}

// tag notes the tag of an entry and refuses one that stands for another entry already: it would make the walk of a chart ambiguous.
func (h *hearing) tag(tag verify.Tag, p place) error {
	known, found := h.tags[tag]
	if !found {
		var err error
		if known, found, err = h.book.place(h.owner, tag); err != nil {
			return err
		}
	}
	if found && known.number != p.number {
		return h.accuse(codeTagReuse, p.number, fmt.Sprintf("entry %d carries the tag of entry %d", p.number, known.number))
	}
	h.tags[tag] = p
	return nil
}

// accuse records an alarm and gives the refusal that goes with it.
func (h *hearing) accuse(code string, entry uint64, detail string) error {
	h.alarm(h.owner, code, entry, detail)
	return refuse(http.StatusConflict, code, detail+"; an alarm was recorded", entry)
}
