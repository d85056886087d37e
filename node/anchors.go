package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// anchors shows the record what it needs of the ledger.
type anchors struct{ *ledger.Anchorer }

var _ record.Anchors = anchors{}

// Wait returns once the entry is in a committed block.
func (a anchors) Wait(ctx context.Context, entry uint64) error {
	_, err := a.Anchorer.Wait(ctx, entry)
	return err
}

// Receipt waits for the entry's block and gives its proof.
func (a anchors) Receipt(ctx context.Context, number uint64, entry *verify.OpenedEntry, contents map[uint32]verify.Forms) (*verify.Receipt, error) {
	if _, err := a.Anchorer.Wait(ctx, number); err != nil {
		return nil, err
	}
	r, err := a.Anchorer.Receipt(ctx, number, ledger.Opened{Key: entry.Key, Salt: entry.Salt, Body: entry.Body, Contents: contents})
	if damage := (*ledger.Damage)(nil); errors.As(err, &damage) {
		err = fmt.Errorf("%w: %w", record.ErrDamaged, err)
	}
	return r, err
}

// Receipts waits for the blocks of all entries and gives their proofs, one for each batch.
func (a anchors) Receipts(ctx context.Context, entries []record.Numbered, fn func(*verify.BatchReceipt) error) error {
	if len(entries) == 0 {
		return nil
	}
	if _, err := a.Anchorer.Wait(ctx, entries[len(entries)-1].Number); err != nil {
		return err
	}
	list := make([]ledger.Numbered, len(entries))
	for i := range entries {
		e := &entries[i]
		list[i] = ledger.Numbered{Entry: e.Number, Opened: ledger.Opened{Key: e.Entry.Key, Salt: e.Entry.Salt, Body: e.Entry.Body, Contents: e.Contents}}
	}
	err := a.Anchorer.Receipts(ctx, list, fn)
	if damage := (*ledger.Damage)(nil); errors.As(err, &damage) {
		err = fmt.Errorf("%w: %w", record.ErrDamaged, err)
	}
	return err
}

// Block tells which block the entry is in; 0 while it is in none, or while the engine cannot tell.
func (a anchors) Block(ctx context.Context, entry uint64) (int64, error) {
	if entry >= a.Anchored() {
		return 0, nil
	}
	place, err := a.Find(ctx, entry)
	if errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrDown) {
		return 0, nil
	}
	return place.Height, err
}
