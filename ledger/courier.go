package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sijil-health/sijil/verify"
)

// WitnessRequest gives a request for a cosignature on the latest checkpoint, to be carried to a witness by hand, by e-mail or
// as QR codes. It starts from the last checkpoint that this witness is known here to have cosigned.
func (n *Notary) WitnessRequest(ctx context.Context, witness verify.NoteKey) ([]byte, error) {
	note, c, err := n.opt.Store.Latest()
	if err != nil {
		return nil, err
	}
	if note == nil {
		return nil, errors.New("ledger: there is no checkpoint yet; the first is made when something is anchored")
	}
	_, last, err := n.opt.Store.read(witnessFile(witness))
	if err != nil {
		return nil, err
	}
	r := &WitnessRequest{Note: portable(note)}
	if last != nil {
		r.Old = last.Size
		if r.Proof, err = n.opt.Engine.Consistency(ctx, r.Old, c.Size); err != nil {
			return nil, err
		}
	}
	return r.Encode(), nil
}

// mldsaSize is the length of an ML-DSA-65 signature (FIPS 204, table 2); no other signature on a checkpoint is as long.
const mldsaSize = 3309

// portable leaves out the post-quantum signature: a witness judges by the members' Ed25519 keys, and 4.4 kB of base64 more
// would not fit a QR code.
func portable(n *verify.Note) *verify.Note {
	p := &verify.Note{Text: n.Text}
	for _, s := range n.Signatures {
		if len(s.Signature) < mldsaSize {
			p.Signatures = append(p.Signatures, s)
		}
	}
	return p
}

// AcceptCosignature takes the witness's answer to a request: the cosignature goes onto the latest checkpoint if that is still
// the one it was made for, and is kept beside it in any case. Both come back from outside: only a checkpoint that this organisation
// signed, and so found true, is taken, and only signatures that hold. late says that the witness answered with the checkpoint that it had
// cosigned before (see Witness.Answer), and is that checkpoint: the next request begins from there.
func (n *Notary) AcceptCosignature(ctx context.Context, request, answer []byte, witness verify.NoteKey) (late *verify.Checkpoint, err error) {
	if note, c, err := parseCheckpointNote(answer); err == nil {
		return c, n.acceptLate(ctx, note, c, witness)
	}
	r, err := ParseWitnessRequest(request)
	if err != nil {
		return nil, fmt.Errorf("ledger: the request: %w", err)
	}
	note, err := n.ours(ctx, r.Note, r.checkpoint)
	if err != nil {
		return nil, err
	}
	if err := addSignatures(note, answer, []verify.NoteKey{witness}); err != nil {
		return nil, err
	}
	n.answered(witness, nil)
	return nil, n.opt.Store.putLatest(note, r.checkpoint)
}

// acceptLate takes the checkpoint that a witness has cosigned before. It need not bear this organisation's signature, so it is compared with
// this node's own chain. Errors: ErrOtherHistory, *LongerError, ErrDisagree.
func (n *Notary) acceptLate(ctx context.Context, theirs *verify.Note, c *verify.Checkpoint, witness verify.NoteKey) error {
	if c.Origin != verify.OriginOf(n.opt.Chain) {
		return errNotOurs
	}
	note := &verify.Note{Text: theirs.Text}
	lines := signatureLines(theirs)
	if err := addSignatures(note, lines, []verify.NoteKey{witness}); err != nil { // first of all: anybody can write such a file
		return err
	}
	if err := n.continues(ctx, c); err != nil {
		n.answered(witness, err)
		return err
	}
	own, keys, err := n.statement(ctx, c.Height, c.Epoch)
	if err != nil {
		return err
	}
	if own.Text() != theirs.Text {
		return ErrDisagree
	}
	_ = addSignatures(note, lines, keys) // members' that hold are welcome, and none is needed
	n.answered(witness, nil)
	return n.opt.Store.putLatest(note, c)
}

// continues tells whether this node's log goes on from a checkpoint that a witness cosigned.
func (n *Notary) continues(ctx context.Context, c *verify.Checkpoint) error {
	status, err := n.opt.Engine.Status(ctx)
	if err != nil {
		return err
	}
	if c.Size > status.LogSize {
		return &LongerError{c.Size, status.LogSize, nil}
	}
	root, err := n.opt.Engine.LogRoot(ctx, c.Size)
	switch {
	case err != nil:
		return err
	case root != c.Root:
		return fmt.Errorf("%w: its root of %d anchors is another", ErrOtherHistory, c.Size)
	case c.Height > status.Height: // the same log at a later block: this node has not read that far
		return fmt.Errorf("%w: height %d of the chain is not reached here", ErrDisagree, c.Height)
	}
	return nil
}

func signatureLines(n *verify.Note) []byte {
	var b strings.Builder
	for i := range n.Signatures {
		b.WriteString(n.Signatures[i].String())
	}
	return []byte(b.String())
}

// errNotOurs refuses what was made for another ledger, or elsewhere.
var errNotOurs = errors.New("ledger: the request is not of this ledger, or not one that this node made")

// ours gives a note with those of its signatures that hold under members' keys; one of them must be this organisation's.
func (n *Notary) ours(ctx context.Context, note *verify.Note, c *verify.Checkpoint) (*verify.Note, error) {
	list, err := n.periods.list(ctx)
	if err != nil {
		return nil, err
	}
	if c.Origin != verify.OriginOf(n.opt.Chain) || c.Epoch >= uint64(len(list)) {
		return nil, errNotOurs
	}
	keys, err := memberKeys(n.opt.Chain, list[c.Epoch].Members)
	if err != nil {
		return nil, err
	}
	own, out := false, &verify.Note{Text: note.Text}
	for _, s := range note.Signatures {
		one := verify.Note{Text: note.Text, Signatures: []verify.NoteSignature{s}}
		if good, err := one.Verify(keys); err == nil && len(good) == 1 && attach(out, s) {
			own = own || s.Name == verify.MemberKeyName(n.opt.Chain, n.opt.Org)
		}
	}
	if !own {
		return nil, errNotOurs
	}
	return out, nil
}
