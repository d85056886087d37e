package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// A member without a vote is fed over the node-to-node service: one stream of blocks from one voting member, and questions to any.

const (
	askPath  = "/peer/v1/chain/ask"
	feedPath = peer.EndlessPrefix + "feed"
	// maxFeeds bounds the streams that one member may have open here: one, and those that it has yet to notice the end of.
	maxFeeds = 4
)

// feed is what such a member's engine reaches the others by.
type feed struct{ headers }

var _ chain.Feed = (*feed)(nil)

// Members implements chain.Feed.
func (f *feed) Members(context.Context) (list []verify.OrgID, err error) {
	for _, m := range f.members() {
		if m.Power > 0 && m.Peer != "" && m.Org != f.org {
			list = append(list, m.Org)
		}
	}
	return list, nil
}

// Ask implements chain.Feed.
func (f *feed) Ask(ctx context.Context, member verify.OrgID, q *chain.Question) ([]byte, error) {
	return f.fetch(ctx, member, peer.Request{Method: http.MethodPost, Path: askPath, Body: q.Encode()}, chain.MaxAnswer)
}

// Blocks implements chain.Feed.
func (f *feed) Blocks(ctx context.Context, member verify.OrgID, after int64, take func([]byte) error) error {
	s, err := f.peers.Open(ctx, member, feedPath+"?after="+strconv.FormatInt(after, 10))
	if err != nil {
		return chainError(err)
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { _ = s.Close() })()
	r := bufio.NewReader(s)
	for {
		message, err := readMessage(r)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = take(message)
		}
		if err != nil {
			return err
		}
	}
}

// readMessage reads a message of a feed: its length as four bytes, big-endian, then itself.
func readMessage(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > chain.MaxFed {
		return nil, fmt.Errorf("a message of %d bytes, at most %d", n, chain.MaxFed)
	}
	var b bytes.Buffer // grows with what arrives, whatever was announced
	if _, err := io.CopyN(&b, r, int64(n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// readers counts the streams that members are fed by here.
type readers struct {
	mu   sync.Mutex
	open map[verify.OrgID]int
}

// enter notes one more; ok is false when that member has enough of them.
func (r *readers) enter(org verify.OrgID) (leave func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[verify.OrgID]int{}
	}
	if r.open[org] >= maxFeeds {
		return nil, false
	}
	r.open[org]++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.open[org]--; r.open[org] == 0 {
			delete(r.open, org)
		}
	}, true
}

// has tells whether a member is being fed.
func (r *readers) has(org verify.OrgID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open[org] > 0
}

// connected gives the members that this node is in touch with: by the engine's own connections, and those that are fed here. One without a
// vote keeps a stream to one member only; between it and the others it counts whether the last request was answered.
func (n *Node) connected(e *ledger.Status) map[verify.OrgID]bool {
	connected := map[verify.OrgID]bool{n.org: true}
	for _, p := range e.Peers {
		connected[p.Org] = true
	}
	if n.peers == nil {
		return connected
	}
	votes := map[verify.OrgID]bool{}
	for _, m := range n.roster.members() {
		votes[m.Org] = m.Power > 0
		connected[m.Org] = connected[m.Org] || n.readers.has(m.Org)
	}
	for _, h := range n.peers.Health() {
		if !(votes[n.org] && votes[h.Org]) && h.Failing.IsZero() && !h.LastSeen.IsZero() {
			connected[h.Org] = true
		}
	}
	return connected
}

// serveFeed feeds other members from this node's own chain.
func (n *Node) serveFeed(mux *http.ServeMux) {
	mux.HandleFunc("POST "+askPath, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, chain.MaxQuestion))
		var q *chain.Question
		if err == nil {
			q, err = chain.DecodeQuestion(b)
		}
		if err != nil {
			peer.Refuse(w, &peer.Problem{Status: http.StatusBadRequest, Code: "no-question", Detail: err.Error()})
			return
		}
		b, err = n.feeder.Answer(r.Context(), q)
		giveHeader(w, b, err)
	})
	mux.HandleFunc("POST "+feedPath, n.giveBlocks)
}

func (n *Node) giveBlocks(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil {
		giveHeader(w, nil, err)
		return
	}
	org, _ := peer.Caller(r.Context())
	leave, ok := n.readers.enter(org)
	if !ok {
		peer.Refuse(w, &peer.Problem{Status: http.StatusTooManyRequests, Code: "fed", Detail: fmt.Sprintf("this member is fed by %d streams already", maxFeeds)})
		return
	}
	defer leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-peer.Closing(ctx):
			cancel()
		case <-ctx.Done():
		}
	}()
	began, flush := false, http.NewResponseController(w).Flush
	err = n.feeder.Blocks(ctx, after, func(message []byte) error {
		if err := peer.Admitted(ctx); err != nil {
			return err
		}
		began = true
		b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(message)), uint32(len(message)))
		if _, err := w.Write(append(b, message...)); err != nil {
			return err
		}
		return flush()
	})
	if !began && ctx.Err() == nil {
		giveHeader(w, nil, err) // else the stream's end says enough
	}
}

// chainError gives an answer's problem the ledger's own name back.
func chainError(err error) error {
	problem := (*peer.Problem)(nil)
	if !errors.As(err, &problem) {
		return err
	}
	switch problem.Code {
	case "pruned":
		return &ledger.PrunedError{Base: int64(problem.Position)}
	case "not-there":
		return ledger.ErrNotFound
	case "full":
		return ledger.ErrFull
	case "rejected":
		return fmt.Errorf("%w: %s", ledger.ErrRejected, problem.Detail)
	}
	return err
}
