package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Journal is what the Anchorer needs of journal.Journal.
type Journal interface {
	// Follow calls fn with the records from a cursor on, in order, then with new ones as they become durable. It returns
	// the error of fn, ctx.Err(), or what is wrong with the journal. It waits for fn.
	Follow(ctx context.Context, from journal.Cursor, fn func([]journal.Located) error) error
	// End gives the cursor after the last durable record.
	End() journal.Cursor
}

// Options say what an Anchorer works with. Those without a default must be given.
type Options struct {
	Org     verify.OrgID
	Chain   string // the chain's name, verify.Genesis.Chain
	Sign    func([]byte) verify.Signature
	Journal Journal
	Engine  Engine
	Sealer  Sealer
	Plans   string // directory

	Checkpoints *Checkpoints // for receipts; nil when none are kept

	// Custodians asks for custody of a draft and returns the statements that came in time; it bounds its own waiting.
	// It may be asked again with another draft of the same number: one whose anchor was never made durable.
	// nil when there is nobody to ask.
	Custodians func(context.Context, *Draft) []verify.Custody
	// Copies tells how many organisations shall hold a batch as things are, this one included; at least 1. With fewer the anchor says
	// FlagLocalOnly.
	Copies func() int
	// HealSegment puts a custodian's copy in the place of a damaged segment of the journal; nil when there is nobody to ask.
	HealSegment func(ctx context.Context, segment uint32) error
	// Control gives the highest number of the organisation's control stream; nil stands for 0.
	Control func() uint64

	Linger   time.Duration    // longest time a record waits for a batch when nobody waits for it; 1 s
	InFlight int              // most batches submitted and not committed, up to 16; 2
	Resubmit time.Duration    // first time after which a silent batch is submitted again; 1 s, doubling up to 16 s
	Clock    func() time.Time // stamps anchors; time.Now
	Log      *slog.Logger     // slog.DiscardHandler
}

// withDefaults fills in what may be left out and refuses what cannot work.
func (o Options) withDefaults() (Options, error) {
	if o.Sign == nil || o.Journal == nil || o.Engine == nil || o.Sealer == nil || o.Plans == "" || o.Chain == "" {
		return o, errors.New("ledger: an anchorer needs chain, key, journal, engine, sealer and a directory for its plans")
	}
	if o.Copies == nil {
		return o, errors.New("ledger: an anchorer needs to know how many copies there shall be")
	}
	if n := o.Copies(); n < 1 || n > verify.MaxCustodians+1 {
		return o, fmt.Errorf("ledger: %d copies of a batch, want 1 to %d", n, verify.MaxCustodians+1)
	}
	if o.Linger == 0 {
		o.Linger = time.Second
	}
	if o.InFlight == 0 {
		o.InFlight = 2
	}
	if o.InFlight < 1 || o.InFlight > maxInFlight {
		return o, fmt.Errorf("ledger: %d batches in flight, want 1 to %d", o.InFlight, maxInFlight)
	}
	if o.Resubmit == 0 {
		o.Resubmit = time.Second
	}
	if o.Control == nil {
		o.Control = func() uint64 { return 0 }
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
