package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/vault"
)

// keyStore makes the key store from its pages, those of the backup and those that custodians hold, under a new root key. Of each page the
// newest counts.
func (r *restoring) keyStore(ctx context.Context) (err error) {
	var pages []vault.SealedPage
	if r.from != nil {
		if pages, err = r.backupKeys(ctx); err != nil {
			return err
		}
	}
	if r.others != nil {
		held, err := r.others.heldPages(ctx)
		if err != nil && (r.from == nil || !r.Incomplete) {
			return err
		}
		pages = append(pages, held...)
	}
	return r.raiseKeys(pages)
}

func (r *restoring) raiseKeys(pages []vault.SealedPage) (err error) {
	passphrase, err := r.Passphrase(r.Layout.Dir)
	if err != nil {
		return err
	}
	root, err := vault.CreatePassphraseRoot(r.Root(), passphrase)
	if err != nil {
		return err
	}
	own := func(secret func(string) ([]byte, error)) error {
		seed, err := secret(secretOrg)
		if err == nil && !bytes.Equal(seed, r.Kit.Organisation) {
			err = lang.NewProblem("other_keys")
		}
		return err
	}
	if err := vault.RestoreFromEscrow(r.Keys(), root, r.Kit.Escrow, pages, own); err != nil {
		return err
	}
	v, err := vault.Open(r.Keys(), root, vault.Options{})
	if err != nil {
		return err
	}
	if r.others != nil {
		var key journal.Key
		if key, err = journalKey(v); err == nil {
			r.others.fetcher.Seal(key)
		}
	}
	return errors.Join(err, v.Close())
}

// check reads the journal once more as a whole: each segment follows the one before it.
func (r *restoring) check(ctx context.Context) error {
	err := journal.Scan(r.Journal(), journal.Cursor{}, func(at journal.Located) error {
		r.done.Entries = at.Next.Entry
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if r.done.Entries < r.facts.Entries {
		return fmt.Errorf("the journal has %d entries, the backup says %d", r.done.Entries, r.facts.Entries)
	}
	return nil
}
