package vault

import (
	"cmp"
	"slices"
	"sort"
)

// order lists the pages by edition, so that what changed since one is found without a look at all others. What a page was before stays
// in the list until that is most of it. The vault's mu guards it.
type order struct {
	list  []placed // ascending by edition, but while the store is loaded
	pages int      // different ones
}

type placed struct {
	id      pageID
	edition uint64
}

// spareOrder bounds the old editions in the list, beside as many as there are pages.
const spareOrder = 64

// noteEdition is to be called before a page takes another edition. The caller holds write and mu, or is opening the store.
func (v *Vault) noteEdition(id pageID, edition uint64) {
	o := &v.order
	if v.editionNow(id) == 0 {
		o.pages++
	}
	if len(o.list) > 2*o.pages+spareOrder {
		o.list = slices.DeleteFunc(o.list, func(p placed) bool { return p.edition != v.editionNow(p.id) })
	}
	o.list = append(o.list, placed{id, edition})
}

// loaded puts the list in order once all pages are known.
func (o *order) loaded() {
	slices.SortFunc(o.list, func(a, b placed) int { return cmp.Compare(a.edition, b.edition) })
}

// editionNow gives the edition of a page, 0 where there is no such page.
func (v *Vault) editionNow(id pageID) uint64 {
	switch {
	case id.level == topLevel:
		return v.topEdition
	case id == secretsPage:
		return v.secretsEdition
	case id.level == 0:
		if id.number < uint32(len(v.table.leaves)) && v.table.leaves[id.number] != nil {
			return v.table.leaves[id.number].edition
		}
	default:
		if n := v.tree.nodes[id]; n != nil {
			return n.edition
		}
	}
	return 0
}

// changed lists the pages with an edition above since, in order of edition and at most so many. The caller holds write or mu.
func (v *Vault) changed(since uint64, most int) (heads []pageHead) {
	list := v.order.list
	for i := sort.Search(len(list), func(i int) bool { return list[i].edition > since }); i < len(list) && len(heads) < most; i++ {
		if p := list[i]; v.editionNow(p.id) == p.edition {
			heads = append(heads, pageHead{p.id, p.edition, v.epoch})
		}
	}
	return heads
}
