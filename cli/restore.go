package cli

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/backup"
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
		Use:   "restore {--from DEST | --from-custodians --trust FILE} --kit FILE --dir NEW",
		Short: "Make a node again from its recovery kit, with a backup or with what the other members hold",
		Long: `Makes the node again in the new directory NEW. Everything is checked; what is damaged is named, and then nothing is left in NEW.
The search index is made anew at the first start.

--from DEST takes the latest backup, from a folder or s3://bucket/prefix. Of a member of a larger ledger, what came after the backup is
brought from the other members, its custodians; with --offline it is not, and the node is as it was then: for a drill.

--from-custodians needs no backup: journal, ciphertexts and key store come from the other members, who hold them without being able to
read them. --trust names the trust file of any of them (DIR/trust.json there): it says which ledger it is and where its members are.

The kit opens the key store, and its signing key proves to the members whose record is asked for.

The node gets a new validator key: what the old key signed is in no copy, and a key that forgot what it signed may sign twice.
A member of a larger ledger reads and writes at once, and anchors again when the others have voted its new key in: see "sijil rotate".
A node on a ledger of its own then reads, proves and takes entries, and anchors none: this is the drill, and it may be made while the old
node runs. When the old machine will never run again, say so with --old-machine-is-destroyed: the node gets its validator
key back and goes on from the last block in the backup.`,
		Example: "  sijil restore --from /media/usb/sijil --kit recovery-kit.json --dir /var/lib/sijil-new\n" +
			"  sijil restore --from-custodians --trust trust.json --kit recovery-kit.json --dir /var/lib/sijil-new",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.runRestore(c, &q) },
	}
	f := c.Flags()
	f.StringVar(&q.From, "from", "", "where the backup is: a folder, or s3://bucket/prefix")
	f.BoolVar(&q.custodians, "from-custodians", false, "bring everything from the other members; no backup is needed")
	f.StringVar(&q.kit, "kit", "", "file of the recovery kit")
	f.StringVar(&q.trust, "trust", "", "trust file of another member")
	f.BoolVar(&q.Offline, "offline", false, "do not ask the other members: the node as it was at the backup, for a drill")
	f.BoolVar(&q.Incomplete, "incomplete", false, "go on although members do not answer; what only they hold is lost")
	f.StringVar(&q.FHIR, "fhir", "", "address of the FHIR gate on the new machine, host:port (default: as before)")
	f.StringVar(&q.Peer, "peer", "", "address at which other members' nodes reach the new machine (default: as before)")
	f.StringVar(&q.P2P, "p2p", "", "address at which other members' consensus engines reach it (default: as before)")
	f.BoolVar(&q.OldMachineDestroyed, "old-machine-is-destroyed", false, "the machine whose backup this is will never run again")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &q.passphraseFile))
}

func (a *app) runRestore(c *cobra.Command, q *restoring) (err error) {
	switch {
	case q.kit == "" || !c.Flags().Changed("dir"):
		return misuse("--kit and --dir are needed; see `sijil restore --help`")
	case (q.From == "") == !q.custodians:
		return misuse("name either --from DEST or --from-custodians")
	case q.custodians && (q.trust == "" || q.Offline):
		return misuse("--from-custodians needs --trust, the trust file of another member, and does not go with --offline")
	}
	if q.Kit, err = node.ReadKit(q.kit); err != nil {
		return err
	}
	if q.trust != "" {
		if q.Trust, err = readTrust(q.trust); err != nil {
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
func readTrust(file string) (*verify.Trust, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t, err := verify.ParseTrust(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return t, nil
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
	for _, name := range done.Silent {
		a.tell("restore.silent", name)
	}
	for _, f := range done.False {
		a.tell("restore.false", f.Member, f.Problem)
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
		a.printf("  sijil rotate --dir %s --out rotate.json\n", done.Dir)
		a.printf("  sijil rotate rotate.json --dir %s\n", filepath.Join("…", "MEMBER"))
	}
	a.tell("init.next")
	a.printf("  sijil serve --dir %s\n", done.Dir)
	return nil
}
