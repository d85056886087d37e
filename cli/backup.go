package cli

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/node"
)

func (a *app) backup() *cobra.Command {
	var passphraseFile string
	var q node.BackupRequest
	c := &cobra.Command{
		Use:   "backup --dir DIR --to DEST",
		Short: "Make an encrypted, incremental backup",
		Long: `Backs up the node in DIR to DEST: a folder, for instance on a USB disk, or s3://bucket/prefix with AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL and AWS_REGION in the environment. The place need not be trusted: all of it is encrypted, and only
the recovery kit opens it. Only what is new is stored. A running node makes the backup itself; for one that is stopped
the passphrase is needed.

The keys of a month's backups are destroyed --keep-days after the month's end. What was erased from the record in the meantime is then
gone from the backups too. What other members gave this node to hold is not in it: they bring it again.`,
		Example: "  sijil backup --dir /var/lib/sijil --to /media/usb/sijil\n  sijil backup --dir /var/lib/sijil --to s3://backups/hospital",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if q.To == "" {
				return misuse("--to is needed: a folder, or s3://bucket/prefix")
			}
			if q.KeepDays < 1 || q.KeepDays > 36500 {
				return misuse("--keep-days %d: use 1 to 36500", q.KeepDays)
			}
			if backup.IsFolder(q.To) {
				if q.To, err = filepath.Abs(q.To); err != nil { // the node runs elsewhere
					return err
				}
			} else {
				q.S3 = backup.S3FromEnvironment(os.Getenv)
			}
			report, err := node.Backup(c.Context(), a.dir, &q, func() ([]byte, error) { return a.passphrase(passphraseFile) },
				slog.New(slog.DiscardHandler), a.sayBackup)
			a.progressEnd()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(report)
			}
			a.tell("backup.done", report.Number, report.Entries, report.Bytes, report.Stored, report.Seconds)
			if report.Note != "" {
				a.tell("backup.note", report.Note)
			}
			for _, month := range report.Swept.Months {
				a.tell("backup.swept", month)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&q.To, "to", "", "destination: a folder, or s3://bucket/prefix")
	f.IntVar(&q.KeepDays, "keep-days", 30, "days after the end of a month until the keys of its backups are destroyed")
	f.BoolVar(&q.TakeOver, "take-over", false, "go on where another copy of this node made the last backup; that copy must be gone for good")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &passphraseFile))
}

func (a *app) sayBackup(e node.BackupEvent) {
	if !a.json && e.Report == nil && e.Error == "" {
		a.progress("backup.progress", e.Bytes, e.Total)
	}
}
