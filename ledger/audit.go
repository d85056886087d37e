package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// AuditOptions say what an audit looks at: everything an organisation's node keeps of the ledger.
type AuditOptions struct {
	Org     verify.OrgID
	Genesis *verify.Genesis // what the reader trusts; the chain must have begun with it
	Engine  AuditChain      // nil when it cannot be read: the rest is looked at all the same
	Journal Journal         // nil likewise
	Plans   string          // directory
	Notes   string          // directory of checkpoints; "" when none are kept
	Known   []Damage        // found before the audit, for its report
	// Blob checks a ciphertext that is kept outside the journal against its hash and returns a *Damage, or any error, if it is not
	// there or not right. Called from several goroutines. nil leaves those blobs out.
	Blob func(ctx context.Context, entry uint64, hash verify.Hash) error
	// Alone says that there is no other member: a chain that is not there does not come from anybody.
	Alone   bool
	Workers int // goroutines; one per processor
}

// AuditChain is what an audit reads of an Engine.
type AuditChain interface {
	Status(ctx context.Context) (*Status, error)
	Follow(ctx context.Context, from int64, fn func(*Block) error) error
	MembersAt(ctx context.Context, height int64) (*Membership, error)
	LogRoot(ctx context.Context, size uint64) (verify.Hash, error)
}

// Progress counts what an audit has done so far. The totals are those at its beginning.
type Progress struct {
	Anchors      uint64 `json:"anchors"` // of all organisations
	AnchorsTotal uint64 `json:"anchors_total"`
	Entries      uint64 `json:"entries"` // of this one
	EntriesTotal uint64 `json:"entries_total"`
	Blobs        uint64 `json:"blobs"`
	Bytes        uint64 `json:"bytes"` // of envelopes and ciphertexts in the journal
}

// AuditReport says what was verified and what is wrong. Its JSON form is what `sijil audit --json` prints.
type AuditReport struct {
	Progress
	Height int64 `json:"height"` // of the last block looked at
	// Snapshot is the height up to which the history came in a snapshot from other members, 0 when this node went through every block
	// itself. It was checked all the same; that the blocks were agreed on rests on the validators' signatures under the header after it.
	Snapshot int64 `json:"snapshot_height,omitempty"`
	// ChainAbsent says that nothing of the chain is here yet, as after a restore, until the other members have brought it: what is kept here
	// was held against nothing.
	ChainAbsent bool        `json:"chain_absent,omitempty"`
	Root        verify.Hash `json:"root"`        // of the global log, recomputed
	Batches     uint64      `json:"batches"`     // of this organisation, recomputed and equal to what is anchored
	Waiting     uint64      `json:"waiting"`     // entries of the journal that are not on the chain yet
	Checkpoints uint64      `json:"checkpoints"` // stored notes that are right
	Damages     []Damage    `json:"damages"`     // in no particular order; empty when all is well
}

// maxDamages bounds a report: who has that many has lost a disk, not a file.
const maxDamages = 1000

// Audit verifies again, from the genesis on, what a node keeps: that the anchors of every organisation are dense, name one
// another, and are signed by keys that were members' when they were committed; that the global log has the root that
// checkpoints and engine say; that this organisation's batches follow from its journal; and that ciphertexts have their
// hashes. It changes nothing and may run beside a working node. progress is called from several goroutines, often; nil for none.
// What is wrong is in the report; the error says only that the audit could not be made.
func Audit(ctx context.Context, o AuditOptions, progress func(Progress)) (*AuditReport, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	a := &audit{opt: o, progress: progress}
	a.report.Damages = append([]Damage{}, o.Known...)
	if o.Engine != nil {
		status, err := o.Engine.Status(ctx)
		if err != nil {
			return nil, err
		}
		a.report.Snapshot, a.report.Height, a.total.AnchorsTotal = status.Begun, status.Height, status.LogSize
		a.report.ChainAbsent = !o.Alone && status.Height == 0
	}
	if o.Journal != nil {
		a.total.EntriesTotal = o.Journal.End().Entry
	}
	notes, err := a.notes(ctx)
	if err != nil {
		return nil, err
	}
	if o.Engine != nil {
		if err := a.chain(ctx, notes); err != nil {
			return nil, err
		}
	}
	if o.Journal != nil {
		if err := a.batches(ctx); err != nil {
			return nil, err
		}
	}
	a.report.Progress = a.done()
	return &a.report, ctx.Err()
}

type audit struct {
	opt      AuditOptions
	progress func(Progress)
	total    Progress

	anchors, entries, blobs, bytes atomic.Uint64

	mu     sync.Mutex
	report AuditReport
	ours   []ownAnchor // this organisation's on the chain, by sequence number
}

// ownAnchor is what an audit remembers of an anchor to hold the journal against.
type ownAnchor struct {
	id, root verify.Hash
	count    uint32
}

func (a *audit) done() Progress {
	p := a.total
	p.Anchors, p.Entries, p.Blobs, p.Bytes = a.anchors.Load(), a.entries.Load(), a.blobs.Load(), a.bytes.Load()
	return p
}

func (a *audit) tell() {
	if a.progress != nil {
		a.progress(a.done())
	}
}

// damaged adds a finding.
func (a *audit) damaged(d Damage) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, known := range a.report.Damages {
		if known == d {
			return
		}
	}
	if len(a.report.Damages) < maxDamages {
		a.report.Damages = append(a.report.Damages, d)
	}
}

// found turns an error that names damage into a finding, and tells whether it was one.
func (a *audit) found(what string, err error) bool {
	var own *Damage
	var disk *journal.DamageError
	switch {
	case errors.As(err, &own):
		a.damaged(*own)
	case errors.As(err, &disk):
		a.damaged(Damage{What: what, File: disk.File, Detail: fmt.Sprintf("at byte %d: %s", disk.Offset, disk.Reason)})
	case errors.Is(err, journal.ErrCursor):
		a.damaged(Damage{What: what, Detail: "the journal has no record where the batch begins; it is shorter than what was anchored, or another one"})
	default:
		return false
	}
	return true
}

// passable makes a finding of whatever keeps one part from being read, so that the others are looked at. It returns what ends the audit:
// its context, an engine that stops, and what the operator may not read.
func (a *audit) passable(ctx context.Context, what, file string, err error) error {
	switch {
	case err == nil || a.found(what, err):
		return nil
	case ctx.Err() != nil || errors.Is(err, ErrDown) || errors.Is(err, ErrClosed) || errors.Is(err, fs.ErrPermission):
		return err
	}
	a.damaged(Damage{What: what, File: file, Detail: err.Error()})
	return nil
}

// parallel runs fn for every index below n, on all workers, until one fails.
func (a *audit) parallel(ctx context.Context, n int, fn func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(a.opt.Workers, n) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && ctx.Err() == nil; i = next.Add(1) - 1 {
				if err := fn(ctx, int(i)); err != nil {
					cancel(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}
