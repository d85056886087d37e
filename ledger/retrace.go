package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// mend does what can be done about the error that ended a session; nil means that the next one may begin.
func (a *Anchorer) mend(ctx context.Context, err error) error {
	var again *reissue
	var behind *BehindError
	switch {
	case errors.As(err, &again):
		if err = a.plans.rewind(again.from); err == nil {
			a.opt.Log.Warn("keys changed before batches were committed; they are anchored anew", "from", again.from)
		}
		return err
	case errors.As(err, &behind):
		if err = a.retrace(ctx); errors.Is(err, ErrDown) {
			return nil // the session waits for the engine, and finds the plans behind again
		}
		if damage := (*journal.DamageError)(nil); errors.As(err, &damage) {
			return a.outlast(ctx, damage)
		}
		return err
	}
	return err
}

// outlast has a damaged segment healed that lost plans are made of again, or waits a moment; the next session finds the plans behind again.
func (a *Anchorer) outlast(ctx context.Context, damage *journal.DamageError) error {
	if err := a.heal(ctx, damage); err != nil {
		a.stall(journal.Unhealed(damage, err))
		return sleep(ctx, 10*pause)
	}
	return sleep(ctx, pause)
}

// retrace makes the plans again that the chain holds anchors of and this data directory does not: the disk was lost, or restored from a
// backup, and the journal brought back from custodians. Dummies and manifest of a batch follow from the audit key, its beginning from
// the batch before, its end from the anchored root. Nothing is believed: a plan is only made when the journal's entries give
// that root, so no second history can begin here. Errors: *BehindError when they do not, *ConflictError, ErrDown.
func (a *Anchorer) retrace(ctx context.Context) error {
	if err := a.awaitEngine(ctx, make(chan struct{})); err != nil {
		return err
	}
	head, ok, err := a.opt.Engine.Head(ctx, a.opt.Org)
	if err != nil || !ok {
		return err
	}
	seq, begin := a.plans.Next()
	if err := a.agrees(ctx, seq); err != nil {
		return err
	}
	a.opt.Log.Info("batch plans that are lost are made again from the journal", "from", seq, "to", head.Seq)
	told := time.Now()
	var file []*Plan // of a whole file to be: one fsync for all
	for ; seq <= head.Seq; seq++ {
		p, err := a.derive(ctx, seq, begin)
		if damage := (*Damage)(nil); errors.As(err, &damage) {
			return &BehindError{Chain: head.Seq, Plans: seq, Err: err}
		}
		if err != nil {
			return err
		}
		if whole := seq%plansPerFile == uint64(len(file)) && head.Seq-seq >= plansPerFile-1-uint64(len(file)); whole {
			if file = append(file, p); len(file) == plansPerFile {
				err, file = a.plans.appendFile(file), nil
			}
		} else {
			err = a.plans.Append(p)
		}
		if err != nil {
			return err
		}
		begin = p.End
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			a.opt.Log.Info("making batch plans again", "at", seq, "of", head.Seq)
		}
	}
	a.opt.Log.Info("the batch plans are complete again")
	return nil
}

// agrees compares the last plan that is there with the chain.
func (a *Anchorer) agrees(ctx context.Context, next uint64) error {
	if next == 0 {
		return nil
	}
	p, err := a.plans.Get(next - 1)
	if err != nil {
		return err
	}
	an, err := a.opt.Engine.Anchor(ctx, a.opt.Org, p.Seq)
	if err != nil {
		return err
	}
	if !p.gave(an.ID) {
		return &ConflictError{Seq: p.Seq, Ours: p.ID(), Chain: an.ID}
	}
	return nil
}

// derive finds the batch that gave an anchor. Of the few numbers of entries that the padded count allows, longest first, the one is taken
// that gives the anchored root: batches under load are mostly full, and small ones are hashed in no time.
func (a *Anchorer) derive(ctx context.Context, seq uint64, begin journal.Cursor) (*Plan, error) {
	an, err := a.opt.Engine.Anchor(ctx, a.opt.Org, seq)
	if err != nil {
		return nil, err
	}
	anchor, err := verify.DecodeAnchor(an.Bytes)
	if err != nil {
		return nil, err
	}
	leaves, ends, err := a.upTo(ctx, begin, int(anchor.Count)-1)
	if err != nil {
		return nil, err
	}
	for i := len(ends) - 1; i >= 0; i-- {
		n := int(ends[i].Entry - begin.Entry)
		if verify.PaddedCount(n) != int(anchor.Count) {
			continue
		}
		d, err := cut(a.opt.Sealer, seq, begin, ends[i], leaves[:n])
		if err != nil {
			return nil, err
		}
		if d.Anchor.Root == anchor.Root {
			return &Plan{Seq: seq, Begin: begin, End: d.End, Key: d.Key, Anchor: an.Bytes}, nil
		}
	}
	return nil, &Damage{What: fmt.Sprintf("batch %d", seq), Detail: fmt.Sprintf("no run of the journal's entries from %d on gives the root that was anchored", begin.Entry)}
}

// upTo gives the leaves of at most n entries from a place on, and the places where their records end.
func (a *Anchorer) upTo(ctx context.Context, begin journal.Cursor, n int) (leaves []verify.Hash, ends []journal.Cursor, err error) {
	end := a.opt.Journal.End()
	end.Entry = min(end.Entry, begin.Entry+uint64(n))
	err = records(ctx, a.opt.Journal, begin, end, func(l *journal.Located) error {
		if l.Next.Entry > end.Entry {
			return nil
		}
		for i := range l.Record.Entries {
			leaves = append(leaves, l.Record.Entries[i].Leaf())
		}
		ends = append(ends, l.Next)
		return nil
	})
	return leaves, ends, err
}
