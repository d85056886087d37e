package vault

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Mend takes from pages that custodians hold whatever is newer than what is here, and makes it durable. It is for a store that lacks what was
// acknowledged, see Options.Behind, or that is found to: custodians had the pages before anything was acknowledged that rests on them.
// No escrow key is needed: pages count only if they open under the top secret that is here, which nobody else has. Pages that are
// none, or older, stand in nobody's way. It tells how many pages are newer now. Errors: ErrEscrow when pages that were acknowledged are
// still missing; nothing was changed then.
func (v *Vault) Mend(pages []SealedPage) (newer int, err error) {
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return 0, ErrClosed
	}
	if v.failed != nil && v.store.behind == nil {
		return 0, v.writable()
	}
	g := gathering{from: v, byID: make(map[pageID][]SealedPage)}
	for _, p := range pages {
		if edition, ok := editionOf(&p); ok && !p.Top() {
			p.Edition = edition
			id := pageID{p.Level, uint32(p.Number)}
			g.byID[id] = append(g.byID[id], p)
		}
	}
	w := newVault(v.root, Options{disk: v.disk})
	w.id, w.epoch, w.tree.top, w.store = v.id, v.epoch, v.tree.top, v.store
	w.setTopEdition(v.topEdition)
	if secrets, err := w.walk(g.open); err != nil || !secrets {
		return 0, errors.Join(ErrEscrow, err)
	}
	w.order.loaded()
	if w.edition < v.store.acked.edition {
		return 0, fmt.Errorf("%w: the newest page is of edition %d, up to %d were acknowledged", ErrEscrow, w.edition, v.store.acked.edition)
	}
	if len(g.newer) == 0 && v.store.behind == nil {
		return 0, nil
	}
	for _, f := range g.newer {
		v.store.waiting[f.id] = f.bytes
	}
	if err := v.store.settle(w.edition); err != nil {
		v.fail(err)
		return 0, errors.Join(ErrReadOnly, err)
	}
	clear(v.store.window[:])
	v.mu.Lock()
	defer v.mu.Unlock()
	v.store.behind = nil
	v.order = w.order
	v.table, v.tree, v.secrets, v.secretsEdition = w.table, w.tree, w.secrets, w.secretsEdition
	v.edition, v.failed = max(v.edition, w.edition), nil
	return len(g.newer), nil
}

// gathering finds of each page the newest edition that opens, here or among those that are held elsewhere.
type gathering struct {
	from  *Vault
	byID  map[pageID][]SealedPage
	newer []sealedFrame // those that are not here
}

func (g *gathering) open(id pageID, key *[32]byte) (pageHead, *[bodySize]byte, error) {
	v := g.from
	var head pageHead
	var body *[bodySize]byte
	own, err := v.store.read(id)
	if err == nil {
		if head, body, err = openPage(key, &v.id, id, own); err != nil {
			err = ErrDamagedPage{Path: v.store.where(id), Offset: id.offset(), Why: err.Error()}
		}
	}
	others := g.byID[id]
	slices.SortStableFunc(others, func(a, b SealedPage) int { return cmp.Compare(b.Edition, a.Edition) })
	for _, p := range others {
		if err == nil && p.Edition <= head.edition {
			break
		}
		if h, b, e := openPage(key, &v.id, id, p.Bytes); e == nil {
			g.newer = append(g.newer, sealedFrame{h, p.Bytes})
			return h, b, nil
		}
	}
	return head, body, err
}
