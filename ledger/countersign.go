package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// Countersign is a member's answer to another's checkpoint: its own signature lines on it. It waits a little while its own chain
// has not come that far. It signs nothing but what its own chain says of that height, to the letter: the size of the log, its
// root, the epoch, its validators and members. Errors: ErrDisagree, context.DeadlineExceeded, those of the engine.
func (n *Notary) Countersign(ctx context.Context, note []byte) ([]byte, error) {
	theirs, c, err := parseCheckpointNote(note)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDisagree, err)
	}
	ctx, cancel := context.WithTimeout(ctx, n.opt.Patience)
	defer cancel()
	if err := n.reach(ctx, c.Height); err != nil {
		return nil, err
	}
	own, keys, err := n.statement(ctx, c.Height, c.Epoch)
	if err != nil {
		return nil, err
	}
	if own.Text() != theirs.Text {
		return nil, ErrDisagree
	}
	daily := false
	for _, s := range theirs.Signatures {
		k := keyOf(keys, s)
		daily = daily || k != nil && k.Algorithm() == verify.AlgMLDSA65
	}
	signatures, err := n.sign(ctx, own, keys, daily)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for i := range signatures {
		b.WriteString(signatures[i].String())
	}
	return []byte(b.String()), nil
}

// reach waits until this node's chain has come to a height.
func (n *Notary) reach(ctx context.Context, height int64) error {
	for {
		status, err := n.opt.Engine.Status(ctx)
		if err != nil || status.Height >= height {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// sign signs a statement of this node with the keys the organisation has among keys. Before a signature leaves, it is on
// disk which tree was signed; and the node's log must still begin with the largest tree ever signed, so that neither a
// rewritten chain nor one restored from elsewhere gets a second signature.
func (n *Notary) sign(ctx context.Context, c *verify.Checkpoint, keys []verify.NoteKey, daily bool) ([]verify.NoteSignature, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	root, err := n.opt.Engine.LogRoot(ctx, n.signed.Size)
	if n.signed.Size > 0 && (err != nil || root != n.signed.Root) {
		return nil, fmt.Errorf("ledger: this node signed a log of %d anchors that its chain does not begin with; it signs nothing more: %w",
			n.signed.Size, errors.Join(verify.ErrFork, err))
	}
	signers := n.opt.Signers
	if daily && n.opt.PostQuantum != nil {
		signers = append(signers[:len(signers):len(signers)], n.opt.PostQuantum)
	}
	var out []verify.NoteSignature
	for _, s := range signers {
		for i := range keys {
			if keys[i].ID() != s.Key().ID() || keys[i].Name() != s.Key().Name() {
				continue
			}
			signature, err := s.Sign(c.Text(), n.opt.Clock())
			if err != nil {
				return nil, err
			}
			out = append(out, signature)
			break
		}
	}
	if len(out) == 0 {
		return nil, ErrNotMember
	}
	if c.Size <= n.signed.Size {
		return out, nil
	}
	return out, n.remember(signed{c.Size, c.Root})
}

// collect makes a note of a statement of this node with its own signature, and adds those of members and witnesses that
// answer in time and whose signatures hold.
func (n *Notary) collect(ctx context.Context, c *verify.Checkpoint, keys []verify.NoteKey, daily bool) (*verify.Note, error) {
	own, err := n.sign(ctx, c, keys, daily)
	if err != nil {
		return nil, err
	}
	note := &verify.Note{Text: c.Text()}
	for _, s := range own {
		attach(note, s)
	}
	sent := []byte(note.Encode())
	members := gathering{n: n, note: note}
	for _, m := range n.askable(ctx, c, keys) {
		members.ask(ctx, m.Org.String(), keys, func(ctx context.Context) ([]byte, error) { return n.opt.Ask(ctx, &m, sent) }, func(error) {})
	}
	members.all.Wait() // witnesses see the members' signatures: they may ask for more than one
	n.askWitnesses(ctx, note, c, n.opt.Witnesses)
	return note, ctx.Err()
}

// gathering collects signatures on one note from many at once.
type gathering struct {
	n    *Notary
	note *verify.Note
	all  sync.WaitGroup
	mu   sync.Mutex
}

// ask has somebody sign in the background and tells done what came of it.
func (g *gathering) ask(ctx context.Context, who string, keys []verify.NoteKey, answer func(context.Context) ([]byte, error), done func(error)) {
	g.all.Go(func() {
		timed, cancel := context.WithTimeout(ctx, g.n.opt.Patience)
		defer cancel()
		lines, err := answer(timed)
		g.mu.Lock()
		defer g.mu.Unlock()
		if err == nil {
			err = addSignatures(g.note, lines, keys)
		}
		if err != nil {
			g.n.opt.Log.Warn("a checkpoint goes without a signature", "of", who, "error", err)
		}
		done(err)
	})
}

// askable gives the other members that may sign: those of today, with their addresses of today, whose keys count.
func (n *Notary) askable(ctx context.Context, c *verify.Checkpoint, keys []verify.NoteKey) []verify.Member {
	if n.opt.Ask == nil {
		return nil
	}
	list, err := n.periods.list(ctx)
	if err != nil {
		return nil
	}
	candidates := list[c.Epoch].Members
	if c.Epoch > 0 && c.Height == list[c.Epoch].Start {
		candidates = append(candidates[:len(candidates):len(candidates)], list[c.Epoch-1].Members...)
	}
	today, err := n.opt.Engine.Members(ctx)
	if err != nil {
		return nil
	}
	asked := map[verify.OrgID]bool{n.opt.Org: true}
	var out []verify.Member
	for i := range candidates {
		m := candidates[i]
		if asked[m.Org] {
			continue
		}
		asked[m.Org] = true
		if now := today.Member(m.Org); now != nil {
			m = *now
		}
		out = append(out, m)
	}
	return out
}

// addSignatures adds those signature lines that hold under one of keys. It fails when there is none.
func addSignatures(note *verify.Note, lines []byte, keys []verify.NoteKey) error {
	if len(lines) > MaxCheckpoint {
		return fmt.Errorf("ledger: %d bytes of signatures, at most %d", len(lines), MaxCheckpoint)
	}
	signatures, err := verify.ParseNoteSignatures(string(lines))
	if err != nil {
		return err
	}
	added := 0
	for _, s := range signatures {
		one := verify.Note{Text: note.Text, Signatures: []verify.NoteSignature{s}}
		if good, err := one.Verify(keys); err == nil && len(good) == 1 && attach(note, s) {
			added++
		}
	}
	if added == 0 {
		return errors.New("ledger: no signature holds")
	}
	return nil
}
