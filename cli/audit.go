package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/node"
)

func (a *app) audit() *cobra.Command {
	var passphraseFile string
	c := &cobra.Command{
		Use:  "audit DATA_DIR",
		Args: a.args(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			var last node.AuditEvent
			begin := time.Now()
			passphrase, err := a.foundPassphrase(args[0], passphraseFile)
			if err != nil {
				return err
			}
			err = node.Audit(c.Context(), args[0], passphrase, func(e node.AuditEvent) {
				last = e
				if p := e.Progress; p != nil && !a.json {
					a.progress("audit.progress", int64(p.Entries+p.Anchors), int64(p.EntriesTotal+p.AnchorsTotal))
				}
			})
			a.progressEnd()
			if err != nil {
				return err
			}
			if err := last.Err(); err != nil {
				return err
			}
			return a.sayAudit(&last, time.Since(begin))
		},
	}
	return a.passphraseFlag(a.jsonFlag(c), &passphraseFile)
}

func (a *app) sayAudit(e *node.AuditEvent, took time.Duration) error {
	r := e.Report
	if r == nil {
		return errors.New("the audit ended without a report")
	}
	if a.json {
		if err := a.printJSON(r); err != nil {
			return err
		}
	} else {
		done := "audit.done"
		if len(r.Damages) > 0 {
			done = "audit.damaged"
		}
		if r.ChainAbsent && len(r.Damages) == 0 {
			done = "audit.absent"
		}
		a.tell(done, r.Entries, r.Anchors, r.Blobs, took.Round(time.Millisecond))
		if r.Snapshot > 0 {
			a.tell("audit.snapshot", r.Snapshot)
		}
		for _, d := range r.Damages {
			what := d.What
			if d.File != "" {
				what += " (" + d.File + ")"
			}
			a.tell("audit.damage", what, d.Detail)
		}
	}
	if len(r.Damages) > 0 {
		return exit{exitDamage}
	}
	return nil
}
