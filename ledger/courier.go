package ledger

import (
	"context"
	"errors"
	"fmt"

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
// the one it was made for, and is kept beside it in any case.
func (n *Notary) AcceptCosignature(request, answer []byte, witness verify.NoteKey) error {
	r, err := ParseWitnessRequest(request)
	if err != nil {
		return fmt.Errorf("ledger: the request: %w", err)
	}
	if err := addSignatures(r.Note, answer, []verify.NoteKey{witness}); err != nil {
		return err
	}
	_, c, err := n.opt.Store.Latest()
	if err != nil {
		return err
	}
	if c == nil || r.checkpoint.Origin != c.Origin {
		return errors.New("ledger: the request is not of this ledger")
	}
	if err := n.opt.Store.put(witnessFile(witness), r.Note); err != nil {
		return err
	}
	return n.opt.Store.putLatest(r.Note, r.checkpoint)
}

func witnessFile(k verify.NoteKey) string { return fmt.Sprintf("witness-%08x%s", k.ID(), noteSuffix) }
