package chain

import (
	"errors"
	"path/filepath"

	"github.com/sijil-health/sijil/ledger"
)

// inspectKeys judges the keys and, when they are sound, holds them so that no engine starts meanwhile.
func (c *Config) inspectKeys() (*guard, []Finding, error) {
	_, pv, err := loadKeys(c.keys())
	if errors.Is(err, ErrNoSignState) {
		return nil, []Finding{{
			Trouble: NoSignState,
			What:    "The record of what the validator key signed is missing or damaged.",
			Why:     "It was deleted, or keys were restored from a backup without it. Without it the key could sign two blocks at one height.",
			Do:      "Make a new key with `sijil rotate --new-validator` and have the members agree to it. Do not restore the record.",
		}}, nil
	}
	bad, checkErr := c.badKeys()
	if len(bad) > 0 || checkErr != nil {
		return nil, bad, checkErr
	}
	if err != nil {
		return nil, nil, err
	}
	g, err := holdKey(c.keys(), pv)
	if errors.Is(err, errLease) {
		return nil, []Finding{{
			Trouble: Elsewhere, What: "The record of the machine that last used the validator key is damaged: " + c.lease(), Why: whyDamaged,
			Do:       "Make sure that no other machine runs this node, then remove this file and start the node.",
			Mendable: true,
		}}, nil
	}
	if errors.Is(err, ErrElsewhere) {
		return nil, []Finding{{
			Trouble:  Elsewhere,
			What:     "The validator key was last used on another machine.",
			Why:      "The data directory was moved or copied here, or this machine was given a new identity.",
			Do:       "Make sure that the node on the other machine will never start again; then remove " + c.lease() + " and start the node.",
			Mendable: true,
		}}, nil
	}
	return g, nil, err
}

func (c *Config) lease() string { return filepath.Join(c.keys(), leaseFile) }

// badKeys names the damaged files of keys, one finding for each.
func (c *Config) badKeys() (findings []Finding, err error) {
	found, err := CheckKeys(c.keys())
	for _, d := range found {
		findings = append(findings, Finding{
			Trouble: BadKeys, What: "A key of this node is damaged: " + told([]ledger.Damage{d}), Why: whyDamaged,
			Do: "Restore the node into a new directory: from its backup (`sijil restore`) or, where it is one of several members, from the others " +
				"(`sijil restore --from-custodians`). A validator key is never copied by hand: one that runs twice looks like fraud.",
		})
	}
	return findings, err
}
