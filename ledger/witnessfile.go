package ledger

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/sijil-health/sijil/verify"
)

// Answer answers a request that is carried by hand, by e-mail or as QR codes. By HTTP a log that began from the wrong size asks again at once. Here it
// cannot: where a request begins from less than was cosigned last, because an answer was lost on its way or another member came between,
// the answer is the checkpoint cosigned last, cosigned again (late). Whoever accepts it begins the next request there. Errors as for Cosign.
func (w *Witness) Answer(request []byte) (answer []byte, late *verify.Checkpoint, err error) {
	answer, err = w.Cosign(request)
	var refusal *WitnessError
	if !errors.As(err, &refusal) || refusal.Status != http.StatusConflict || refusal.Fork {
		return answer, nil, err
	}
	r, parse := ParseWitnessRequest(request)
	if parse != nil {
		return nil, nil, parse
	}
	if r.Old > refusal.Size {
		refusal.Forgot = true
		return nil, nil, refusal
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.again(r)
}

// again cosigns the checkpoint cosigned last once more. It says nothing new, and goes no further. The caller holds w.mu.
func (w *Witness) again(r *WitnessRequest) ([]byte, *verify.Checkpoint, error) {
	path := filepath.Join(w.dir, originFile(r.checkpoint.Origin))
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: witness: %w", err)
	}
	note, last, err := parseCheckpointNote(b)
	if err != nil {
		return nil, nil, &Damage{What: "the last checkpoint cosigned", File: path, Detail: err.Error()}
	}
	if last.Size == r.checkpoint.Size && last.Root != r.checkpoint.Root {
		return nil, nil, &WitnessError{Status: http.StatusConflict, Size: last.Size, Reason: verify.ErrFork.Error(), Fork: true}
	}
	s, err := verify.Cosign(note, w.signer, w.clock())
	if err != nil {
		return nil, nil, err
	}
	if note.Text == r.Note.Text { // the same request again
		return []byte(s.String()), nil, nil
	}
	if !attach(note, s) {
		return nil, nil, fmt.Errorf("ledger: the checkpoint cosigned last has no room for a signature in %d bytes", MaxCheckpoint)
	}
	return []byte(note.Encode()), last, nil
}
