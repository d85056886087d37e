package ledger

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/verify"
)

// askWitnesses adds the cosignatures of those witnesses that give theirs, and notes which do not.
func (n *Notary) askWitnesses(ctx context.Context, note *verify.Note, c *verify.Checkpoint, witnesses []Cosigner) {
	sent := []byte(note.Encode())
	g := gathering{n: n, note: note}
	for _, w := range witnesses {
		g.ask(ctx, w.Key().Name(), []verify.NoteKey{w.Key()}, func(ctx context.Context) ([]byte, error) {
			return w.Cosign(ctx, sent, c.Size, n.opt.Engine.Consistency)
		}, func(err error) {
			if ctx.Err() == nil { // else it is the node that stops
				n.answered(w.Key(), err)
			}
		})
	}
	g.all.Wait()
}

// askAgain asks those witnesses for the latest checkpoint that have not cosigned it: they could not be reached when it was made.
func (n *Notary) askAgain(ctx context.Context, latest *verify.Note, c *verify.Checkpoint) error {
	var lacking []Cosigner
	for _, w := range n.opt.Witnesses {
		if keys := []verify.NoteKey{w.Key()}; !slices.ContainsFunc(latest.Signatures, func(s verify.NoteSignature) bool { return keyOf(keys, s) != nil }) {
			lacking = append(lacking, w)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	note := &verify.Note{Text: latest.Text, Signatures: slices.Clone(latest.Signatures)}
	n.askWitnesses(ctx, note, c, lacking)
	if len(note.Signatures) == len(latest.Signatures) {
		return ctx.Err()
	}
	return n.opt.Store.putLatest(note, c)
}

// answered notes what came of asking a witness.
func (n *Notary) answered(witness verify.NoteKey, err error) {
	n.asking.Lock()
	defer n.asking.Unlock()
	if err == nil {
		delete(n.silent, witness.String())
		return
	}
	forked := errors.Is(err, ErrOtherHistory) || n.opt.Ask == nil && errors.As(err, new(*LongerError))
	if forked {
		n.opt.Log.Error("a witness has cosigned another history of this ledger", "witness", witness.Name(), "error", err)
	}
	n.silent[witness.String()] = Unanswered{Witness: witness.Name(), Reason: err.Error(), OtherHistory: forked}
}

// Unanswered lists the witnesses that gave no cosignature when they were asked last, by name.
func (n *Notary) Unanswered() []Unanswered {
	n.asking.Lock()
	defer n.asking.Unlock()
	return slices.SortedFunc(maps.Values(n.silent), func(a, b Unanswered) int { return strings.Compare(a.Witness, b.Witness) })
}
