package vault

import (
	"crypto/aes"
	"errors"
)

// maxReported bounds the damaged pages that one error names.
const maxReported = 16

// load reads the whole tree from the top secret down. Everything that a parent has a key for must be there and open.
func (v *Vault) load() error {
	found, err := v.walk(func(id pageID, key *[32]byte) (pageHead, *[bodySize]byte, error) {
		b, err := v.store.read(id)
		if err != nil {
			return pageHead{}, nil, err
		}
		h, body, err := openPage(key, &v.id, id, b)
		if err != nil {
			return h, nil, ErrDamagedPage{Path: v.store.where(id), Offset: id.offset(), Why: err.Error()}
		}
		return h, body, nil
	})
	if err != nil {
		return err
	}
	clear(v.store.window[:]) // only needed here
	if !found {
		return ErrDamagedPage{Path: v.store.where(secretsPage), Why: "the page of secrets is missing"}
	}
	slot, ok := v.table.lookup("", Guide)
	if !ok {
		return ErrDamagedPage{Path: v.store.where(leafOf(slotsPerLeaf)), Why: "the key for guides is missing"}
	}
	r, _ := v.table.at(slot)
	v.guide, err = aes.NewCipher(expand(r.cek[:], "sijil/guide/1", 32))
	return err
}

// walk visits the tree from its root, level by level, and takes what open gives into memory. It goes on after a damaged
// page, to name them all, and tells whether the page of secrets was there.
func (v *Vault) walk(open func(pageID, *[32]byte) (pageHead, *[bodySize]byte, error)) (secrets bool, err error) {
	var errs []error
	next := []pageID{rootPage}
	for len(next) > 0 && len(errs) < maxReported {
		this := next
		next = nil
		for _, id := range this {
			key, _ := v.tree.key(id)
			h, body, err := open(id, &key)
			if err == nil {
				next, err = v.take(h, body, next)
			}
			if err != nil {
				if errs = append(errs, err); len(errs) == maxReported {
					break
				}
			}
			secrets = secrets || id == secretsPage
		}
	}
	return secrets, errors.Join(errs...)
}

// take puts an opened page into memory and adds its children to next.
func (v *Vault) take(h pageHead, body *[bodySize]byte, next []pageID) ([]pageID, error) {
	var err error
	switch {
	case h.id == secretsPage:
		v.secrets, err = parseSecrets(body)
	case h.id.level == 0:
		err = v.takeLeaf(h.id, body)
	default:
		n := new(node)
		v.tree.nodes[h.id] = n
		for i := range n.keys {
			copy(n.keys[i][:], body[i*32:])
			if n.keys[i] != noKey {
				next = append(next, pageID{h.id.level - 1, h.id.number*fanOut + uint32(i)})
			}
		}
	}
	if err != nil {
		where := "restored pages"
		if v.store != nil {
			where = v.store.where(h.id)
		}
		return next, ErrDamagedPage{Path: where, Offset: h.id.offset(), Why: err.Error()}
	}
	v.setEdition(h)
	return next, nil
}

func (v *Vault) takeLeaf(id pageID, body *[bodySize]byte) error {
	for i := range slotsPerLeaf {
		s, err := parseSlot(body, i)
		if err != nil {
			return err
		}
		v.table.put(uint64(id.number)*slotsPerLeaf+uint64(i), s)
	}
	return nil
}
