package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// MaxEntries bounds the entries of one batch, unless a single journal record has more: with the manifest they fill 4,096 leaves.
const MaxEntries = 4095

// Sealer makes what only the organisation's auditors can read.
type Sealer interface {
	// Seed gives the seed of a batch's dummies: HMAC-SHA-256(manifest key, sequence number).
	Seed(seq uint64) (verify.Hash, error)
	// SealManifest seals the encoded manifest, see Manifest.Encode. The result has at most 1,024 bytes and is the same each time, so
	// that a lost plan can be made again.
	SealManifest(manifest []byte) ([]byte, error)
}

// Manifest tells auditors how many leaves of a batch are entries, so that no dummy can be shown as an entry later.
type Manifest struct {
	Seq     uint64
	Entries uint32
	Seed    verify.Hash
}

const manifestSize = 8 + 4 + 32

// Encode gives u64be seq ‖ u32be entries ‖ seed.
func (m *Manifest) Encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, manifestSize), m.Seq)
	b = binary.BigEndian.AppendUint32(b, m.Entries)
	return append(b, m.Seed[:]...)
}

// DecodeManifest reads what Encode wrote.
func DecodeManifest(b []byte) (*Manifest, error) {
	if len(b) != manifestSize {
		return nil, fmt.Errorf("ledger: a manifest of %d bytes, want %d", len(b), manifestSize)
	}
	return &Manifest{binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:]), verify.Hash(b[12:])}, nil
}

// Draft is a batch with its anchor before anybody signed it: what custodians are asked to vouch for. They hold the records
// in [Begin, End) already, can make the leaves from them, and with seed and manifest the root.
type Draft struct {
	Anchor     verify.Anchor  // without flags, custodians and signature; custodians sign its CustodyBytes
	Begin, End journal.Cursor // the entries are [Begin.Entry, End.Entry)
	Seed       verify.Hash
	Manifest   []byte        // sealed
	Leaves     []verify.Hash // of the entries alone; belongs to the Draft
}

// cut makes the batch of a run of entries' leaves: what is to be its anchor, unsigned.
func cut(seal Sealer, seq uint64, begin, end journal.Cursor, leaves []verify.Hash) (*Draft, error) {
	if uint64(len(leaves)) != end.Entry-begin.Entry {
		return nil, fmt.Errorf("ledger: %d leaves for entries %d to %d", len(leaves), begin.Entry, end.Entry)
	}
	count := verify.PaddedCount(len(leaves))
	if count == 0 {
		return nil, errors.New("ledger: a batch has too many entries")
	}
	seed, err := seal.Seed(seq)
	if err != nil {
		return nil, fmt.Errorf("ledger: seed of batch %d: %w", seq, err)
	}
	m := Manifest{seq, uint32(len(leaves)), seed}
	sealed, err := seal.SealManifest(m.Encode())
	if err != nil {
		return nil, fmt.Errorf("ledger: manifest of batch %d: %w", seq, err)
	}
	if len(sealed) > maxManifest {
		return nil, fmt.Errorf("ledger: manifest of batch %d: %d bytes, at most %d", seq, len(sealed), maxManifest)
	}
	padded, err := verify.PadBatch(append(make([]verify.Hash, 0, count), leaves...), seed, sealed)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	d := &Draft{Begin: begin, End: end, Seed: seed, Manifest: sealed, Leaves: padded[:len(leaves):len(leaves)]}
	d.Anchor.Seq, d.Anchor.Count, d.Anchor.Root = seq, uint32(count), verify.BatchRoot(padded)
	return d, nil
}
