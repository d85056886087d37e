package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Plan is a batch as it was decided on. It is durable before its anchor is submitted, so that after a crash the very same
// bytes are submitted again: an organisation that signed two different anchors of one number would have forked its own sequence.
type Plan struct {
	Seq        uint64         // of the anchor
	Begin, End journal.Cursor // the batch's records lie in [Begin, End) of the journal, its entries in [Begin.Entry, End.Entry)
	Key        BatchKey       // of its run
	// Anchor is the signed transaction, verify.Anchor.Encode. It is left out (nil) of plans that were trimmed: the chain has it, for ever.
	Anchor []byte
}

// ID is the anchor's: what the next one names as its predecessor. A plan that was trimmed has none.
func (p *Plan) ID() verify.Hash { return sha256.Sum256(p.Anchor) }

// trimmed tells whether the anchor was left out.
func (p *Plan) trimmed() bool { return len(p.Anchor) == 0 }

// gave tells whether an anchor on the chain can be the plan's. Of one that was trimmed this was found to be so before.
func (p *Plan) gave(id verify.Hash) bool { return p.trimmed() || p.ID() == id }

// Seed gives the seed of the batch's dummies.
func (p *Plan) Seed() verify.Hash { return p.Key.Seed(p.Seq) }

// Manifest gives the batch's manifest.
func (p *Plan) Manifest() []byte { return p.Key.Manifest(p.Seq, uint32(p.Entries())) }

// Entries counts the entries of the batch, without padding.
func (p *Plan) Entries() uint64 { return p.End.Entry - p.Begin.Entry }

// A plan in a file is length[2] ‖ CRC-32C[4] ‖ body. The checksum covers the sequence number too, so that a plan in the wrong
// place is not taken for another. Where it begins is where the one before it ended, and not written again; its key is in the file's header:
//
//	body = uvarint entries ‖ uvarint segments advanced ‖ uvarint end offset ‖ anchor, nothing when trimmed
const (
	planHead  = 2 + 4
	maxAnchor = 2 << 10 // an anchor of 16 custodians has 1,384
	maxPlan   = 4 << 10 // bytes of one body
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errPlan = errors.New("malformed plan")

func planSum(seq uint64, body []byte) uint32 {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seq)
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, body)
}

// append adds the plan's record to b.
func (p *Plan) append(b []byte) []byte {
	head := len(b)
	b = append(b, make([]byte, planHead)...)
	b = binary.AppendUvarint(b, p.Entries())
	b = binary.AppendUvarint(b, uint64(p.End.Segment-p.Begin.Segment))
	b = binary.AppendUvarint(b, uint64(p.End.Offset))
	b = append(b, p.Anchor...)
	body := b[head+planHead:]
	binary.BigEndian.PutUint16(b[head:], uint16(len(body)))
	binary.BigEndian.PutUint32(b[head+2:], planSum(p.Seq, body))
	return b
}

// check tells whether the plan may be written after one that ended at begin.
func (p *Plan) check(seq uint64, begin journal.Cursor) error {
	switch {
	case p.Seq != seq || p.Begin != begin:
		return errors.New("ledger: a plan does not continue the one before it")
	case p.End.Entry < begin.Entry || p.End.Segment < begin.Segment || p.End.Offset < 0:
		return errors.New("ledger: a plan ends before it begins")
	case len(p.Anchor) > maxAnchor || p.trimmed():
		return errors.New("ledger: a plan has no anchor, or one that is too large")
	}
	return nil
}

// takePlan reads the record at the head of b, of which rest is what follows. The plan points into b and has no key yet.
func takePlan(b []byte, seq uint64, begin journal.Cursor) (p *Plan, rest []byte, err error) {
	if len(b) < planHead {
		return nil, nil, errPlan
	}
	n := int(binary.BigEndian.Uint16(b))
	if n == 0 || n > maxPlan || len(b) < planHead+n {
		return nil, nil, errPlan
	}
	body, rest := b[planHead:planHead+n:planHead+n], b[planHead+n:]
	if planSum(seq, body) != binary.BigEndian.Uint32(b[2:]) {
		return nil, nil, errPlan
	}
	p = &Plan{Seq: seq, Begin: begin, End: begin}
	if err := p.body(body); err != nil {
		return nil, nil, err
	}
	return p, rest, nil
}

func (p *Plan) body(b []byte) error {
	var fields [3]uint64
	for i := range fields {
		v, w := binary.Uvarint(b)
		if w <= 0 {
			return errPlan
		}
		fields[i], b = v, b[w:]
	}
	if fields[1] > 1<<31 || fields[2] > 1<<62 || len(b) > maxAnchor {
		return errPlan
	}
	p.End.Entry += fields[0]
	p.End.Segment += uint32(fields[1])
	p.End.Offset = int64(fields[2])
	p.Anchor = b
	return nil
}
