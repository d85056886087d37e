package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// record is what there is for ever of one block besides its anchors. Records and anchors, in order of height, are the
// whole history; every other row of the store follows from them.
type record struct {
	Time    int64  `cbor:"1,keyasint"` // of the header, Unix milliseconds
	LogSize uint64 `cbor:"2,keyasint"` // after the block
	Epoch   uint64 `cbor:"3,keyasint"` // whose validators signed the block
	Sealed  bool   `cbor:"4,keyasint,omitempty"`
	// Changes are the membership transactions as they stood in the block, after the anchors.
	Changes  [][]byte           `cbor:"5,keyasint,omitempty"`
	Members  *ledger.Membership `cbor:"6,keyasint,omitempty"` // after the block, where it differs from before
	NewEpoch *ledger.Epoch      `cbor:"7,keyasint,omitempty"` // that this block decided on
	Evidence []ledger.Evidence  `cbor:"8,keyasint,omitempty"`
}

// fold adds a block to the running digest. Two nodes with one digest have had the same blocks and made the same of them.
func fold(digest verify.Hash, height int64, rec []byte, anchors []*ledger.Anchored) verify.Hash {
	h := sha256.New()
	h.Write([]byte("sijil/run/1"))
	h.Write(digest[:])
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(height))
	h.Write(n[:])
	binary.BigEndian.PutUint64(n[:], uint64(len(rec)))
	h.Write(n[:])
	h.Write(rec)
	for _, a := range anchors {
		binary.BigEndian.PutUint64(n[:], uint64(a.Tx))
		h.Write(n[:])
		h.Write(a.ID[:])
	}
	return verify.Hash(h.Sum(nil))
}

// appHash is what headers carry of the state: SHA-256("sijil/app/1" ‖ log size ‖ log root ‖ running digest). The digest is
// the state's root: all of the state follows from what it covers.
func appHash(log frontier, digest verify.Hash) verify.Hash {
	root := log.root()
	b := append(make([]byte, 0, 96), "sijil/app/1"...)
	b = binary.BigEndian.AppendUint64(b, log.size)
	b = append(b, root[:]...)
	b = append(b, digest[:]...)
	return sha256.Sum256(b)
}

// plainEvery is how often a record is stored at least, in blocks.
const plainEvery = 64

// plain tells whether a block's record need not be stored: it has one anchor alone, which stands first and tells its time, and the rest follows from the
// record before it. Between a stored record and the next one all blocks are plain, so that the height tells which anchor is whose.
func (r *record) plain(height int64, base *state, anchors []*ledger.Anchored) bool {
	return base != nil && height%plainEvery != 0 && len(anchors) == 1 && anchors[0].Tx == 0 && r.Epoch == base.epoch && !r.Sealed &&
		r.Changes == nil && r.Members == nil && r.NewEpoch == nil && r.Evidence == nil
}

// record gives the record of a height; ledger.ErrNotFound when the chain does not reach it.
func (s *store) record(height int64) (*record, error) {
	first, rec, err := s.recordBefore(height)
	if err != nil || first == height {
		return rec, err
	}
	p, err := s.placedAt(rec.LogSize + uint64(height-first) - 1)
	if err != nil {
		return nil, err
	}
	if p.Height != height || !p.alone {
		return nil, fmt.Errorf("chain: the record of block %d is missing from the state", height)
	}
	return &record{Time: p.time, LogSize: p.Index + 1, Epoch: rec.Epoch}, nil
}

// recordBefore reads the last record that is stored up to a height.
func (s *store) recordBefore(height int64) (at int64, rec *record, err error) {
	leave, err := s.enter()
	if err != nil {
		return 0, nil, err
	}
	defer leave()
	from := key(rowBlock, uint64(max(0, height-plainEvery+1)))
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: key(rowBlock, uint64(height)+1)})
	if err != nil {
		return 0, nil, s.failed(err)
	}
	if !it.Last() {
		return 0, nil, errors.Join(s.failed(it.Error()), it.Close(), ledger.ErrNotFound)
	}
	at = heightOf(it.Key())
	rec, err = rowAs[record](it.Key(), it.Value())
	return at, rec, errors.Join(err, it.Close())
}
