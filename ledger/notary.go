package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/verify"
)

// NotaryOptions say what a Notary works with.
type NotaryOptions struct {
	Org    verify.OrgID
	Chain  string
	Engine Engine
	Store  *Checkpoints
	// Signers are the organisation's Ed25519 keys: that of today, and earlier ones for as long as an epoch of theirs has to be
	// ended. See verify.MemberSigner.
	Signers     []*verify.NoteSigner
	PostQuantum *verify.NoteSigner // signs one checkpoint a day; nil without
	// Ask sends a note to a member's node and returns the signature lines of its Notary.Countersign. nil when alone.
	Ask       func(ctx context.Context, m *verify.Member, note []byte) ([]byte, error)
	Witnesses []Cosigner
	// Began is called when the beginning of an epoch has been signed and stored: trust files can name its members from then on. nil for none.
	Began    func(ctx context.Context)
	Every    time.Duration    // at most this often, and only when the log has grown; 10 min
	Patience time.Duration    // how long one member or witness may take; 10 s
	Clock    func() time.Time // time.Now
	Log      *slog.Logger     // slog.DiscardHandler
}

// Notary makes checkpoints of the global log, has them signed by members and witnesses, and signs those of other members.
// It signs only what its own chain says, and never two histories: see signed.
type Notary struct {
	opt     NotaryOptions
	periods *periods

	mu     sync.Mutex // held while signing
	signed signed

	asking sync.Mutex
	silent map[string]Unanswered // by verifier key
}

// Unanswered is a witness whose cosignature could not be had when it was asked last.
type Unanswered struct {
	Witness string `json:"witness"` // name of its key
	Reason  string `json:"reason"`
	// OtherHistory says that it could be reached, and has cosigned a history that this node's is no continuation of; see ErrOtherHistory.
	OtherHistory bool `json:"other_history,omitempty"`
}

// signed is the largest tree this organisation ever signed. It is on disk before the signature leaves.
type signed struct {
	Size uint64      `json:"size"`
	Root verify.Hash `json:"root"`
}

// ErrDisagree is returned by Countersign for a checkpoint that is not what this node's own chain says.
var ErrDisagree = errors.New("ledger: the checkpoint is not what this node's chain says")

// NewNotary makes a Notary. The error may be a *Damage.
func NewNotary(o NotaryOptions) (*Notary, error) {
	if o.Engine == nil || o.Store == nil || o.Chain == "" || len(o.Signers) == 0 {
		return nil, errors.New("ledger: a notary needs chain, engine, store and a key")
	}
	if o.Every == 0 {
		o.Every = 10 * time.Minute
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n := &Notary{opt: o, periods: &periods{engine: o.Engine}, silent: make(map[string]Unanswered)}
	b, err := os.ReadFile(n.signedPath())
	if errors.Is(err, fs.ErrNotExist) {
		return n, n.signedAnew()
	}
	if err == nil {
		if err := json.Unmarshal(b, &n.signed); err != nil {
			return nil, &Damage{What: "the last tree signed", File: n.signedPath(), Detail: err.Error()}
		}
	}
	return n, err
}

// signedAnew notes again what was signed last, where that note is gone: the latest checkpoint kept here. Others that this node signed since,
// for other members, are not among those kept; that they are not contradicted rests on the chain, which nothing but itself is signed of.
func (n *Notary) signedAnew() error {
	_, latest, err := n.opt.Store.Latest()
	if err != nil || latest == nil {
		return err
	}
	n.opt.Log.Warn("the note of the last tree signed is gone; it is made again from the latest checkpoint, which nothing signed from now on may contradict",
		"file", n.signedPath(), "anchors", latest.Size)
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.remember(signed{latest.Size, latest.Root})
}

// remember writes down the largest tree signed. The caller holds n.mu.
func (n *Notary) remember(last signed) error {
	b, err := json.Marshal(last)
	if err != nil {
		return err
	}
	if err := durable.Write(n.signedPath(), b, 0o600); err != nil {
		return fmt.Errorf("ledger: checkpoints: %w", err)
	}
	n.signed = last
	return nil
}

func (n *Notary) signedPath() string { return filepath.Join(n.opt.Store.dir, "signed.json") }

// Run makes checkpoints until ctx ends: the beginning of each epoch as soon as a quorum signs it, and then one whenever the
// log has grown and Every is over. What fails is logged and tried again. It returns ctx.Err() or ErrClosed.
func (n *Notary) Run(ctx context.Context) error {
	for {
		wait := n.opt.Every
		looked := n.height(ctx)
		err := n.BeginEpochs(ctx)
		if err == nil {
			err = n.Checkpoint(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrClosed):
			return err
		case err != nil:
			n.opt.Log.Warn("no checkpoint could be made", "error", err)
			wait = min(wait, time.Minute)
		}
		if err := n.pause(ctx, looked, wait); err != nil {
			return err
		}
	}
}

// height is that of the chain, 0 where the engine does not answer.
func (n *Notary) height(ctx context.Context) int64 {
	status, err := n.opt.Engine.Status(ctx)
	if err != nil {
		return 0
	}
	return status.Height
}

// pause waits; a change of the membership ends it early. looked is the height up to which one was seen before: what came while
// signatures were collected must not be missed.
func (n *Notary) pause(ctx context.Context, looked int64, d time.Duration) error {
	timed, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	err := n.opt.Engine.Follow(timed, looked+1, func(b *Block) error {
		if b.Members {
			return errEnough
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrClosed):
		return err
	case errors.Is(err, errEnough) || timed.Err() != nil:
		return nil
	}
	return sleep(ctx, min(d, time.Minute)) // the engine is down
}

// Checkpoint makes one of the log as it is now, with all signatures that can be had, and stores it. When the log has not grown since
// the latest and the day has its own, it asks those witnesses for the latest that have not cosigned it. See Unanswered.
func (n *Notary) Checkpoint(ctx context.Context) error {
	status, err := n.opt.Engine.Status(ctx)
	if err != nil || status.LogSize == 0 {
		return err
	}
	now := n.opt.Clock()
	today, err := n.opt.Store.Day(now)
	if err != nil {
		return err
	}
	note, latest, err := n.opt.Store.Latest()
	if err != nil {
		return err
	}
	if latest != nil && latest.Size == status.LogSize && today != nil {
		return n.askAgain(ctx, note, latest)
	}
	p, err := n.periods.at(ctx, status.Height)
	if err != nil {
		return err
	}
	c, keys, err := n.statement(ctx, status.Height, p.Number)
	if err != nil {
		return err
	}
	before := note
	if note, err = n.collect(ctx, c, keys, today == nil); err != nil {
		return err
	}
	if today == nil {
		if err := n.opt.Store.put(dayFile(now), note, c); err != nil {
			return err
		}
	}
	if before != nil && voters(note, keys, p) < p.Quorum() {
		if err := n.keepQuorum(ctx, before, latest); err != nil {
			return err
		}
	}
	return n.opt.Store.putLatest(note, c)
}

// keepQuorum keeps the latest checkpoint beside the one that will replace it with fewer signatures, if more than two thirds of the voting
// members signed it.
func (n *Notary) keepQuorum(ctx context.Context, latest *verify.Note, c *verify.Checkpoint) error {
	list, err := n.periods.list(ctx)
	if err != nil || c.Epoch >= uint64(len(list)) {
		return err
	}
	p := &list[c.Epoch]
	keys, err := memberKeys(n.opt.Chain, p.Members)
	if err != nil || voters(latest, keys, p) < p.Quorum() {
		return err
	}
	return n.opt.Store.putQuorum(latest, c)
}

// BeginEpochs makes and stores the checkpoints that begin epochs and are not stored yet. One that a quorum of the epoch before
// does not sign is not stored; the error says how many did.
func (n *Notary) BeginEpochs(ctx context.Context) error {
	list, err := n.periods.list(ctx)
	if err != nil {
		return err
	}
	for i := 1; i < len(list); i++ {
		stored, err := n.opt.Store.Epoch(list[i].Number)
		if err != nil {
			return err
		}
		if stored != nil {
			continue
		}
		c, keys, err := n.statement(ctx, list[i].Start, list[i].Number)
		if err != nil {
			return err
		}
		note, err := n.collect(ctx, c, keys, false)
		if err != nil {
			return err
		}
		if got := voters(note, keys, &list[i-1]); got < list[i-1].Quorum() {
			return fmt.Errorf("ledger: the beginning of epoch %d is signed by %d voting members of the epoch before, %d are needed", list[i].Number, got, list[i-1].Quorum())
		}
		if err := n.opt.Store.put(epochFile(list[i].Number), note, c); err != nil {
			return err
		}
		if n.opt.Began != nil {
			n.opt.Began(ctx)
		}
	}
	return nil
}
