package ledger

import (
	"context"

	"github.com/sijil-health/sijil/verify"
)

// TrustFile makes what a reader needs to verify this ledger's receipts offline: the genesis, the beginnings of the epochs as
// far as a quorum signed them, the latest checkpoint and then those that each witness and a quorum of the members signed last, and the witnesses. It is worth as much as the way by which the reader gets it.
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
	for _, h := range s.heads() {
		if h.checkpoint.Epoch <= uint64(len(t.Epochs)) {
			t.Checkpoints = append(t.Checkpoints, h.note.Encode())
		}
	}
	return t, t.Check()
}
