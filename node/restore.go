package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/verify"
)

// Restoration says what is brought back, and where to.
type Restoration struct {
	Dir string // must be empty or absent
	// From is where the backup is, a folder or s3://bucket/prefix; "" for none: then everything comes from the custodians.
	From string
	S3   backup.S3
	Kit  *Kit
	// Trust is the trust file of another member: the ledger, and where its members are. Needed without a backup; with one it takes the place
	// of the older one in the backup.
	Trust *verify.Trust
	// Offline leaves the custodians alone: a member comes back as it was at the time of the backup. For a drill.
	Offline bool
	// Incomplete goes on although members do not answer. What only they hold is lost.
	Incomplete bool
	// FHIR, Peer and P2P are the new machine's addresses; "" keeps those of the old one.
	FHIR, Peer, P2P string
	// Passphrase gives the passphrase of the new root key; a new one may be made into the directory that it is given.
	Passphrase func(dir string) ([]byte, error)
	// OldMachineDestroyed is the operator's word that the machine whose backup this is will never run again. Only then a lone node gets its
	// validator key back and goes on with its ledger.
	OldMachineDestroyed bool
	Log                 *slog.Logger
	Tell                func(backup.Progress) // nil for none
}

// What became of a restored node's validator key.
const (
	ValidatorBack  = "back"  // a lone node has its own again
	ValidatorDrill = "drill" // a lone node has a new one, which its ledger does not know: it reads and proves, and anchors nothing
	ValidatorNew   = "new"   // a member has a new one, and the others have to vote for it
)

// Restored is what a restore brought back.
type Restored struct {
	Dir       string        `json:"dir"`
	Member    verify.Member `json:"member"`
	Chain     string        `json:"chain"`
	Number    uint64        `json:"number,omitempty"` // of the backup
	Time      time.Time     `json:"time,omitzero"`    // of the backup; zero without one
	Files     int           `json:"files,omitempty"`  // from the backup
	Bytes     int64         `json:"bytes"`
	Entries   uint64        `json:"entries"`
	Fetched   uint64        `json:"fetched,omitempty"` // of the entries, from custodians
	Height    int64         `json:"height,omitempty"`
	Validator string        `json:"validator"`
	Asked     int           `json:"asked,omitempty"`  // how many other members were asked for what they hold
	Silent    []string      `json:"silent,omitempty"` // those of them that did not answer
	False     []False       `json:"false,omitempty"`
	Other     []string      `json:"other,omitempty"`   // members that hold another history, which was not taken
	Missing   uint64        `json:"missing,omitempty"` // entries that the members know of and none that answered holds
	// Lost are the ciphertexts outside the journal that nobody has any more, in hexadecimal.
	Lost []string `json:"lost,omitempty"`
}

// False is a member that claimed to hold more of the journal than it could show. What it said was not believed, and what it gave not taken.
type False struct {
	Member  string `json:"member"`  // its name
	Problem string `json:"problem"` // what it claimed, and gave instead
}

// Restore makes a node in an empty directory, from the latest backup, from what custodians hold, or both. Everything is checked before
// the directory appears under its name; on any error nothing is left. Errors: backup.ErrNone, backup.ErrKit, *backup.DamageError for
// each damaged object, joined; *SilentError; ErrMissing; ErrHistories; custody.ErrNowhere.
func Restore(ctx context.Context, q *Restoration) (_ *Restored, err error) {
	if err := freeDir(q.Dir); err != nil {
		return nil, err
	}
	stage := filepath.Clean(q.Dir) + ".restoring"
	r := restoring{Restoration: q, Layout: Layout{stage}}
	defer r.close()
	if q.From != "" {
		if err := r.openBackup(ctx); err != nil {
			return nil, err
		}
	} else if q.Trust == nil {
		return nil, lang.NewProblem("restore_nothing")
	}
	if err := durable.MkdirAll(filepath.Dir(stage), 0o700); err != nil {
		return nil, err
	}
	if err := os.Mkdir(stage, 0o700); err != nil {
		if errors.Is(err, os.ErrExist) {
			err = lang.NewProblem("restore_stage", stage)
		}
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(stage))
		}
	}()
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	if err := os.Remove(q.Dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := os.Rename(stage, q.Dir); err != nil {
		return nil, err
	}
	r.done.Dir = q.Dir
	return &r.done, durable.SyncDir(filepath.Dir(stage))
}

// freeDir refuses a directory with anything in it.
func freeDir(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && len(list) > 0 {
		err = lang.NewProblem("restore_not_empty", dir)
	}
	return err
}

// restoring is a restore under way.
type restoring struct {
	*Restoration
	Layout
	from     *backup.Snapshot // nil without a backup
	facts    backupFacts
	others   *helpers // nil where no custodians are asked
	progress backup.Progress
	damages  []error
	done     Restored
}

// run brings all parts back: public papers first, which say who the custodians are.
func (r *restoring) run(ctx context.Context) error {
	parts := []func(context.Context) error{r.papers, r.askHelpers, r.keyStore, r.tail, r.blobs, r.check, r.chain}
	if r.from != nil {
		parts[0] = r.files
	}
	for _, part := range parts {
		if err := part(ctx); err != nil {
			return err
		}
	}
	m, err := ReadMember(r.Layout.Dir)
	if err != nil {
		return err
	}
	r.done.Member, r.done.Bytes = *m, r.progress.Bytes
	return nil
}

func (r *restoring) tell(file string, bytes int64) {
	r.progress.File = file
	r.progress.Bytes += bytes
	r.progress.Total = max(r.progress.Total, r.progress.Bytes)
	if r.Tell != nil {
		r.Tell(r.progress)
	}
}

func (r *restoring) close() {
	if r.others != nil {
		r.others.client.Close()
	}
}
