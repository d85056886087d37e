package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// A snapshot is the history up to a height at which the application hash moved: the next header, which CometBFT makes
// at once, vouches for it. Its chunks are ranges of the history, cut where every node cuts, and a full chunk never
// changes; they are read from the store when asked for. Making a snapshot costs nothing and stops nothing.
const (
	snapshotFormat = 1
	// maxChunk bounds a chunk, in bytes: a full one and the block that filled it.
	maxChunk = chunkSize + 2*maxBlock
	// maxChunks bounds a snapshot: 64 GiB of history.
	maxChunks = 1 << 14
)

// ListSnapshots offers the last heights at which the application hash moved and after which there is a block.
func (a *app) ListSnapshots(context.Context, *abci.RequestListSnapshots) (*abci.ResponseListSnapshots, error) {
	s, res := a.current.Load(), new(abci.ResponseListSnapshots)
	for _, height := range s.Seals {
		if height >= s.Height {
			continue // no header vouches for it yet
		}
		starts, err := a.store.chunkStarts(height)
		if err != nil {
			return nil, err
		}
		sum := verify.Hash{}
		meta := make([]byte, 0, 32*len(starts))
		for _, c := range starts {
			sum = c.Digest
			meta = append(meta, c.Digest[:]...)
		}
		res.Snapshots = append(res.Snapshots, &abci.Snapshot{
			Height: uint64(height), Format: snapshotFormat, Chunks: uint32(len(starts)), Hash: sum[:], Metadata: meta,
		})
	}
	return res, nil
}

// chunkStarts lists where the chunks of the history up to a height begin.
func (s *store) chunkStarts(height int64) ([]chunkStart, error) {
	var starts []chunkStart
	err := s.each([]byte{rowChunk}, []byte{rowChunk + 1}, func(_, v []byte) error {
		c, err := unmarshal[chunkStart](v)
		if err != nil {
			return fmt.Errorf("chain: the chunks of the state are damaged: %w", err)
		}
		if c.First <= height {
			starts = append(starts, *c)
		}
		return nil
	})
	if err == nil && len(starts) > maxChunks {
		err = fmt.Errorf("chain: the history has %d chunks, at most %d can be transferred", len(starts), maxChunks)
	}
	return starts, err
}

// LoadSnapshotChunk reads a chunk of the history up to a height; an empty answer says that there is none.
func (a *app) LoadSnapshotChunk(_ context.Context, req *abci.RequestLoadSnapshotChunk) (*abci.ResponseLoadSnapshotChunk, error) {
	res := new(abci.ResponseLoadSnapshotChunk)
	if req.Format != snapshotFormat || req.Height > math.MaxInt64 {
		return res, nil
	}
	var err error
	res.Chunk, err = a.chunkOf(int64(req.Height), req.Chunk)
	return res, err
}

// chunkOf reads a chunk of the history up to a height; empty when there is none.
func (a *app) chunkOf(height int64, index uint32) ([]byte, error) {
	if s := a.current.Load(); height > s.Height || index >= s.Chunks {
		return nil, nil
	}
	first, err := getAs[chunkStart](a.store, key(rowChunk, uint64(index)))
	if err != nil {
		return nil, err
	}
	last := height
	if next, err := getAs[chunkStart](a.store, key(rowChunk, uint64(index)+1)); err == nil {
		last = min(last, next.First-1)
	} else if !errors.Is(err, ledger.ErrNotFound) {
		return nil, err
	}
	return a.store.chunk(first.First, last)
}

// chunk encodes the blocks of a range of heights: for each the length of its record, the record, the number of its
// anchors, and for each of these its place in the block, its length and its bytes.
func (s *store) chunk(first, last int64) ([]byte, error) {
	var b []byte
	before, err := s.record(first - 1)
	if err != nil {
		return nil, err
	}
	index := before.LogSize
	for height := first; height <= last; height++ {
		rec, err := s.record(height)
		if err != nil {
			return nil, fmt.Errorf("chain: record of block %d: %w", height, err)
		}
		enc := marshal(rec)
		b = binary.AppendUvarint(b, uint64(len(enc)))
		b = append(b, enc...)
		b = binary.AppendUvarint(b, rec.LogSize-index)
		err = s.anchors(index, rec.LogSize, func(a *ledger.Anchored) error {
			b = binary.AppendUvarint(b, uint64(a.Tx))
			b = binary.AppendUvarint(b, uint64(len(a.Bytes)))
			b = append(b, a.Bytes...)
			return nil
		})
		if err != nil {
			return nil, err
		}
		index = rec.LogSize
	}
	return b, nil
}
