package cli

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/node"
)

func (a *app) backup() *cobra.Command {
	var passphraseFile string
	var q node.BackupRequest
	var check bool
	c := &cobra.Command{
		Use: "backup --dir DIR --to DEST [--check]",
		Example: "  sijil backup --dir /var/lib/sijil --to /media/usb/sijil\n  sijil backup --dir /var/lib/sijil --to s3://backups/hospital\n" +
			"  sijil backup --check --dir /var/lib/sijil --to /media/usb/sijil",
		Args: a.args(0, 0),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if q.To == "" || strings.HasPrefix(q.To, "s3:") && backup.IsFolder(q.To) { // mistyped, and no folder of that name
				return a.misuse("usage.backup_to")
			}
			if q.KeepDays < 1 || q.KeepDays > 36500 {
				return a.misuse("usage.keep_days", q.KeepDays)
			}
			if backup.IsFolder(q.To) {
				if q.To, err = filepath.Abs(q.To); err != nil { // the node runs elsewhere
					return err
				}
			} else {
				q.S3 = backup.S3FromEnvironment(os.Getenv)
			}
			passphrase := func() ([]byte, error) { return a.passphrase(passphraseFile) }
			if check {
				report, err := node.CheckBackup(c.Context(), a.dir, &q, passphrase, a.sayBackup("backup.checking"))
				a.progressEnd()
				if err != nil {
					return err
				}
				return a.sayCheckedBackup(report)
			}
			report, err := node.Backup(c.Context(), a.dir, &q, passphrase, slog.New(slog.DiscardHandler), a.sayBackup("backup.progress"))
			a.progressEnd()
			if err != nil {
				return err
			}
			return a.sayBackedUp(report)
		},
	}
	f := c.Flags()
	f.StringVar(&q.To, "to", "", "")
	f.IntVar(&q.KeepDays, "keep-days", 30, "")
	f.BoolVar(&check, "check", false, "")
	f.BoolVar(&q.TakeOver, "take-over", false, "")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &passphraseFile))
}

func (a *app) sayBackup(key string) func(node.BackupEvent) {
	return func(e node.BackupEvent) {
		if !a.json && e.Report == nil && e.Check == nil && e.Error == "" {
			a.progress(key, e.Bytes+e.Checked, e.Total+e.Share)
		}
	}
}

func (a *app) sayBackedUp(report *node.BackupReport) error {
	if a.json {
		return a.printJSON(report)
	}
	a.tell("backup.done", report.Number, report.Entries, report.Bytes, report.Stored, report.Seconds)
	read := report.ReadBack
	if read.Objects+read.Damaged > 0 {
		a.tell("backup.read", read.Parts, read.Objects, read.Bytes, read.Damaged)
	}
	for _, d := range read.Damages {
		if d.Mended {
			a.tell("backup.mended", damagedObject(d))
		} else {
			a.tell("backup.unneeded", damagedObject(d))
		}
	}
	if report.Note != "" {
		a.tell("backup.note", report.Note)
	}
	for _, month := range report.Swept.Months {
		a.tell("backup.swept", month)
	}
	return nil
}

func (a *app) sayCheckedBackup(report *node.CheckReport) error {
	if a.json {
		if err := a.printJSON(report); err != nil {
			return err
		}
	} else {
		for _, d := range report.Damages {
			if d.Missing {
				a.tell("backup.missing", damagedObject(d))
			} else {
				a.tell("backup.damaged", damagedObject(d))
			}
		}
		a.tell("backup.checked", report.Objects, report.Bytes, report.Damaged, report.Seconds)
	}
	if report.Damaged > 0 {
		if !a.json {
			a.tell("backup.repair")
		}
		return exit{exitDamage}
	}
	return nil
}

// damagedObject names an object, and what it belongs to where that is known.
func damagedObject(d backup.Damage) string {
	if d.Of == "" {
		return d.Object
	}
	return d.Object + " (" + d.Of + ")"
}
