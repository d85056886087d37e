package cli

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/cli/document"
	"github.com/sijil-health/sijil/demo"
	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/verify"
)

// restoring is what `sijil restore` is asked for.
type restoring struct {
	node.Restoration
	passphraseFile, kit, trust string
	custodians                 bool
}

func (a *app) restore() *cobra.Command {
	var q restoring
	c := &cobra.Command{
		Use: "restore {--from DEST | --from-custodians --trust FILE} --kit FILE --dir NEW",
		Example: "  sijil restore --from /media/usb/sijil --kit recovery-kit.json --dir /var/lib/sijil-new\n" +
			"  sijil restore --from-custodians --trust trust.json --kit recovery-kit.json --dir /var/lib/sijil-new",
		Args: a.args(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return a.runRestore(c, &q) },
	}
	f := c.Flags()
	f.StringVar(&q.From, "from", "", "")
	f.BoolVar(&q.custodians, "from-custodians", false, "")
	f.StringVar(&q.kit, "kit", "", "")
	f.StringVar(&q.trust, "trust", "", "")
	f.BoolVar(&q.Offline, "offline", false, "")
	f.BoolVar(&q.Incomplete, "incomplete", false, "")
	f.StringVar(&q.FHIR, "fhir", "", "")
	f.StringVar(&q.Peer, "peer", "", "")
	f.StringVar(&q.P2P, "p2p", "", "")
	f.BoolVar(&q.OldMachineDestroyed, "old-machine-is-destroyed", false, "")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &q.passphraseFile))
}

func (a *app) runRestore(c *cobra.Command, q *restoring) (err error) {
	switch {
	case q.kit == "" || !c.Flags().Changed("dir"):
		return a.misuse("usage.restore")
	case (q.From == "") == !q.custodians:
		return a.misuse("usage.restore_from")
	case q.custodians && (q.trust == "" || q.Offline):
		return a.misuse("usage.restore_trust")
	}
	err = a.read(q.kit, document.Kit, "usage.no_kit", func(b []byte) (err error) {
		q.Kit, err = node.ParseKit(b)
		return err
	})
	if err != nil {
		return err
	}
	if q.trust != "" {
		if q.Trust, err = a.readTrust(q.trust); err != nil {
			return err
		}
	}
	q.Dir, q.S3, q.Log = a.dir, backup.S3FromEnvironment(os.Getenv), slog.New(slog.DiscardHandler)
	q.Tell = func(p backup.Progress) {
		if !a.json {
			a.progress("restore.progress", p.Bytes, p.Total)
		}
	}
	q.Passphrase = func(dir string) ([]byte, error) {
		into := *a
		into.dir = dir
		return into.newPassphrase(q.passphraseFile)
	}
	done, err := node.Restore(c.Context(), &q.Restoration)
	a.progressEnd()
	if err != nil {
		return err
	}
	return a.sayRestored(done)
}

// readTrust reads a trust file; an error names it.
func (a *app) readTrust(file string) (*verify.Trust, error) {
	b, err := a.readFile(file)
	if err != nil {
		return nil, err
	}
	return a.parseTrust(file, b)
}

func (a *app) parseTrust(file string, b []byte) (*verify.Trust, error) {
	t, err := verify.ParseTrust(b)
	if err == nil {
		return t, nil
	}
	if kind, _ := document.Look(b); kind != document.Trust && kind != document.Cut {
		return nil, a.mistaken("usage.no_trust", file, b)
	}
	return nil, fmt.Errorf("%s: %w: %w", file, errNotTrust, err)
}

func (a *app) sayRestored(done *node.Restored) error {
	if a.json {
		return a.printJSON(done)
	}
	if done.Time.IsZero() {
		a.tell("restore.fetched", done.Member.Name, done.Entries, done.Bytes)
	} else {
		a.tell("restore.done", done.Member.Name, done.Time.Format("2006-01-02 15:04:05 MST"), done.Entries, done.Fetched)
	}
	if done.Missing > 0 {
		a.tell("restore.missing", done.Missing)
	}
	if alone := done.Asked > 0 && len(done.Silent) == done.Asked; alone {
		a.tell("restore.alone", strings.Join(done.Silent, ", "), done.Entries)
	} else {
		for _, name := range done.Silent {
			a.tell("restore.silent", name)
		}
	}
	for _, f := range done.False {
		a.tell("restore.false", f.Member, f.Problem)
	}
	for _, name := range done.Other {
		a.tell("restore.other", name)
	}
	for _, hash := range done.Lost {
		a.tell("restore.lost", hash)
	}
	switch done.Validator {
	case node.ValidatorDrill:
		a.tell("restore.drill")
	case node.ValidatorBack:
		a.tell("restore.back", done.Height)
	case node.ValidatorNew:
		a.tell("restore.new")
		a.printf("  sijil rotate --dir %s --out rotate.json\n", demo.Quote(done.Dir))
		a.printf("  sijil rotate rotate.json --dir %s\n", filepath.Join("…", "MEMBER"))
	}
	a.tell("init.next")
	a.printf("  sijil serve --dir %s\n", demo.Quote(done.Dir))
	return nil
}
