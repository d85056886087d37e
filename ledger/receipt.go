package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Opened is what only the holder of a chart's key can add to a receipt.
type Opened struct {
	Key      verify.Hash // commitment to the key that the entry was sealed under
	Salt     verify.Salt
	Body     []byte                  // verify.Entry.Encode
	Contents map[uint32]verify.Forms // see verify.Receipt; nil when the holder shall not check contents
	// Epoch is the last one that the receipt's reader knows already; later ones are added to the receipt. 0: the genesis.
	Epoch uint64
}

// Receipt proves one entry to whoever trusts the genesis. The entry must be anchored, see Wait; for one that is not the error
// wraps ErrNotFound. While the block is kept whole, the receipt shows it; when stored checkpoints cover the anchor, it shows as
// many of them as it takes to rest on everybody who signed one. Errors: ErrPruned when there is neither, *Damage, *journal.DamageError, those of the engine.
func (a *Anchorer) Receipt(ctx context.Context, entry uint64, o Opened) (*verify.Receipt, error) {
	p, an, err := a.locate(ctx, entry)
	if err != nil {
		return nil, err
	}
	b, err := a.readBatch(ctx, p, an)
	if err != nil {
		return nil, err
	}
	r := &verify.Receipt{Format: verify.ReceiptFormat, Chain: a.opt.Chain, Contents: o.Contents, Anchor: an.Bytes}
	index := uint32(entry - p.Begin.Entry)
	if r.Entry, err = b.open(index, &o); err != nil {
		return nil, fmt.Errorf("ledger: entry %d: %w", entry, err)
	}
	r.Batch = verify.BatchProof{Index: index, Path: b.tree.Path(int(index))}
	r.Epochs, err = a.anchorProof(ctx, r, an, o.Epoch)
	return r, err
}

// Numbered is an opened entry with its journal number.
type Numbered struct {
	Entry uint64
	Opened
}

// Receipts proves entries, in ascending order, by one receipt for each batch that they are in, and calls fn with each. Their Epoch is
// that of the first. The errors are those of Receipt and of fn.
func (a *Anchorer) Receipts(ctx context.Context, entries []Numbered, fn func(*verify.BatchReceipt) error) error {
	for len(entries) > 0 {
		p, an, err := a.locate(ctx, entries[0].Entry)
		if err != nil {
			return err
		}
		n := 1
		for n < len(entries) && entries[n].Entry < p.End.Entry {
			n++
		}
		r, err := a.receiptOf(ctx, p, an, entries[:n])
		if err != nil {
			return err
		}
		if err := fn(r); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

// receiptOf proves entries of one batch.
func (a *Anchorer) receiptOf(ctx context.Context, p *Plan, an *Anchored, entries []Numbered) (*verify.BatchReceipt, error) {
	b, err := a.proven.batch(ctx, a, p, an)
	if err != nil {
		return nil, err
	}
	r := &verify.BatchReceipt{Format: verify.BatchReceiptFormat, Chain: a.opt.Chain, Anchor: an.Bytes}
	indices := make([]uint32, 0, len(entries))
	for i := range entries {
		e := verify.BatchEntry{Index: uint32(entries[i].Entry - p.Begin.Entry), Contents: entries[i].Contents}
		if e.Entry, err = b.open(e.Index, &entries[i].Opened); err != nil {
			return nil, fmt.Errorf("ledger: entry %d: %w", entries[i].Entry, err)
		}
		r.Entries, indices = append(r.Entries, e), append(indices, e.Index)
	}
	if r.Beside, err = b.tree.Beside(indices); err != nil {
		return nil, err
	}
	var shared verify.Receipt
	if r.Epochs, err = a.anchorProof(ctx, &shared, an, entries[0].Epoch); err != nil {
		return nil, err
	}
	r.Block, r.Log, r.Further = shared.Block, shared.Log, shared.Further
	return r, nil
}

// anchorProof adds to a receipt what shows that its anchor is on the chain, and gives the epochs that its reader needs for that.
func (a *Anchorer) anchorProof(ctx context.Context, r *verify.Receipt, an *Anchored, known uint64) ([]verify.Epoch, error) {
	missing := a.blockProof(ctx, r, an)
	if damage := (*Damage)(nil); missing != nil && !errors.Is(missing, ErrPruned) && !errors.As(missing, &damage) {
		return nil, missing
	}
	height, epoch, err := a.logProof(ctx, r, an)
	if err != nil {
		return nil, err
	}
	if r.Block == nil && r.Log == nil {
		return nil, fmt.Errorf("ledger: the block of anchor %d is no longer kept, or damaged, and no checkpoint covers it yet: %w", an.Index, missing)
	}
	return a.epochs(ctx, known, max(height, an.Height), epoch)
}

// batch is an anchored batch as the journal has it.
type batch struct {
	seq       uint64
	tags      []verify.Tag
	envelopes []verify.Hash // SHA-256 of each entry's sealed form
	leaves    []verify.Hash
	tree      *verify.BatchTree
}

// readBatch reads a batch from the journal and holds it against the root that was anchored.
func (a *Anchorer) readBatch(ctx context.Context, p *Plan, an *Anchored) (*batch, error) {
	n := p.Entries()
	b := &batch{seq: p.Seq, tags: make([]verify.Tag, 0, n), envelopes: make([]verify.Hash, 0, n), leaves: make([]verify.Hash, 0, verify.PaddedCount(int(n)))}
	err := records(ctx, a.opt.Journal, p.Begin, p.End, func(l *journal.Located) error {
		for i := range l.Record.Entries {
			e := &l.Record.Entries[i]
			envelope := verify.Hash(sha256.Sum256(e.Envelope))
			b.tags, b.envelopes = append(b.tags, e.Tag), append(b.envelopes, envelope)
			b.leaves = append(b.leaves, verify.Leaf(e.Tag, envelope, e.Bind))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if uint64(len(b.leaves)) != n {
		return nil, &Damage{What: fmt.Sprintf("batch %d", p.Seq), Detail: "the journal has other entries there than were anchored"}
	}
	padded, err := verify.PadBatch(b.leaves, p.Seed(), p.Manifest())
	if err != nil {
		return nil, err
	}
	if b.tree, err = verify.NewBatchTree(padded); err != nil {
		return nil, err
	}
	anchor, err := verify.DecodeAnchor(an.Bytes)
	if err != nil {
		return nil, err
	}
	if b.tree.Root() != anchor.Root {
		return nil, &Damage{What: fmt.Sprintf("batch %d", p.Seq), Detail: "its entries in the journal do not give the root that was anchored"}
	}
	return b, nil
}

// open is the entry at an index with what its owner knows of it.
func (b *batch) open(index uint32, o *Opened) (e verify.OpenedEntry, err error) {
	e = verify.OpenedEntry{Tag: b.tags[index], Envelope: b.envelopes[index], Key: o.Key, Salt: o.Salt, Body: o.Body}
	if e.Leaf() != b.leaves[index] {
		return e, errors.New("what is shown is not what was anchored")
	}
	return e, nil
}

// records calls fn with the records that hold the entries in [begin, end). One place can be written in two ways (the end of a sealed
// segment is the beginning of the next, and of the journal it is the zero cursor): that no entry lies between is what counts, or
// Follow would wait for one.
func records(ctx context.Context, j Journal, begin, end journal.Cursor, fn func(*journal.Located) error) error {
	if begin.Entry >= end.Entry {
		return nil
	}
	err := j.Follow(ctx, begin, func(batch []journal.Located) error {
		for i := range batch {
			if batch[i].Record.First >= end.Entry && len(batch[i].Record.Entries) > 0 {
				return errEnough
			}
			if err := fn(&batch[i]); err != nil {
				return err
			}
			if batch[i].Next.Entry >= end.Entry {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// blockProof adds the block, if it is kept.
func (a *Anchorer) blockProof(ctx context.Context, r *verify.Receipt, an *Anchored) error {
	b, err := a.opt.Engine.Proof(ctx, an.Height)
	if err != nil {
		return err
	}
	if int(an.Tx) >= len(b.Txs) || b.Txs[an.Tx] != an.ID {
		return fmt.Errorf("ledger: block %d does not hold the anchor that the chain's index says it holds", an.Height)
	}
	r.Block = &verify.BlockProof{
		Index: an.Tx, Total: uint32(len(b.Txs)), Path: pathOf(b.Txs, int(an.Tx)), Header: b.Header, Commit: b.Commit,
	}
	return nil
}

// logProof adds stored checkpoints that cover the anchor, if there are any, so that the receipt rests on everybody who signed one. It
// gives the height and the epoch up to which a reader must follow the members.
func (a *Anchorer) logProof(ctx context.Context, r *verify.Receipt, an *Anchored) (height int64, epoch uint64, err error) {
	if a.opt.Checkpoints == nil {
		return 0, 0, nil
	}
	heads, err := a.opt.Checkpoints.covering(an.Index)
	if err != nil {
		return 0, 0, err
	}
	for _, h := range heads {
		path, err := a.opt.Engine.LogProof(ctx, an.Index, h.checkpoint.Size)
		if errors.Is(err, ErrNotFound) {
			continue // the chain was brought back from elsewhere and has not come that far again
		}
		if err != nil {
			return 0, 0, err
		}
		p := verify.LogProof{Index: an.Index, Path: path, Checkpoint: h.note.Encode()}
		if r.Log == nil {
			r.Log = &p
		} else {
			r.Further = append(r.Further, p)
		}
		height, epoch = max(height, h.checkpoint.Height), max(epoch, h.checkpoint.Epoch)
	}
	return height, epoch, nil
}

// epochs gives the beginnings of the epochs after `known` that a reader needs for blocks up to a height and for checkpoints up
// to an epoch.
// A beginning that no quorum has signed yet ends the list: what comes after would not be believed anyway.
func (a *Anchorer) epochs(ctx context.Context, known uint64, height int64, epoch uint64) ([]verify.Epoch, error) {
	list, err := a.periods.list(ctx)
	if err != nil {
		return nil, err
	}
	var out []verify.Epoch
	for i := range list {
		p := &list[i]
		if p.Number == 0 || p.Number <= known || height <= p.Start && p.Number > epoch {
			continue
		}
		if a.opt.Checkpoints == nil {
			break
		}
		note, err := a.opt.Checkpoints.Epoch(p.Number)
		if err != nil {
			return nil, err
		}
		if note == nil {
			break
		}
		out = append(out, verify.Epoch{Checkpoint: note.Encode(), Members: p.Members})
	}
	return out, nil
}

// pathOf gives the RFC 6962 audit path (section 2.1.1) of value i in the tree over values, the deepest hash first.
func pathOf(values []verify.Hash, i int) []verify.Hash {
	if len(values) <= 1 {
		return nil
	}
	split := 1 << (bits.Len(uint(len(values)-1)) - 1) // the largest power of two below their number
	if i < split {
		return append(pathOf(values[:split], i), verify.BatchRoot(values[split:]))
	}
	return append(pathOf(values[split:], i-split), verify.BatchRoot(values[:split]))
}
