package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// restore is a snapshot being taken in, chunk by chunk. Nothing of it is the node's state before the last chunk is in
// and the application hash is the one that a header vouches for.
type restore struct {
	height  int64
	appHash []byte
	digests []verify.Hash // running digest before each chunk, as the offering node claims
	at      uint32        // next chunk
	state   *state
}

var errChunk = errors.New("chain: chunk is malformed")

// OfferSnapshot accepts a snapshot that this version can read, into a state that has no block yet.
func (a *app) OfferSnapshot(_ context.Context, req *abci.RequestOfferSnapshot) (*abci.ResponseOfferSnapshot, error) {
	s := req.Snapshot
	answer := func(r abci.ResponseOfferSnapshot_Result) (*abci.ResponseOfferSnapshot, error) {
		return &abci.ResponseOfferSnapshot{Result: r}, nil
	}
	switch {
	case a.current.Load().Height > 0:
		return answer(abci.ResponseOfferSnapshot_ABORT)
	case s == nil || s.Format != snapshotFormat:
		return answer(abci.ResponseOfferSnapshot_REJECT_FORMAT)
	case s.Chunks == 0 || s.Chunks > maxChunks || len(s.Metadata) != 32*int(s.Chunks) || int64(s.Height) < 1:
		return answer(abci.ResponseOfferSnapshot_REJECT)
	}
	if err := a.store.wipe(); err != nil {
		return nil, err
	}
	genesis, rec := genesisState(a.genesis)
	b := a.store.db.NewBatch()
	err := errors.Join(
		b.Set([]byte{rowRestore}, nil, nil), a.store.write(b, nil, genesis, rec, nil), b.Commit(pebble.Sync))
	if err != nil {
		return nil, err
	}
	a.unfinished = true
	r := &restore{height: int64(s.Height), appHash: req.AppHash, state: genesis}
	for i := range s.Chunks {
		r.digests = append(r.digests, verify.Hash(s.Metadata[32*i:]))
	}
	if r.digests[0] != genesis.Digest {
		return answer(abci.ResponseOfferSnapshot_REJECT)
	}
	a.restoring = r
	return answer(abci.ResponseOfferSnapshot_ACCEPT)
}

// wipe empties the store of what an abandoned restore left; light blocks stay.
func (s *store) wipe() error {
	s.segments.forget()
	var errs []error
	for _, row := range []byte{rowBlock, rowAnchor, rowOrder, rowHead, rowNode, rowMember, rowChunk, rowCore, rowRestore, rowBegun} {
		errs = append(errs, s.db.DeleteRange([]byte{row}, []byte{row + 1}, pebble.NoSync))
	}
	return errors.Join(errs...)
}

// ApplySnapshotChunk takes in the next chunk. A chunk that does not lead to the digest before the next is asked for
// again, from another node; a last one that does not lead to the application hash condemns the snapshot.
func (a *app) ApplySnapshotChunk(_ context.Context, req *abci.RequestApplySnapshotChunk) (*abci.ResponseApplySnapshotChunk, error) {
	r, res := a.restoring, new(abci.ResponseApplySnapshotChunk)
	if r == nil || req.Index != r.at || int(r.at) >= len(r.digests) {
		res.Result = abci.ResponseApplySnapshotChunk_ABORT
		return res, nil
	}
	batch := a.store.db.NewBatch()
	defer func() { _ = batch.Close() }() // after a commit there is nothing left to close
	next, err := a.take(batch, r, req.Chunk)
	last := int(r.at) == len(r.digests)-1
	switch {
	case err == nil && !last && next.Digest == r.digests[r.at+1]:
	case err == nil && last && next.Height == r.height && string(next.AppHash[:]) == string(r.appHash):
	case last && err == nil:
		a.restoring = nil
		res.Result = abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT
		return res, nil
	default:
		res.Result = abci.ResponseApplySnapshotChunk_RETRY
		res.RefetchChunks, res.RejectSenders = []uint32{req.Index}, []string{req.Sender}
		return res, nil
	}
	if last {
		err = batch.Set([]byte{rowBegun}, binary.BigEndian.AppendUint64(nil, uint64(r.height)), nil)
	}
	if err := errors.Join(err, batch.Commit(pebble.Sync)); err != nil {
		return nil, fmt.Errorf("chain: write the state: %w", err)
	}
	a.restored(r.height, int(req.Index)+1, len(r.digests))
	if last {
		if err := a.continues(next); err != nil { // the next snapshot on offer wipes it
			a.restoring = nil
			res.Result = abci.ResponseApplySnapshotChunk_REJECT_SNAPSHOT
			return res, nil
		}
	}
	r.state, r.at = next, r.at+1
	if last {
		a.restoring = nil
		a.advance(next)
		a.pool.reset()
	}
	res.Result = abci.ResponseApplySnapshotChunk_ACCEPT
	return res, nil
}

// continues tells whether a restored log begins with those of the trusted checkpoints, as far as it goes.
func (a *app) continues(s *state) error {
	for _, t := range a.trusted {
		if t.Size > s.log.size {
			continue
		}
		f, err := a.store.frontierAt(t.Size)
		if err != nil {
			return err
		}
		if t.Size > 0 && f.root() != t.Root {
			return fmt.Errorf("%w: another log of %d anchors", ErrUntrusted, t.Size)
		}
	}
	return nil
}

// begun is the height of the snapshot that this node began from; 0 when it has gone through every block itself.
func (s *store) begun() int64 {
	b, err := s.get([]byte{rowBegun})
	if err != nil || len(b) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

// take adds the blocks of a chunk to a batch and gives the state after them.
func (a *app) take(batch *pebble.Batch, r *restore, chunk []byte) (*state, error) {
	s := r.state
	err := decodeChunk(chunk, func(rec *record, anchors []*ledger.Anchored) error {
		if s.Height >= r.height {
			return fmt.Errorf("%w: it goes beyond the snapshot", errChunk)
		}
		next, err := s.next(rec, anchors, nodeWriter(batch))
		if err != nil {
			return err
		}
		if err := a.store.write(batch, s, next, rec, anchors); err != nil {
			return err
		}
		s = next
		return nil
	})
	return s, err
}

// decodeChunk calls fn for the blocks of a chunk, in order.
func decodeChunk(chunk []byte, fn func(*record, []*ledger.Anchored) error) error {
	if len(chunk) > maxChunk {
		return fmt.Errorf("%w: %d bytes, at most %d", errChunk, len(chunk), maxChunk)
	}
	for c := (&cursor{b: chunk}); len(c.b) > 0; {
		rec, err := unmarshal[record](c.bytes())
		if err != nil {
			return fmt.Errorf("%w: %w", errChunk, err)
		}
		anchors := c.anchors()
		if c.bad {
			return errChunk
		}
		if err := fn(rec, anchors); err != nil {
			return err
		}
	}
	return nil
}

func (c *cursor) anchors() []*ledger.Anchored {
	n := c.uint()
	if n > uint64(len(c.b)) {
		c.bad = true
		return nil
	}
	list := make([]*ledger.Anchored, 0, n)
	for range n {
		tx := c.uint()
		b := c.bytes()
		p, err := parse(b)
		if c.bad || err != nil || p.anchor == nil || tx > maxBlock {
			c.bad = true
			return nil
		}
		list = append(list, &ledger.Anchored{Bytes: b, ID: p.id, Tx: uint32(tx)})
	}
	return list
}

// dropRestore wipes what is left of a restore that CometBFT had not taken up when the node stopped.
func (s *store) dropRestore() error {
	switch _, err := s.get([]byte{rowRestore}); {
	case errors.Is(err, ledger.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return s.wipe()
}
