package verify

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// The second half of the steps: the block, the log, the content.

func (w *walk) checkData() error {
	b := w.r.Block
	if b == nil {
		return nil
	}
	return VerifyDataPath(b.Header.Data, w.r.Anchor, b.Index, b.Total, b.Path)
}

func (w *walk) checkHeader() error {
	b := w.r.Block
	switch {
	case b == nil:
		return nil
	case b.Header.Height <= 0 || b.Commit.Height != b.Header.Height:
		return fmt.Errorf("height %d of the header does not go with height %d of the commit", b.Header.Height, b.Commit.Height)
	case b.Header.Hash() != b.Commit.Block.Hash:
		return errors.New("it is not the header that the commit is for")
	}
	return nil
}

func (w *walk) checkValidators() error {
	if b := w.r.Block; b != nil && b.Header.Validators != w.period.start.Validators {
		return fmt.Errorf("the header of height %d does not name the validators of epoch %d", b.Header.Height, w.period.start.Epoch)
	}
	return nil
}

func (w *walk) checkCommit() error {
	b := w.r.Block
	if b == nil {
		return nil
	}
	p := w.period
	signed, err := p.validators.verifyCommit(p.voting, w.v.chain, &b.Header, &b.Commit)
	if err != nil {
		return err
	}
	w.time = p.validators.MedianTime(&b.Commit)
	for _, i := range signed {
		place := p.owners[i]
		w.count(signer{party: p.party(place), known: w.v.knows(p, &p.members[place], true)}, p)
	}
	return nil
}

// count adds somebody to those the receipt rests on; p is the period whose member it is.
func (w *walk) count(s signer, p *period) {
	if s.known {
		w.rests.addKnown(s.party)
	} else {
		w.rests.addHearsay(s.party, p.vouched)
	}
}

// shownHead is a checkpoint of the receipt, with those whose signatures on its tree were verified.
type shownHead struct {
	checkpoint *Checkpoint
	signers    []signer
}

// checkCheckpoint verifies the signatures on the receipt's checkpoints, and that they contradict neither one another nor any that is known.
func (w *walk) checkCheckpoint() error {
	for _, l := range w.r.logs() {
		note, c, err := openCheckpoint(l.Checkpoint)
		if err != nil {
			return err
		}
		signers, err := w.v.signers(w.periods, note, c)
		if err != nil {
			return err
		}
		if err := w.v.compare(c); err != nil {
			return err
		}
		for _, p := range w.periods[len(w.v.periods):] {
			if err := CheckHeads(&p.start, c); err != nil {
				return err
			}
		}
		for i := range w.heads {
			if err := CheckHeads(w.heads[i].checkpoint, c); err != nil {
				return err
			}
		}
		w.heads = append(w.heads, shownHead{c, signers})
	}
	return nil
}

// checkLog proves that the anchor is in the log at each checkpoint, and that its place there agrees with its block. Each signer
// counts: it vouched for a tree that has the anchor at this index.
func (w *walk) checkLog() error {
	if w.r.Log == nil {
		return nil
	}
	for i, l := range w.r.logs() {
		c := w.heads[i].checkpoint
		if err := checkInclusion(w.idBytes(), l.Index, c.Size, l.Path, c.Root); err != nil {
			return err
		}
		if err := w.checkPlace(c); err != nil {
			return err
		}
	}
	for _, p := range w.periods[1:] {
		if err := w.checkPlace(&p.start); err != nil {
			return err
		}
	}
	for i := range w.v.pinned {
		if err := w.checkPlace(&w.v.pinned[i].checkpoint); err != nil {
			return err
		}
	}
	for i := range w.heads {
		w.countHead(&w.heads[i])
	}
	return nil
}

// countHead adds those who signed a checkpoint, or a known one of the same tree, to those the receipt rests on.
func (w *walk) countHead(h *shownHead) {
	for i := range w.v.pinned {
		if p := &w.v.pinned[i]; p.checkpoint.Size == h.checkpoint.Size { // CheckHeads: then the root is the same
			h.signers = append(h.signers, p.signers...)
		}
	}
	for _, s := range h.signers {
		w.count(s, w.periods[h.checkpoint.Epoch])
	}
}

func (w *walk) idBytes() []byte {
	id := sum256(w.r.Anchor)
	return id[:]
}

// checkPlace compares the anchor's block with a checkpoint: the tree at height h holds the anchors up to block h exactly.
func (w *walk) checkPlace(c *Checkpoint) error {
	b := w.r.Block
	if b == nil || (w.r.Log.Index < c.Size) == (b.Header.Height <= c.Height) {
		return nil
	}
	return fmt.Errorf("%w: anchor %d of the log is in block %d, but the tree of size %d ends with block %d",
		ErrFork, w.r.Log.Index, b.Header.Height, c.Size, c.Height)
}

// checkContent finds the target that the given bytes are of.
func (w *walk) checkContent() error {
	for i, forms := range w.r.Contents {
		if uint64(i) >= uint64(len(w.entry.Targets)) {
			return fmt.Errorf("a content for target %d of %d", i, len(w.entry.Targets))
		}
		if forms.Commit() != w.entry.Targets[i].Content {
			return fmt.Errorf("the content shown for target %d is not the one that the entry commits to", i)
		}
	}
	if w.opt.Content == nil {
		return nil
	}
	if len(w.r.Contents) == 0 {
		return errors.New("the receipt holds no salt to check a resource with; ask its owner for a receipt with content")
	}
	for _, i := range slices.Sorted(maps.Keys(w.r.Contents)) {
		target, forms := &w.entry.Targets[i], w.r.Contents[i]
		c := Commit((*[32]byte)(&forms.Salt), w.opt.Content)
		if c != forms.Source && c != forms.Served {
			continue
		}
		w.content = &Content{Target: int(i), Ref: target.Ref, Version: target.Version, Form: "served", SHA256: sum256(w.opt.Content)}
		if c == forms.Source {
			w.content.Form = "source"
		}
		return nil
	}
	return errors.New("the resource is not what the entry was made for, neither as received nor as served")
}
