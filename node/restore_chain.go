package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/ledger/chain"
)

// chain gives the node keys for its ledger. The record of what the old validator key signed is in no backup: a key that came back with an old
// one could sign a height twice, which the members would see as fraud.
func (r *restoring) chain(ctx context.Context) error {
	dir := r.Layout.Chain()
	nodeID, validator, err := chain.GenerateKeys(dir)
	if err != nil {
		return err
	}
	if r.facts.Chain {
		if r.done.Height, err = r.height(ctx); err != nil {
			return err
		}
		if r.done.Height < r.facts.Height {
			return fmt.Errorf("the ledger ends at block %d, the backup says %d", r.done.Height, r.facts.Height)
		}
	}
	if r.facts.Lone && !r.OldMachineDestroyed {
		r.done.Validator = ValidatorDrill
		return nil
	}
	if r.facts.Lone {
		key, err := r.secret(ctx, backupValidator)
		if err != nil {
			return err
		}
		r.done.Validator = ValidatorBack
		_, err = chain.ReviveValidator(dir, key, r.done.Height)
		return err
	}
	if r.from != nil {
		// The members' nodes admit this one by its p2p key, which signs nothing.
		key, err := r.secret(ctx, backupNode)
		if err != nil {
			return err
		}
		if nodeID, err = chain.ReviveNode(dir, key); err != nil {
			return err
		}
	}
	m, err := ReadMember(r.Layout.Dir)
	if err != nil {
		return err
	}
	m.NodeID, r.done.Validator = nodeID, ValidatorNew
	if m.Power > 0 {
		m.Validator = validator
	}
	return writeJSON(r.Layout.Member(), m)
}

// height opens the restored ledger, with keys that it does not know and that sign nothing, and tells where it ends.
func (r *restoring) height(ctx context.Context) (int64, error) {
	c, err := ReadConfig(r.Layout.Config())
	if err != nil {
		return 0, err
	}
	g, err := ReadGenesis(r.Layout.Dir)
	if err != nil {
		return 0, err
	}
	if g.Chain() != r.from.Chain {
		return 0, fmt.Errorf("the genesis in the backup is of the ledger %s, the backup of %s", g.Chain(), r.from.Chain)
	}
	config := engineConfig(r.Layout, c, g)
	config.Log = r.Log
	engine, err := chain.Open(ctx, config)
	if err != nil {
		return 0, fmt.Errorf("the ledger in the backup does not open: %w", err)
	}
	s, err := engine.Status(ctx)
	if err := errors.Join(err, engine.Close()); err != nil {
		return 0, err
	}
	return s.Height, nil
}
