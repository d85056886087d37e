package ledger

import (
	"context"

	"github.com/sijil-health/sijil/verify"
)

// TrustFile makes what a reader needs to verify this ledger's receipts offline: the genesis, the beginnings of the epochs as
// far as a quorum signed them, the latest checkpoint, and the witnesses. It is worth as much as the way by which the reader gets it.
func TrustFile(ctx context.Context, genesis *verify.Genesis, e Engine, s *Checkpoints, witnesses []verify.Witness) (*verify.Trust, error) {
	list, err := (&periods{engine: e}).list(ctx)
	if err != nil {
		return nil, err
	}
	t := &verify.Trust{Format: verify.TrustFormat, Genesis: *genesis, Witnesses: witnesses}
	for i := 1; i < len(list); i++ {
		note, err := s.Epoch(list[i].Number)
		if err != nil {
			return nil, err
		}
		if note == nil {
			break
		}
		t.Epochs = append(t.Epochs, verify.Epoch{Checkpoint: note.Encode(), Members: list[i].Members})
	}
	note, c, err := s.Latest()
	if err != nil {
		return nil, err
	}
	if note != nil && c.Epoch <= uint64(len(t.Epochs)) {
		t.Checkpoints = []string{note.Encode()}
	}
	return t, t.Check()
}
