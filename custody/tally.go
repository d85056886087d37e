package custody

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/sijil-health/sijil/verify"
)

// tally is how far an owner's entries have been vouched for.
type tally struct {
	// Covered: of the entries below it, those held here are in anchored batches, or in batches that the one signed last builds on.
	Covered uint64 `cbor:"1,keyasint"`
	// Next is the number of the batch that begins at Covered.
	Next uint64 `cbor:"2,keyasint"`
	// Signed are the forms in which the last batch was signed. There is more than one only where the owner lost its plan between
	// the signature and the chain and cut the batch anew; whichever it built on settles which one counts.
	Signed []signed `cbor:"3,keyasint,omitempty"`
}

// signed is a batch that was vouched for and is not known to be anchored.
type signed struct {
	Seq   uint64      `cbor:"1,keyasint"`
	Core  verify.Hash `cbor:"2,keyasint"` // SHA-256 of Anchor.CustodyBytes
	Begin uint64      `cbor:"3,keyasint"`
	End   uint64      `cbor:"4,keyasint"`
}

// maxForms bounds the forms of one batch that are signed.
const maxForms = 8

func (b *book) tally(owner verify.OrgID) (t tally, err error) {
	_, err = b.get(bookKey(keyTally, owner), &t)
	return t, err
}

// vouch writes down tags and tally together, durably.
func (b *book) vouch(owner verify.OrgID, t tally, tags map[verify.Tag]place) error {
	batch := b.db.NewBatchWithSize(len(tags)*48 + 256)
	defer batch.Close()
	for tag, p := range tags {
		if err := batch.Set(append(bookKey(keyTag, owner), tag[:]...), p.encode(), nil); err != nil {
			return fmt.Errorf("custody: write the book: %w", err)
		}
	}
	if err := batch.Set(bookKey(keyTally, owner), must(wireEnc.Marshal(t)), nil); err != nil {
		return fmt.Errorf("custody: write the book: %w", err)
	}
	return b.commit(batch)
}

// core names the form of a batch that a custodian vouches for, whatever else the anchor came to say.
func core(a *verify.Anchor) verify.Hash { return sha256.Sum256(a.CustodyBytes("")) }

func (t *tally) signed(a *verify.Anchor, begin, end uint64) bool {
	return slices.Contains(t.Signed, signed{Seq: a.Seq, Core: core(a), Begin: begin, End: end})
}

// sign notes a batch as the last one signed. Forms of an earlier number are settled, or nothing held here depends on them.
func (t *tally) sign(b *heard) {
	now := signed{Seq: b.Anchor.Seq, Core: core(&b.Anchor), Begin: b.Begin.Entry, End: b.End.Entry}
	t.Signed = slices.DeleteFunc(t.Signed, func(s signed) bool { return s.Seq != now.Seq || s == now })
	if len(t.Signed) == maxForms {
		t.Signed = t.Signed[1:]
	}
	t.Signed = append(t.Signed, now)
}
