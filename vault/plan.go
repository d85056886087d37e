package vault

import (
	"cmp"
	"maps"
	"slices"
)

// node is a page above the leaves, in memory.
type node struct {
	keys    [fanOut][32]byte // of its children; zero for a child that does not exist
	edition uint64
}

// tree holds the keys of all pages. The vault's mu guards it.
type tree struct {
	top   [32]byte // the top secret: the key of the root page
	nodes map[pageID]*node
}

var noKey [32]byte

var rootPage = pageID{level: rootLevel}

// key gives the key of a page, or false for a page that does not exist.
func (t *tree) key(p pageID) (k [32]byte, ok bool) {
	if p == rootPage {
		return t.top, t.top != noKey
	}
	if n := t.nodes[p.parent()]; n != nil {
		k = n.keys[p.index()]
	}
	return k, k != noKey
}

// plan is one change of the key store, made beside the current state so that nothing of it shows before it is durable.
// The holder of the vault's write lock makes it.
type plan struct {
	vault   *Vault
	tree    tree // changed pages only; top is the new or the current one
	slots   map[uint64]slotContent
	secrets map[string][]byte // all of them, when they change
	dirty   map[pageID]bool   // to be sealed anew; true when under a new key
	erases  bool              // the path to the top gets new keys
	forgets string            // chart to take out of the table
}

func (v *Vault) plan() *plan {
	return &plan{
		vault: v,
		tree:  tree{top: v.tree.top, nodes: make(map[pageID]*node)},
		slots: make(map[uint64]slotContent),
		dirty: make(map[pageID]bool),
	}
}

// key gives a page's key as it will be.
func (p *plan) key(id pageID) ([32]byte, bool) {
	if id == rootPage || p.tree.nodes[id.parent()] != nil {
		return p.tree.key(id)
	}
	return p.vault.tree.key(id)
}

// touch marks a page as changed. A page that does not exist yet gets a key, which changes its parent.
func (p *plan) touch(id pageID) {
	if _, done := p.dirty[id]; done {
		return
	}
	p.dirty[id] = false
	if _, ok := p.key(id); !ok {
		p.setKey(id, newKey())
	}
}

// rekey marks a page as changed and gives it and all pages above it new keys, the top secret included: what older
// versions of these pages hold opens with nothing any more, once the old top secret is gone.
func (p *plan) rekey(id pageID) {
	p.erases = true
	for ; ; id = id.parent() {
		if p.dirty[id] {
			return
		}
		p.dirty[id] = true
		p.setKey(id, newKey())
		if id == rootPage {
			return
		}
	}
}

func (p *plan) setKey(id pageID, key [32]byte) {
	if id == rootPage {
		p.tree.top = key
		return
	}
	parent := id.parent()
	n := p.tree.nodes[parent]
	if n == nil {
		n = new(node)
		if old := p.vault.tree.nodes[parent]; old != nil {
			*n = *old
		}
		p.tree.nodes[parent] = n
	}
	n.keys[id.index()] = key
	p.touch(parent)
}

// pages seals every changed page, in order of level and number, with editions that follow the vault's.
func (p *plan) pages(epoch uint64) []sealedFrame {
	ids := slices.SortedFunc(maps.Keys(p.dirty), func(a, b pageID) int {
		return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.number, b.number))
	})
	frames := make([]sealedFrame, len(ids))
	for i, id := range ids {
		key, _ := p.key(id)
		h := pageHead{id: id, edition: p.vault.edition + uint64(i) + 1, epoch: epoch}
		frames[i] = sealedFrame{h, sealPage(&key, &p.vault.id, h, p.body(id))}
	}
	return frames
}

// body gives a page's content as it will be.
func (p *plan) body(id pageID) *[bodySize]byte {
	body := new([bodySize]byte)
	switch {
	case id == secretsPage:
		secrets := p.secrets
		if secrets == nil {
			secrets = p.vault.secrets
		}
		putSecrets(body, slices.Sorted(maps.Keys(secrets)), secrets)
	case id.level == 0:
		for i := range slotsPerLeaf {
			slot := uint64(id.number)*slotsPerLeaf + uint64(i)
			s, changed := p.slots[slot]
			if !changed {
				s = p.vault.table.content(slot)
			}
			s.put(body, i)
		}
	default:
		n := p.tree.nodes[id]
		if n == nil {
			n = p.vault.tree.nodes[id]
		}
		if n == nil {
			break // a root page born without children
		}
		for i := range n.keys {
			copy(body[i*32:], n.keys[i][:])
		}
	}
	return body
}

// publish makes the change visible. The caller holds write and mu.
func (p *plan) publish(frames []sealedFrame, epoch uint64) {
	v := p.vault
	v.tree.top, v.epoch = p.tree.top, epoch
	maps.Copy(v.tree.nodes, p.tree.nodes)
	if p.secrets != nil {
		v.secrets = p.secrets
	}
	if p.forgets != "" {
		v.table.forget(p.forgets)
	}
	for _, slot := range slices.Sorted(maps.Keys(p.slots)) {
		v.table.put(slot, p.slots[slot])
	}
	for _, f := range frames {
		v.setEdition(f.pageHead)
	}
}

// setTopEdition records that another top secret was written. The caller holds mu.
func (v *Vault) setTopEdition(edition uint64) {
	v.noteEdition(pageID{level: topLevel}, edition)
	v.topEdition, v.edition = edition, max(v.edition, edition)
}

// setEdition records which edition of a page is the current one. The caller holds mu.
func (v *Vault) setEdition(h pageHead) {
	v.noteEdition(h.id, h.edition)
	v.edition = max(v.edition, h.edition)
	switch {
	case h.id == secretsPage:
		v.secretsEdition = h.edition
	case h.id.level == 0:
		v.table.leaf(h.id.number).edition = h.edition
	default:
		if v.tree.nodes[h.id] == nil {
			v.tree.nodes[h.id] = new(node)
		}
		v.tree.nodes[h.id].edition = h.edition
	}
}
