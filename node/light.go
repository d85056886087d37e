package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// A node that was away for longer than the others keep blocks, or that joins late, begins from a snapshot. The snapshot itself comes over
// the engine's own connections; the headers that vouch for it come from here, each checked from the genesis on.

const (
	epochPath = "/peer/v1/chain/epoch/"
	lightPath = "/peer/v1/chain/light/"
	maxHeader = 1 << 20 // bytes of an answer: a validator set, or a header with one
)

// headers asks the other members for epochs and headers.
type headers struct {
	org     verify.OrgID
	peers   *peer.Client
	members peer.Members
}

var _ chain.LightSource = (*headers)(nil)

// Epoch implements chain.LightSource.
func (h *headers) Epoch(ctx context.Context, number uint64) (*ledger.Epoch, error) {
	b, err := h.ask(ctx, epochPath+strconv.FormatUint(number, 10))
	if err != nil {
		return nil, err
	}
	e := new(ledger.Epoch)
	if err := cbor.Unmarshal(b, e); err != nil {
		return nil, fmt.Errorf("epoch %d: %w", number, err)
	}
	return e, nil
}

// Light implements chain.LightSource.
func (h *headers) Light(ctx context.Context, height int64) ([]byte, error) {
	return h.ask(ctx, lightPath+strconv.FormatInt(height, 10))
}

// ask asks all members at once and takes the first that has it. When none has, the one that knows most decides: it was pruned, it is not
// there, nobody answers.
func (h *headers) ask(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		body []byte
		err  error
	}
	answers := make(chan answer)
	var all sync.WaitGroup
	for _, m := range h.members() {
		if m.Org == h.org || m.Peer == "" {
			continue
		}
		all.Go(func() {
			body, err := h.one(ctx, m.Org, path)
			select {
			case answers <- answer{body, err}:
			case <-ctx.Done():
			}
		})
	}
	go func() { all.Wait(); close(answers) }()
	worst := fmt.Errorf("%w: no other member answers", ledger.ErrDown)
	for a := range answers {
		switch {
		case a.err == nil:
			return a.body, nil
		case errors.Is(a.err, ledger.ErrPruned), errors.Is(a.err, ledger.ErrNotFound) && !errors.Is(worst, ledger.ErrPruned):
			worst = a.err
		}
	}
	return nil, worst
}

func (h *headers) one(ctx context.Context, org verify.OrgID, path string) ([]byte, error) {
	return h.fetch(ctx, org, peer.Request{Method: http.MethodGet, Path: path}, maxHeader)
}

// fetch sends a request to a member and reads an answer of at most limit bytes.
func (h *headers) fetch(ctx context.Context, org verify.OrgID, r peer.Request, limit int64) ([]byte, error) {
	resp, err := h.peers.Do(ctx, org, r)
	if err != nil {
		return nil, chainError(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("an answer of more than %d bytes", limit)
	}
	return b, err
}

// serveHeaders answers the same questions of other members from this node's own chain.
func (n *Node) serveHeaders(mux *http.ServeMux) {
	mux.HandleFunc("GET "+epochPath+"{number}", func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.ParseUint(r.PathValue("number"), 10, 64)
		var b []byte
		if err == nil {
			var e *ledger.Epoch
			if e, err = n.engine.Epoch(r.Context(), number); err == nil {
				b, err = cbor.Marshal(e)
			}
		}
		giveHeader(w, b, err)
	})
	mux.HandleFunc("GET "+lightPath+"{height}", func(w http.ResponseWriter, r *http.Request) {
		height, err := strconv.ParseInt(r.PathValue("height"), 10, 64)
		var b []byte
		if err == nil {
			b, err = n.engine.Light(r.Context(), height)
		}
		giveHeader(w, b, err)
	})
}

func giveHeader(w http.ResponseWriter, b []byte, err error) {
	pruned := (*ledger.PrunedError)(nil)
	switch {
	case err == nil:
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(b) // whoever asked asks again
	case errors.As(err, &pruned):
		peer.Refuse(w, &peer.Problem{Status: http.StatusGone, Code: "pruned", Position: uint64(pruned.Base), Detail: err.Error()})
	case errors.Is(err, ledger.ErrNotFound):
		peer.Refuse(w, &peer.Problem{Status: http.StatusNotFound, Code: "not-there", Detail: err.Error()})
	case errors.Is(err, ledger.ErrFull):
		peer.Refuse(w, &peer.Problem{Status: http.StatusTooManyRequests, Code: "full", Detail: err.Error()})
	case errors.Is(err, ledger.ErrRejected):
		peer.Refuse(w, &peer.Problem{Status: http.StatusUnprocessableEntity, Code: "rejected", Detail: err.Error()})
	case errors.Is(err, strconv.ErrSyntax), errors.Is(err, strconv.ErrRange):
		peer.Refuse(w, &peer.Problem{Status: http.StatusBadRequest, Code: "not-a-number", Detail: err.Error()})
	default:
		peer.Refuse(w, &peer.Problem{Status: http.StatusServiceUnavailable, Code: "no-answer", Detail: err.Error()})
	}
}

// known gives the members as the trust file has them, for a node that has yet to read the ledger: those of its last epoch.
func known(l Layout, g *verify.Genesis) []verify.Member {
	t, err := readTrust(l)
	if err != nil || t.Genesis.Chain() != g.Chain() {
		return g.Members
	}
	return lastMembers(t)
}

// lastMembers gives the members of a trust file's last epoch.
func lastMembers(t *verify.Trust) []verify.Member {
	if len(t.Epochs) == 0 {
		return t.Genesis.Members
	}
	return t.Epochs[len(t.Epochs)-1].Members
}

// pinned gives the checkpoints that a history on offer must go through: those that this node made or was given. What cannot be read is
// left out: the audit names it, and the genesis alone is trusted then.
func pinned(l Layout, chainID string, log *slog.Logger) []*verify.Checkpoint {
	var texts []string
	if t, err := readTrust(l); err == nil {
		texts = t.Checkpoints
		for _, e := range t.Epochs {
			texts = append(texts, e.Checkpoint)
		}
	}
	if s, err := ledger.OpenCheckpoints(l.Checkpoints()); err != nil {
		log.Warn("the checkpoints kept here cannot be read; a history on offer is not held against them", "error", err)
	} else if note, _, err := s.Latest(); err == nil && note != nil {
		texts = append(texts, note.Encode())
	}
	var list []*verify.Checkpoint
	for _, text := range texts {
		note, err := verify.ParseNote(text)
		if err != nil {
			continue
		}
		c, err := verify.ParseCheckpoint(note.Text)
		if err == nil && c.Origin == verify.OriginOf(chainID) {
			list = append(list, c)
		}
	}
	return list
}
