package vault

import (
	"cmp"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// RestoreFromEscrow makes in dir, which must not exist or be empty, the key store that custodians hold the pages of.
// Pages of several custodians may be given together, in any order and of several editions: the newest top secret whose
// tree is complete is taken. All pages get new keys, under the root key given, so that the custodians' copies are
// replaced at the next EscrowPages. It returns ErrEscrow, with the reason, when the pages and the key make up no whole
// store.
//
// Escrow shows nobody's authorship: whoever knows the public key, which is on the ledger, can make up the pages of a whole store.
// So genuine is asked of each tree that opens, the newest first, and tells by a secret that only the organisation knows
// whether it is its own; nil takes the first. Pages that are none, or do not open, stand in nobody's way. And what is
// restored is as new as the pages are.
func RestoreFromEscrow(dir string, root RootKey, escrowPrivate []byte, pages []SealedPage, genuine func(secret func(name string) ([]byte, error)) error) error {
	return restoreFromEscrow(dir, root, escrowPrivate, pages, Options{genuine: genuine})
}

func restoreFromEscrow(dir string, root RootKey, escrowPrivate []byte, pages []SealedPage, opt Options) error {
	kem, _, _ := escrowSuite()
	private, err := kem.NewPrivateKey(escrowPrivate)
	if err != nil {
		return fmt.Errorf("%w: the private key is malformed: %w", ErrEscrow, err)
	}
	v, err := gather(private, pages, root, opt)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrEscrow, err)
	}
	if err := v.raise(dir, v.renewal()); err != nil {
		return fmt.Errorf("restore key store in %s: %w", dir, err)
	}
	return nil
}

// gather finds the newest tree that is complete and takes it into memory.
func gather(private hpke.PrivateKey, pages []SealedPage, root RootKey, opt Options) (*Vault, error) {
	byID := make(map[pageID][]SealedPage)
	last := uint64(0)
	for _, p := range pages {
		edition, ok := editionOf(&p)
		if !ok {
			continue
		}
		p.Edition = edition
		id := pageID{p.Level, uint32(p.Number)}
		byID[id] = append(byID[id], p)
		if edition < maxForeignEdition {
			last = max(last, edition)
		}
	}
	for _, p := range byID {
		slices.SortStableFunc(p, func(a, b SealedPage) int { return cmp.Compare(b.Edition, a.Edition) })
	}
	first := errors.New("the page with the top secret is missing")
	for i, top := range byID[pageID{level: topLevel}] {
		v, err := climb(private, top, byID, root, opt)
		if err == nil && opt.genuine != nil {
			err = opt.genuine(v.Secret)
		}
		if err == nil {
			v.edition = max(v.edition, last) // what is written next is newer than all that custodians hold
			return v, nil
		}
		if i == 0 {
			first = err
		}
	}
	return nil, first
}

// maxForeignEdition bounds what is believed of the edition of a page that was not opened. No store gets there, and a page that
// claims more must not use up the editions.
const maxForeignEdition = 1 << 63

// editionOf gives the edition that a page itself names, which its seal covers. It is false for what can be no page in that place.
func editionOf(p *SealedPage) (uint64, bool) {
	if p.Top() {
		if p.Number != 0 || len(p.Bytes) < escrowHeader || len(p.Bytes) > pageSize {
			return 0, false
		}
		return binary.BigEndian.Uint64(p.Bytes[escrowHeader-8:]), true
	}
	h, err := parsePage(p.Bytes)
	return h.edition, err == nil && h.id.level == p.Level && uint64(h.id.number) == p.Number
}

// climb opens the tree under one top secret.
func climb(private hpke.PrivateKey, top SealedPage, byID map[pageID][]SealedPage, root RootKey, opt Options) (*Vault, error) {
	r, secret, err := openTopFromEscrow(private, top.Bytes)
	if err != nil {
		return nil, err
	}
	v := newVault(root, opt)
	v.id, v.epoch, v.edition, v.tree.top = r.vault, r.epoch, r.edition, secret
	secrets, err := v.walk(func(id pageID, key *[32]byte) (pageHead, *[bodySize]byte, error) {
		err := errors.New("is missing")
		for _, p := range byID[id] {
			h, body, e := openPage(key, &v.id, id, p.Bytes)
			if e == nil {
				return h, body, nil
			}
			err = e
		}
		return pageHead{}, nil, fmt.Errorf("page %d of level %d: %w", id.number, id.level, err)
	})
	if err == nil && !secrets {
		err = errors.New("the page of secrets is missing")
	}
	return v, err
}

// renewal is the plan that writes everything under new keys.
func (v *Vault) renewal() *plan {
	p := v.plan()
	p.secrets = v.secrets
	p.rekey(secretsPage)
	for i, l := range v.table.leaves {
		if l != nil {
			p.rekey(pageID{0, uint32(i)})
		}
	}
	v.epoch++
	return p
}
