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
	c := &cobra.Command{
		Use:     "backup --dir DIR --to DEST",
		Example: "  sijil backup --dir /var/lib/sijil --to /media/usb/sijil\n  sijil backup --dir /var/lib/sijil --to s3://backups/hospital",
		Args:    a.args(0, 0),
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
	f.StringVar(&q.To, "to", "", "")
	f.IntVar(&q.KeepDays, "keep-days", 30, "")
	f.BoolVar(&q.TakeOver, "take-over", false, "")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &passphraseFile))
}

func (a *app) sayBackup(e node.BackupEvent) {
	if !a.json && e.Report == nil && e.Error == "" {
		a.progress("backup.progress", e.Bytes, e.Total)
	}
}
