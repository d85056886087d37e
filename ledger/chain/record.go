package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// record is what is kept for ever of one block besides its anchors. Records and anchors, in order of height, are the
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

// stored is an anchor as stored: height and place in its block, then its bytes.
func encodeStored(height int64, tx uint32, anchor []byte) []byte {
	b := binary.AppendUvarint(make([]byte, 0, 12+len(anchor)), uint64(height))
	b = binary.AppendUvarint(b, uint64(tx))
	return append(b, anchor...)
}

func decodeStored(index uint64, b []byte) (*ledger.Anchored, error) {
	height, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, fmt.Errorf("store: anchor %d is damaged", index)
	}
	tx, m := binary.Uvarint(b[n:])
	if m <= 0 {
		return nil, fmt.Errorf("store: anchor %d is damaged", index)
	}
	a := &ledger.Anchored{Index: index, Height: int64(height), Tx: uint32(tx)}
	a.Bytes = append(make([]byte, 0, len(b)-n-m), b[n+m:]...)
	a.ID = sha256.Sum256(a.Bytes)
	return a, nil
}
