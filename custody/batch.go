package custody

import (
	"fmt"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Limits of what is asked of a custodian in one request.
const (
	maxManifest = 4 << 10 // bytes of a manifest
	maxPrior    = 256     // earlier batches told in one proposal
	// maxLeaves bounds the leaves of all earlier batches in one proposal: 8 MiB of hashes.
	maxLeaves = 1 << 18
)

// Batch is a run of an owner's entries that were, or are to be, anchored together. Begin.Entry is its first entry, End.Entry
// the number after its last.
type Batch struct {
	Anchor   verify.Anchor
	Begin    journal.Cursor
	End      journal.Cursor
	Seed     verify.Hash // of the dummies
	Manifest []byte
}

// Entries counts the batch's entries, without padding.
func (b *Batch) Entries() uint64 { return b.End.Entry - b.Begin.Entry }

// Proposal is a batch about to be anchored: its Anchor lacks custodians and signature, and its flags do not matter yet.
type Proposal struct{ Batch }

// Batches gives the owner's earlier batches, as they were anchored or submitted. Sequence numbers are dense from 0.
type Batches interface {
	// Batch gives the batch of that sequence number. It is asked only for those before a proposal's.
	Batch(seq uint64) (Batch, error)
}

// told is a Batch on its way to a custodian. Leaves, one for each entry, let a custodian that holds only a part of the
// records recompute the root; a custodian that signed this very batch needs none.
type told struct {
	Anchor   []byte         `cbor:"1,keyasint"` // verify.Anchor.Encode
	Begin    journal.Cursor `cbor:"2,keyasint"`
	End      journal.Cursor `cbor:"3,keyasint"`
	Seed     verify.Hash    `cbor:"4,keyasint"`
	Manifest []byte         `cbor:"5,keyasint"`
	Leaves   []byte         `cbor:"6,keyasint,omitempty"` // 32 bytes each
}

// proposal is what a custodian is asked to sign, or, without Batch, to take note of. Prior are earlier batches in ascending order,
// each naming the one before it, the last named by Batch or on the ledger.
type proposal struct {
	Prior []told `cbor:"1,keyasint,omitempty"`
	Batch *told  `cbor:"2,keyasint,omitempty"`
}

func tell(b *Batch, leaves []verify.Hash) told {
	t := told{Anchor: b.Anchor.Encode(), Begin: b.Begin, End: b.End, Seed: b.Seed, Manifest: b.Manifest}
	for i := range leaves {
		t.Leaves = append(t.Leaves, leaves[i][:]...)
	}
	return t
}

// heard is a told batch whose shape was checked.
type heard struct {
	Batch
	leaves []verify.Hash // none were told if empty
}

func (t *told) hear() (*heard, error) {
	anchor, err := verify.DecodeAnchor(t.Anchor)
	if err != nil {
		return nil, err
	}
	h := &heard{Batch: Batch{Anchor: *anchor, Begin: t.Begin, End: t.End, Seed: t.Seed, Manifest: t.Manifest}}
	if t.End.Entry <= t.Begin.Entry || t.End.Compare(t.Begin) <= 0 || h.Entries() >= verify.MaxBatch {
		return nil, fmt.Errorf("batch %d runs from entry %d to %d", anchor.Seq, t.Begin.Entry, t.End.Entry)
	}
	if int(anchor.Count) != verify.PaddedCount(int(h.Entries())) {
		return nil, fmt.Errorf("batch %d has %d leaves for %d entries", anchor.Seq, anchor.Count, h.Entries())
	}
	if len(t.Manifest) > maxManifest {
		return nil, fmt.Errorf("batch %d has a manifest of %d bytes", anchor.Seq, len(t.Manifest))
	}
	if len(t.Leaves) != 0 {
		if uint64(len(t.Leaves)) != 32*h.Entries() {
			return nil, fmt.Errorf("batch %d comes with %d bytes of leaves for %d entries", anchor.Seq, len(t.Leaves), h.Entries())
		}
		for p := t.Leaves; len(p) > 0; p = p[32:] {
			h.leaves = append(h.leaves, verify.Hash(p))
		}
	}
	return h, nil
}

// hear checks the shape of a whole proposal and that its batches follow one another: numbers, ranges and names.
func (p *proposal) hear() (prior []*heard, batch *heard, err error) {
	if len(p.Prior) > maxPrior || len(p.Prior) == 0 && p.Batch == nil {
		return nil, nil, fmt.Errorf("%d earlier batches, at most %d", len(p.Prior), maxPrior)
	}
	total := 0
	var last *heard
	follow := func(t *told) (*heard, error) {
		h, err := t.hear()
		if err != nil {
			return nil, err
		}
		if last != nil && (h.Anchor.Seq != last.Anchor.Seq+1 || h.Begin.Entry != last.End.Entry || h.Anchor.Prev != last.Anchor.ID()) {
			return nil, fmt.Errorf("batch %d does not continue batch %d", h.Anchor.Seq, last.Anchor.Seq)
		}
		last = h
		return h, nil
	}
	for i := range p.Prior {
		h, err := follow(&p.Prior[i])
		if err != nil {
			return nil, nil, err
		}
		if total += len(h.leaves); total > maxLeaves {
			return nil, nil, fmt.Errorf("more than %d leaves of earlier batches", maxLeaves)
		}
		prior = append(prior, h)
	}
	if p.Batch != nil {
		batch, err = follow(p.Batch)
	}
	return prior, batch, err
}

// rootOf recomputes the root of a batch from the leaves of its entries.
func (b *Batch) rootOf(leaves []verify.Hash) (verify.Hash, error) {
	all, err := verify.PadBatch(leaves, b.Seed, b.Manifest)
	if err != nil {
		return verify.Hash{}, err
	}
	return verify.BatchRoot(all), nil
}
