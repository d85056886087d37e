package node

import (
	"context"
	"errors"

	"github.com/sijil-health/sijil/ledger"
)

// damagedBlocks has the engine read every block that it still keeps. Entries are proved by their blocks until a checkpoint covers them.
func (n *Node) damagedBlocks(ctx context.Context) (found []ledger.Damage, err error) {
	st, err := n.engine.Status(ctx)
	if errors.Is(err, ledger.ErrDown) {
		return nil, nil // the audit says so
	}
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for height := max(st.Base, 1); height <= st.Height; height++ {
		_, err := n.engine.Proof(ctx, height)
		damage := (*ledger.Damage)(nil)
		switch {
		case err == nil || errors.Is(err, ledger.ErrPruned) || errors.Is(err, ledger.ErrNotFound):
			continue
		case ctx.Err() != nil || errors.Is(err, ledger.ErrDown) || errors.Is(err, ledger.ErrClosed):
			return found, err
		case !errors.As(err, &damage): // from a process of its own only its text comes
			damage = &ledger.Damage{What: "a block of the ledger", Detail: err.Error()}
		}
		if key := damage.File + damage.Detail; !seen[key] {
			seen[key] = true
			found = append(found, *damage)
		}
	}
	return found, nil
}
