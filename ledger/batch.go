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

// Sealer derives what only the organisation's auditors can derive.
type Sealer interface {
	// BatchKey gives the key of a run of batches, those of one file of plans: the same each time, and to nobody without the audit key
	// different from random. See BatchKey for what follows from it.
	BatchKey(run uint64) (BatchKey, error)
}

// BatchKey is what the dummies and manifests of RunOfBatches batches follow from, so that neither need be kept. It stands beside the plans: who
// reads the plans or the journal can count the entries anyway. Auditors derive it from the audit key.
type BatchKey [32]byte

// RunOfBatches is the number of batches with one BatchKey; batch seq belongs to run seq / RunOfBatches.
const RunOfBatches = plansPerFile

// Seed gives the seed of a batch's dummies: HMAC-SHA-256(key, "sijil/seed/1" ‖ u64be seq).
func (k *BatchKey) Seed(seq uint64) verify.Hash {
	return verify.Commit((*[32]byte)(k), binary.BigEndian.AppendUint64([]byte("sijil/seed/1"), seq))
}

// Manifest tells auditors how many leaves of a batch are entries, so that no dummy can be shown as an entry later:
// HMAC-SHA-256(key, "sijil/manifest/1" ‖ u64be seq ‖ u32be entries). Who has the key holds it against a count; there are few that the
// padded one allows. Two counts with one manifest would be a collision of SHA-256.
func (k *BatchKey) Manifest(seq uint64, entries uint32) []byte {
	b := binary.BigEndian.AppendUint64([]byte("sijil/manifest/1"), seq)
	m := verify.Commit((*[32]byte)(k), binary.BigEndian.AppendUint32(b, entries))
	return m[:]
}

// Draft is a batch with its anchor before anybody signed it: what custodians are asked to vouch for. They hold the records
// in [Begin, End) already, can make the leaves from them, and with seed and manifest the root.
type Draft struct {
	Anchor     verify.Anchor  // without flags, custodians and signature; custodians sign its CustodyBytes
	Begin, End journal.Cursor // the entries are [Begin.Entry, End.Entry)
	Key        BatchKey       // not for custodians
	Seed       verify.Hash
	Manifest   []byte
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
	key, err := seal.BatchKey(seq / RunOfBatches)
	if err != nil {
		return nil, fmt.Errorf("ledger: key of batch %d: %w", seq, err)
	}
	seed, sealed := key.Seed(seq), key.Manifest(seq, uint32(len(leaves)))
	padded, err := verify.PadBatch(append(make([]verify.Hash, 0, count), leaves...), seed, sealed)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	d := &Draft{Begin: begin, End: end, Key: key, Seed: seed, Manifest: sealed, Leaves: padded[:len(leaves):len(leaves)]}
	d.Anchor.Seq, d.Anchor.Count, d.Anchor.Root = seq, uint32(count), verify.BatchRoot(padded)
	return d, nil
}
