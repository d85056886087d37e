package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/sijil-health/sijil/verify"
)

// Limits of the witness protocol.
const (
	maxProofLines     = 63
	maxWitnessRequest = 32 + maxProofLines*45 + MaxCheckpoint
	sizeContentType   = "text/x.tlog.size"
)

// WitnessRequest asks a witness for a cosignature: the body of POST add-checkpoint of https://c2sp.org/tlog-witness.
type WitnessRequest struct {
	Old   uint64        // size of the tree the witness cosigned last; 0 for none
	Proof []verify.Hash // RFC 6962 consistency proof from Old to the checkpoint
	Note  *verify.Note  // the checkpoint with the log's signatures

	checkpoint *verify.Checkpoint
}

// Encode gives the request's one form.
func (r *WitnessRequest) Encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", r.Old)
	for _, h := range r.Proof {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.WriteString(r.Note.Encode())
	return b.Bytes()
}

// ParseWitnessRequest reads what Encode wrote. Nothing is verified yet.
func ParseWitnessRequest(b []byte) (*WitnessRequest, error) {
	if len(b) > maxWitnessRequest {
		return nil, fmt.Errorf("a request of %d bytes, at most %d", len(b), maxWitnessRequest)
	}
	line, rest, _ := strings.Cut(string(b), "\n")
	digits, ok := strings.CutPrefix(line, "old ")
	r := new(WitnessRequest)
	var err error
	if r.Old, err = strconv.ParseUint(digits, 10, 63); !ok || err != nil || strconv.FormatUint(r.Old, 10) != digits {
		return nil, errors.New(`the first line is not "old" and a size`)
	}
	for {
		if line, rest, ok = strings.Cut(rest, "\n"); !ok {
			return nil, errors.New("no empty line before the checkpoint")
		}
		if line == "" {
			break
		}
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(h) != len(verify.Hash{}) || len(r.Proof) == maxProofLines {
			return nil, fmt.Errorf("the proof is not at most %d lines of 32 bytes in base64", maxProofLines)
		}
		r.Proof = append(r.Proof, verify.Hash(h))
	}
	r.Note, r.checkpoint, err = parseCheckpointNote([]byte(rest))
	return r, err
}

// ServeHTTP answers POST …/add-checkpoint.
func (w *Witness) ServeHTTP(out http.ResponseWriter, req *http.Request) {
	if !strings.HasSuffix(req.URL.Path, "/add-checkpoint") {
		http.NotFound(out, req)
		return
	}
	if req.Method != http.MethodPost {
		out.Header().Set("Allow", http.MethodPost)
		http.Error(out, "POST a checkpoint", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(out, req.Body, maxWitnessRequest))
	if err != nil {
		http.Error(out, "the request could not be read, or is too large", http.StatusBadRequest)
		return
	}
	answer, err := w.Cosign(body)
	var refusal *WitnessError
	if errors.As(err, &refusal) && refusal.Fork && w.Alarm != nil {
		w.Alarm(refusal)
	}
	switch {
	case err == nil:
		out.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = out.Write(answer) // the client is gone when this fails, and asks again
	case !errors.As(err, &refusal):
		http.Error(out, "the witness cannot sign at the moment", http.StatusInternalServerError)
	case refusal.Status == http.StatusConflict:
		out.Header().Set("Content-Type", sizeContentType)
		out.WriteHeader(http.StatusConflict)
		_, _ = fmt.Fprintf(out, "%d\n", refusal.Size)
	default:
		http.Error(out, refusal.Reason, refusal.Status)
	}
}

// Prover gives the RFC 6962 consistency proof between two sizes of the log; see Engine.Consistency.
type Prover func(ctx context.Context, from, to uint64) ([]verify.Hash, error)

// Cosigner is a witness as a log sees it.
type Cosigner interface {
	Key() verify.NoteKey
	// Cosign gives the signature lines on a checkpoint of that size.
	Cosign(ctx context.Context, note []byte, size uint64, proof Prover) ([]byte, error)
}

// RemoteWitness is a witness reached by HTTP.
type RemoteWitness struct {
	url    string
	key    verify.NoteKey
	client *http.Client
}

// NewRemoteWitness makes one from the submission prefix of its URL and its public key. The client must have no timeout
// shorter than a disk write at the other end; nil stands for http.DefaultClient.
func NewRemoteWitness(url string, key verify.NoteKey, client *http.Client) *RemoteWitness {
	if client == nil {
		client = http.DefaultClient
	}
	return &RemoteWitness{strings.TrimSuffix(url, "/"), key, client}
}

// Key is the witness's public key.
func (w *RemoteWitness) Key() verify.NoteKey { return w.key }

// Cosign asks for a cosignature, first as if the witness knew nothing, so that it says what it knows.
func (w *RemoteWitness) Cosign(ctx context.Context, note []byte, size uint64, proof Prover) ([]byte, error) {
	lines, err := SubmitTo(ctx, w.client, w.url, note, 0, nil)
	var refusal *WitnessError
	if !errors.As(err, &refusal) || refusal.Status != http.StatusConflict || refusal.Size == 0 {
		return lines, err
	}
	if refusal.Size > size {
		return nil, &LongerError{refusal.Size, size, err}
	}
	old := refusal.Size
	path, err := proof(ctx, old, size)
	if err != nil {
		return nil, err
	}
	lines, err = SubmitTo(ctx, w.client, w.url, note, old, path)
	// The proof is right for this node's log. A witness that names the same size again finds another root at it; one that names a larger one has
	// cosigned it for another member meanwhile.
	if errors.As(err, &refusal) && (refusal.Status == http.StatusUnprocessableEntity || refusal.Status == http.StatusConflict && refusal.Size == old) {
		err = fmt.Errorf("%w: %w", ErrOtherHistory, err)
	}
	return lines, err
}

// SubmitTo sends one request to the witness at a URL and returns its signature lines, unverified. A refusal is a *WitnessError.
func SubmitTo(ctx context.Context, client *http.Client, url string, note []byte, old uint64, proof []verify.Hash) ([]byte, error) {
	n, err := verify.ParseNote(string(note))
	if err != nil {
		return nil, err
	}
	body := (&WitnessRequest{Old: old, Proof: proof, Note: n}).Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ledger: witness: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ledger: witness: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, MaxCheckpoint))
	if err != nil {
		return nil, fmt.Errorf("ledger: witness: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return answer, nil
	}
	refusal := &WitnessError{Status: resp.StatusCode, Reason: fmt.Sprintf("%s answers %s", url, resp.Status)}
	if resp.StatusCode == http.StatusConflict && resp.Header.Get("Content-Type") == sizeContentType {
		refusal.Size, err = strconv.ParseUint(strings.TrimSuffix(string(answer), "\n"), 10, 63)
		if err != nil {
			return nil, fmt.Errorf("ledger: witness: %s answers with a size that is none", url)
		}
	}
	return nil, refusal
}
