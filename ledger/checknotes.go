package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

// NotesChain is a history that stored checkpoints are held against without going through it.
type NotesChain interface {
	AuditChain
	// MembersOf finds a membership that was in force by its hash (verify.MembersHash). Errors: ErrNotFound.
	MembersOf(ctx context.Context, hash verify.Hash) (*Membership, error)
}

// CheckNotes looks at the stored checkpoints in dir, and at what is kept of the last tree signed: that they can be read, are of this ledger,
// have the roots of its history, and signatures of its members that hold. c may be nil, then only what stands in them is looked at. A
// directory that is not there has none.
func CheckNotes(ctx context.Context, dir string, g *verify.Genesis, c NotesChain) ([]Damage, error) {
	a := &audit{opt: AuditOptions{Notes: dir, Genesis: g}}
	if c != nil {
		a.opt.Engine = c
		st, err := c.Status(ctx)
		if err != nil {
			return nil, err
		}
		a.total.AnchorsTotal = st.LogSize
	}
	stored, err := a.notes(ctx)
	if err != nil {
		return nil, err
	}
	for _, notes := range stored {
		for i := range notes {
			if err := a.checkNote(ctx, &notes[i], c); err != nil {
				return nil, err
			}
		}
	}
	return a.report.Damages, nil
}

func (a *audit) checkNote(ctx context.Context, n *storedNote, c NotesChain) error {
	w := &chainWalk{audit: a, name: a.opt.Genesis.Chain(), members: new(Membership)}
	root := n.checkpoint.Root
	if c != nil {
		var err error
		root, err = c.LogRoot(ctx, n.checkpoint.Size)
		if errors.Is(err, ErrNotFound) {
			a.damaged(Damage{What: "checkpoint", File: n.path, Detail: fmt.Sprintf(
				"it is of %d anchors, the chain kept here has %d", n.checkpoint.Size, a.total.AnchorsTotal)})
			return nil
		}
		if err != nil {
			return a.passable(ctx, "global log", "", err)
		}
		switch w.members, err = c.MembersOf(ctx, n.checkpoint.Members); {
		case errors.Is(err, ErrNotFound):
			a.damaged(Damage{What: "checkpoint", File: n.path, Detail: "the members that it names were never those of this ledger"})
			return nil
		case err != nil:
			return a.passable(ctx, "membership", "", err)
		}
	}
	if why := w.note(n, root); why != "" {
		a.damaged(Damage{What: "checkpoint", File: n.path, Detail: why})
	}
	return nil
}
