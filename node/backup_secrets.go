package node

import (
	"context"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/vault"
)

// secrets are what must die with the month's key: the key store's pages as custodians get them, and the node's own keys.
func (h *holdings) secrets(ctx context.Context) error {
	since := uint64(0)
	if last, _ := h.writer.Last(); last != nil {
		var facts backupFacts
		if err := cbor.Unmarshal(last.Facts, &facts); err == nil && h.writer.Carry(backupPages) {
			since = facts.Edition
		}
	}
	for {
		pages, next, err := h.vault.EscrowPages(since, vault.MaxEscrowSet)
		if err != nil {
			return err
		}
		for rest := pages; len(rest) > 0; {
			n := min(len(rest), pagesPerSecret)
			b, err := cbor.Marshal(rest[:n])
			if err == nil {
				err = h.writer.Secret(ctx, backupPages, b)
			}
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		since, h.facts.Edition = next, next
		if len(pages) < vault.MaxEscrowSet {
			break
		}
	}
	node, validator, err := chain.KeyCopies(h.Layout.Chain())
	if err != nil {
		return err
	}
	if err := h.writer.Secret(ctx, backupNode, node); err != nil {
		return err
	}
	if h.facts.Lone = h.lone; !h.lone {
		return nil // the others vote for a new one; a copy could only do harm
	}
	return h.writer.Secret(ctx, backupValidator, validator)
}
