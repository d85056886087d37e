package chain

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// chunkSize is when a chunk of history is full, in bytes; the block that fills it is its last. A block has at most
// maxBlock bytes, so that a chunk stays well below the 16 MiB that CometBFT transfers.
const chunkSize = 4 << 20

// chunkStart is where a chunk of history begins, and the running digest before it, against which the chunk before it is
// checked when a snapshot is restored.
type chunkStart struct {
	First  int64       `cbor:"1,keyasint"`
	Digest verify.Hash `cbor:"2,keyasint"`
}

// write puts everything that a block adds into a batch. The base is nil for the genesis. It fills in the chunk counters
// of next, which are part of the state but not of its hash: they only say how history is cut for transfer.
func (s *store) write(b *pebble.Batch, base, next *state, rec *record, anchors []*ledger.Anchored) error {
	enc := marshal(rec)
	errs := []error{b.Set(key(rowBlock, uint64(next.Height)), enc, nil)}
	size := uint64(len(enc))
	for _, a := range anchors {
		v := encodeStored(a.Height, a.Tx, a.Bytes)
		size += uint64(len(v))
		an, err := verify.DecodeAnchor(a.Bytes)
		if err != nil {
			return err
		}
		errs = append(errs,
			b.Set(key(rowAnchor, a.Index), v, nil),
			b.Set(orderKey(an.Org, an.Seq), binary.AppendUvarint(nil, a.Index), nil))
	}
	if rec.Members != nil || rec.NewEpoch != nil || len(rec.Evidence) > 0 {
		errs = append(errs, b.Set(key(rowMember, uint64(next.Height)), nil, nil))
	}
	errs = append(errs, writeHeads(b, base, next)...)
	switch {
	case base == nil:
		errs = append(errs, b.Set(key(rowChunk, 0), marshal(chunkStart{1, next.Digest}), nil))
	case base.Filled >= s.full:
		errs = append(errs, b.Set(key(rowChunk, uint64(base.Chunks)), marshal(chunkStart{next.Height, base.Digest}), nil))
		next.Chunks, next.Filled = base.Chunks+1, size
	default:
		next.Filled = base.Filled + size
	}
	return errors.Join(append(errs, b.Set([]byte{rowCore}, marshal(next.core), nil))...)
}

// writeHeads writes the heads that moved.
func writeHeads(b *pebble.Batch, base, next *state) []error {
	var errs []error
	if base == nil {
		return nil // nobody has an anchor before the first block
	}
	for org, head := range next.heads {
		if old, ok := base.heads[org]; !ok || old != head {
			errs = append(errs, b.Set(headKey(org), marshal(head), nil))
		}
	}
	return errs
}

// nodeWriter puts the log's nodes into a batch as they are completed.
func nodeWriter(b *pebble.Batch) func(uint8, uint64, verify.Hash) {
	return func(level uint8, index uint64, h verify.Hash) {
		_ = b.Set(nodeKey(level, index), h[:], nil) // into memory; fails only on a closed batch
	}
}
