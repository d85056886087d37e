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

// write puts everything that a block adds into a batch. The base is nil for the genesis. It fills in what of next is not part of the state's hash:
// the tail that the next rows rest on, and the chunk counters, which only say how history is cut for transfer.
func (s *store) write(b *pebble.Batch, base, next *state, rec *record, anchors []*ledger.Anchored) error {
	enc, plain := marshal(rec), rec.plain(next.Height, base, anchors)
	var errs []error
	if !plain {
		errs = append(errs, b.Set(key(rowBlock, uint64(next.Height)), enc, nil))
	}
	if base != nil {
		next.tail = base.tail
	}
	size := uint64(len(enc))
	for _, a := range anchors {
		size += uint64(len(a.Bytes))
		p := &placed{Anchored: *a, alone: plain, time: rec.Time}
		var err error
		if p.what, err = verify.DecodeAnchor(a.Bytes); err != nil {
			return err
		}
		if err := next.writeAnchor(b, p); err != nil {
			return err
		}
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

// writeAnchor adds an anchor to the tail of the log.
func (n *state) writeAnchor(b *pebble.Batch, p *placed) error {
	before, err := n.tail.after(p.Index)
	if err != nil {
		return err
	}
	row, first := before.encode(p)
	n.tail = append(before, p)
	if first {
		err = b.Set(orderKey(p.what.Org, p.what.Seq), binary.AppendUvarint(nil, p.Index), nil)
	}
	return errors.Join(err, b.Set(key(rowAnchor, p.Index), row, nil))
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
