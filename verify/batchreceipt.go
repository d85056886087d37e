package verify

import (
	"bytes"
	"errors"
	"fmt"
)

// BatchReceiptFormat is the first field of every receipt of several entries.
const BatchReceiptFormat = "sijil-batch-receipt/1"

// BatchReceipt proves several entries of one batch at once: what a Receipt says of each of them, with the anchor, the block and the checkpoints
// once. It has the compact form alone, CBOR; a file of several is a CBOR sequence (RFC 8742).
type BatchReceipt struct {
	Format  string       `cbor:"1,keyasint"` // BatchReceiptFormat
	Chain   string       `cbor:"2,keyasint"`
	Entries []BatchEntry `cbor:"3,keyasint"`           // by ascending index, at least one
	Beside  []Hash       `cbor:"4,keyasint,omitempty"` // what the tree has beside them, see BatchTree.Beside
	Anchor  []byte       `cbor:"6,keyasint"`           // this and the rest as in Receipt
	Block   *BlockProof  `cbor:"7,keyasint,omitempty"`
	Log     *LogProof    `cbor:"8,keyasint,omitempty"`
	Epochs  []Epoch      `cbor:"9,keyasint,omitempty"`
	Further []LogProof   `cbor:"10,keyasint,omitempty"`
}

// BatchEntry is one entry of a BatchReceipt.
type BatchEntry struct {
	Index    uint32           `cbor:"1,keyasint"` // in its batch
	Entry    OpenedEntry      `cbor:"2,keyasint"`
	Contents map[uint32]Forms `cbor:"3,keyasint,omitempty"`
	// Breaks says where the content had line ends, if it is given on one line; see OneLine. Nothing is proved by it: what it leads to is.
	Breaks []byte `cbor:"4,keyasint,omitempty"`
}

// receipt is the Receipt of entry i, without its path.
func (b *BatchReceipt) receipt(i int) Receipt {
	e := &b.Entries[i]
	return Receipt{Format: ReceiptFormat, Chain: b.Chain, Entry: e.Entry, Contents: e.Contents, Batch: BatchProof{Index: e.Index},
		Anchor: b.Anchor, Block: b.Block, Log: b.Log, Epochs: b.Epochs, Further: b.Further}
}

func (b *BatchReceipt) check() error {
	switch {
	case b.Format != BatchReceiptFormat:
		return fmt.Errorf("receipt: format %q, this program reads %q", b.Format, BatchReceiptFormat)
	case len(b.Entries) == 0 || len(b.Entries) > MaxBatch:
		return fmt.Errorf("receipt: %d entries", len(b.Entries))
	case len(b.Beside) > maxPath*len(b.Entries):
		return errors.New("receipt: more hashes than lead from its entries to a root")
	}
	for i := range b.Entries {
		r := b.receipt(i)
		if err := r.check(); err != nil {
			return err
		}
	}
	return nil
}

// Encode gives the deterministic CBOR.
func (b *BatchReceipt) Encode() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	return entryEnc.Marshal(b)
}

// DecodeBatchReceipt reads the first item of a CBOR sequence and refuses any but the one deterministic encoding. Nothing is verified yet.
func DecodeBatchReceipt(sequence []byte) (b *BatchReceipt, rest []byte, err error) {
	b = new(BatchReceipt)
	if rest, err = receiptDec.UnmarshalFirst(sequence, b); err != nil {
		return nil, nil, fmt.Errorf("receipt: %w", err)
	}
	item := sequence[:len(sequence)-len(rest)]
	if len(item) > MaxReceipt {
		return nil, nil, fmt.Errorf("receipt: %d bytes, at most %d", len(item), MaxReceipt)
	}
	if err := b.check(); err != nil {
		return nil, nil, err
	}
	again, err := entryEnc.Marshal(b)
	if err != nil {
		return nil, nil, fmt.Errorf("receipt: %w", err)
	}
	if !bytes.Equal(again, item) {
		return nil, nil, errors.New("receipt: not in deterministic encoding")
	}
	return b, rest, nil
}

// VerifyBatch checks a receipt of several entries against the trust file, and calls fn with what it proves of each, in their order, once
// everything that they share is checked. holds tells whether a content, as received or as served, is that of a target of the entry. The error is a
// *StepError, that of fn, or wraps ErrNotWitnessed when all holds and rests on fewer keys than the policy asks.
func (v *Verifier) VerifyBatch(b *BatchReceipt, opt Options, fn func(r *Result, holds func(content []byte) bool) error) error {
	if err := b.check(); err != nil {
		return &StepError{StepReceipt, err}
	}
	first := b.receipt(0)
	w := &walk{v: v, r: &first, opt: Options{Keys: opt.Keys}, periods: v.periods}
	entries := make([]*Entry, len(b.Entries))
	for _, s := range steps {
		var err error
		switch s.step {
		case StepLeaf:
			for i := range b.Entries {
				if entries[i], err = DecodeEntry(b.Entries[i].Entry.Body); err != nil {
					break
				}
			}
			w.entry = entries[0]
		case StepBatch:
			err = w.checkBatchOf(b)
		case StepContent:
		default:
			err = s.check(w)
		}
		if err != nil {
			return &StepError{s.step, err}
		}
	}
	unwitnessed := error(nil)
	for i := range entries {
		one := *w
		r := b.receipt(i)
		one.r, one.entry = &r, entries[i]
		if one.entry.Org != w.anchor.Org {
			return &StepError{StepOwner, fmt.Errorf("entry %d is of another organisation than its anchor", i)}
		}
		if err := one.checkContent(); err != nil {
			return &StepError{StepContent, err}
		}
		res, err := one.result()
		if err != nil {
			unwitnessed = err
		}
		if err := fn(res, one.holds); err != nil {
			return err
		}
	}
	return unwitnessed
}

func (w *walk) checkBatchOf(b *BatchReceipt) error {
	indices, leaves := make([]uint32, len(b.Entries)), make([]Hash, len(b.Entries))
	for i := range b.Entries {
		indices[i], leaves[i] = b.Entries[i].Index, b.Entries[i].Entry.Leaf()
	}
	return VerifyBatchLeaves(w.anchor.Root, w.anchor.Count, indices, leaves, b.Beside)
}

func (w *walk) holds(content []byte) bool {
	w.opt.Content = content
	return content != nil && w.checkContent() == nil
}
