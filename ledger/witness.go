package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/verify"
)

// WitnessLog is a log that a witness cosigns.
type WitnessLog struct {
	Origin string           // verify.OriginOf(chain)
	Keys   []verify.NoteKey // of those who may speak for the log
	Need   int              // how many different names among them must have signed; 1 when zero
}

// Witness cosigns checkpoints of logs it has no part in, by https://c2sp.org/tlog-witness: it says of each that the log has
// only grown since the last one it cosigned. Which one that was is on disk before a cosignature leaves.
type Witness struct {
	dir    string
	signer *verify.NoteSigner
	logs   map[string]WitnessLog
	clock  func() time.Time
	// Alarm is told of refusals with WitnessError.Fork, in answers by HTTP; nil for none. Set it before the witness serves.
	Alarm func(*WitnessError)

	mu sync.Mutex // held from reading what was cosigned last to having written what is now
}

// WitnessError is a refusal, with the HTTP status by which the protocol names it.
type WitnessError struct {
	Status int    // 400, 403, 404, 409 or 422
	Size   uint64 // for 409: the tree size cosigned last
	Reason string
	// Fork says that those who speak for the log signed a checkpoint that was not shown to continue the one cosigned last: there are two
	// histories, or the proof that came with it is wrong.
	Fork bool
	// Forgot says that the log holds a cosignature on more than the witness remembers: its directory is an older copy of itself. See Answer.
	Forgot bool
}

// Error gives the reason.
func (e *WitnessError) Error() string { return "ledger: witness: " + e.Reason }

const witnessKeyFile = "witness.vkey"

// CreateWitness makes the directory of a new witness. It refuses one that is there: a witness that forgets what it
// cosigned is none, and takes a new key.
func CreateWitness(dir string, key verify.NoteKey) error {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("ledger: witness: %w", err)
	}
	path := filepath.Join(dir, witnessKeyFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("ledger: witness: %s is the directory of a witness already", dir)
	}
	return durable.Write(path, []byte(key.String()+"\n"), 0o600)
}

// OpenWitness opens what CreateWitness made. The signer's key must be the one the directory was made for.
func OpenWitness(dir string, signer *verify.NoteSigner, logs []WitnessLog, clock func() time.Time) (*Witness, error) {
	b, err := os.ReadFile(filepath.Join(dir, witnessKeyFile))
	if err != nil {
		return nil, fmt.Errorf("ledger: witness: %w; a witness whose memory is lost must begin anew under a new key", err)
	}
	if signer.Key().Algorithm() != verify.AlgCosign || string(b) != signer.Key().String()+"\n" {
		return nil, fmt.Errorf("ledger: witness: %s belongs to another key", dir)
	}
	w := &Witness{dir: dir, signer: signer, logs: make(map[string]WitnessLog), clock: clock}
	if w.clock == nil {
		w.clock = time.Now
	}
	for _, l := range logs {
		if l.Need == 0 {
			l.Need = 1
		}
		w.logs[l.Origin] = l
	}
	return w, nil
}

// Key is the witness's public key, which belongs into trust files.
func (w *Witness) Key() verify.NoteKey { return w.signer.Key() }

// Cosign answers one request of the protocol with a cosignature line. What is carried by hand goes through Answer. Refusals are *WitnessError; other errors are of the disk and of the key.
func (w *Witness) Cosign(request []byte) ([]byte, error) {
	r, err := ParseWitnessRequest(request)
	if err != nil {
		return nil, &WitnessError{Status: http.StatusBadRequest, Reason: err.Error()}
	}
	if err := w.authentic(r); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	path := filepath.Join(w.dir, originFile(r.checkpoint.Origin))
	if err := extends(path, r); err != nil {
		return nil, err
	}
	s, err := verify.Cosign(r.Note, w.signer, w.clock())
	if err != nil {
		return nil, err
	}
	if err := durable.Write(path, []byte(r.Note.Encode()), 0o600); err != nil {
		return nil, fmt.Errorf("ledger: witness: %w", err)
	}
	return []byte(s.String()), nil
}

func originFile(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:16]) + noteSuffix
}

// authentic checks that the log is known and enough of those who speak for it signed.
func (w *Witness) authentic(r *WitnessRequest) error {
	l, ok := w.logs[r.checkpoint.Origin]
	if !ok {
		return &WitnessError{Status: http.StatusNotFound, Reason: "the log " + r.checkpoint.Origin + " is not known here"}
	}
	verified, err := r.Note.Verify(l.Keys)
	if err != nil {
		return &WitnessError{Status: http.StatusForbidden, Reason: err.Error()}
	}
	names := make(map[string]bool)
	for _, v := range verified {
		names[l.Keys[v.Key].Name()] = true
	}
	if len(names) < l.Need {
		return &WitnessError{Status: http.StatusForbidden, Reason: fmt.Sprintf("signed by %d of those who speak for the log, %d are asked for", len(names), l.Need)}
	}
	return nil
}

// extends checks a request against the checkpoint cosigned last.
func extends(path string, r *WitnessRequest) error {
	c := r.checkpoint
	if r.Old > c.Size {
		return &WitnessError{Status: http.StatusBadRequest, Reason: fmt.Sprintf("the old size %d is beyond the checkpoint's %d", r.Old, c.Size)}
	}
	last := &verify.Checkpoint{Origin: c.Origin, Root: sha256.Sum256(nil)}
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("ledger: witness: %w", err)
	default:
		if _, last, err = parseCheckpointNote(b); err != nil {
			return &Damage{What: "the last checkpoint cosigned", File: path, Detail: err.Error()}
		}
	}
	if r.Old != last.Size {
		return &WitnessError{Status: http.StatusConflict, Size: last.Size, Reason: fmt.Sprintf("the last size cosigned is %d, not %d", last.Size, r.Old)}
	}
	if c.Size == last.Size && c.Root != last.Root {
		return &WitnessError{Status: http.StatusConflict, Size: last.Size, Reason: verify.ErrFork.Error(), Fork: true}
	}
	if (r.Old == 0 || r.Old == c.Size) && len(r.Proof) > 0 {
		return &WitnessError{Status: http.StatusUnprocessableEntity, Reason: "a proof where there is nothing to prove"}
	}
	if err := verify.CheckConsistency(last, c, r.Proof); err != nil {
		reason := fmt.Sprintf("the checkpoint of %d anchors is another history than the one of %d cosigned last, or its proof is wrong: %v", c.Size, last.Size, err)
		return &WitnessError{Status: http.StatusUnprocessableEntity, Reason: reason, Fork: true}
	}
	return nil
}
