package ledger

import (
	"context"
	"slices"
	"sync"
)

// maxProven bounds the leaves of the batches that are kept, at some 150 bytes each. An export goes through the record once for each type, and batches
// hold entries of all of them.
const maxProven = 1 << 16

// proven keeps the batches of which receipts for several entries were made last, as they were read and held against their roots.
type proven struct {
	mu     sync.Mutex
	leaves int
	list   []*batch // the one used last at the end
}

// batch gives the batch of a plan, read if it is not kept.
func (k *proven) batch(ctx context.Context, a *Anchorer, p *Plan, an *Anchored) (*batch, error) {
	if b := k.take(p.Seq); b != nil {
		return b, nil
	}
	b, err := a.readBatch(ctx, p, an)
	if err != nil {
		return nil, err
	}
	k.put(b)
	return b, nil
}

func (k *proven) take(seq uint64) *batch {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := len(k.list) - 1; i >= 0; i-- {
		if b := k.list[i]; b.seq == seq {
			k.list = append(slices.Delete(k.list, i, i+1), b)
			return b
		}
	}
	return nil
}

// put keeps a batch, and lets those go that were not used for longest.
func (k *proven) put(b *batch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.leaves += len(b.leaves)
	k.list = append(k.list, b)
	drop := 0
	for k.leaves > maxProven && drop < len(k.list)-1 {
		k.leaves -= len(k.list[drop].leaves)
		drop++
	}
	k.list = slices.Delete(k.list, 0, drop)
}
