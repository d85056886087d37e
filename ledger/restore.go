package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// RestoreOptions say from what an organisation's plans are made again when its own disk is lost or older than the chain.
type RestoreOptions struct {
	Org     verify.OrgID
	Engine  Engine  // must have caught up
	Journal Journal // as restored from the custodians, byte for byte, so that places in it are those of before
	Plans   string  // directory; plans that are there are kept and continued
	// Draft gives what a custodian was asked to vouch for under a number: place, seed and manifest count, its anchor does not.
	// Called in ascending order. It should try all custodians of the anchor, whose names stand in it.
	Draft func(ctx context.Context, seq uint64, anchor *verify.Anchor) (*Draft, error)
}

// RestorePlans makes the plans again that the chain holds anchors of, and gives how many. Nothing is believed: each batch is
// recomputed from the journal, and must give the root that was anchored. What was made before an error stays; a further
// call continues. Errors: *ConflictError when a plan that is there is not that of the chain, *Damage, those of Draft.
func RestorePlans(ctx context.Context, o RestoreOptions) (made uint64, err error) {
	plans, err := OpenPlans(o.Plans)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, plans.Close()) }()
	head, ok, err := o.Engine.Head(ctx, o.Org)
	if err != nil || !ok {
		return 0, err
	}
	next, _ := plans.Next()
	if next > 0 {
		last, err := plans.Get(min(next-1, head.Seq))
		if err != nil {
			return 0, err
		}
		an, err := o.Engine.Anchor(ctx, o.Org, last.Seq)
		if err != nil {
			return 0, err
		}
		if an.ID != last.ID() {
			return 0, &ConflictError{Seq: last.Seq, Ours: last.ID(), Chain: an.ID}
		}
	}
	for seq := next; seq <= head.Seq; seq++ {
		if err := o.restore(ctx, plans, seq); err != nil {
			return made, err
		}
		made++
	}
	return made, nil
}

func (o *RestoreOptions) restore(ctx context.Context, plans *Plans, seq uint64) error {
	an, err := o.Engine.Anchor(ctx, o.Org, seq)
	if err != nil {
		return err
	}
	anchor, err := verify.DecodeAnchor(an.Bytes)
	if err != nil {
		return err
	}
	d, err := o.Draft(ctx, seq, anchor)
	if err != nil {
		return fmt.Errorf("ledger: plan %d: %w", seq, err)
	}
	p := &Plan{Seq: seq, Begin: d.Begin, End: d.End, Seed: d.Seed, Manifest: d.Manifest, Anchor: an.Bytes}
	if d.End.Entry < d.Begin.Entry || p.Entries() > uint64(anchor.Count) {
		return fmt.Errorf("ledger: plan %d: the custodian's copy names %d entries of %d leaves", seq, p.Entries(), anchor.Count)
	}
	leaves := make([]verify.Hash, 0, anchor.Count)
	if err := records(ctx, o.Journal, p.Begin, p.End, func(l *journal.Located) error {
		for i := range l.Record.Entries {
			leaves = append(leaves, l.Record.Entries[i].Leaf())
		}
		return nil
	}); err != nil {
		return err
	}
	padded, err := verify.PadBatch(leaves, p.Seed, p.Manifest)
	if err != nil {
		return err
	}
	if uint64(len(leaves)) != p.Entries() || verify.BatchRoot(padded) != anchor.Root {
		return &Damage{What: fmt.Sprintf("batch %d", seq), Detail: "the journal's entries and the custodian's copy of the plan do not give the root that was anchored"}
	}
	return plans.Append(p)
}
