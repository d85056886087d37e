package custody

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// withdrawal is an owner's word that records which a custodian holds are void: they are gone from the owner's disk, by a loss of power or an
// older copy of it, they could not be brought back before the owner wrote on, and others stand in their places. Most were on their
// way and acknowledged to nobody; a disk that lied about an fsync also takes acknowledged ones. Hence a withdrawal is told on both sides.
type withdrawal struct {
	Range     journal.Range    `cbor:"1,keyasint"` // in one segment, up to the end of a run held
	Hash      verify.Hash      `cbor:"2,keyasint"` // SHA-256 of the bytes held there
	Signature verify.Signature `cbor:"3,keyasint"` // by the owner over signingBytes
}

// signingBytes is what the owner signs:
//
//	"sijil/withdraw/1" 0 ‖ chain ‖ 0 ‖ owner ‖ custodian ‖ start[20] ‖ end[20] ‖ hash[32]
func (w *withdrawal) signingBytes(chain string, owner, custodian verify.OrgID) []byte {
	b := []byte("sijil/withdraw/1\x00" + chain + "\x00")
	b = append(append(b, owner[:]...), custodian[:]...)
	for _, at := range []journal.Cursor{w.Range.Start, w.Range.End} {
		b, _ = at.AppendBinary(b) // it has no error
	}
	return append(b, w.Hash[:]...)
}

// Withdrawn is a run of records that a custodian took back at this node's word, and keeps aside.
type Withdrawn struct {
	Custodian verify.OrgID   `json:"custodian"`
	Start     journal.Cursor `json:"start"`
	End       journal.Cursor `json:"end"`
	Entries   uint64         `json:"entries"`
	Time      int64          `json:"time"` // Unix milliseconds
}

// maxMeetings bounds the runs that are withdrawn at one custodian before it is given up for a while.
const maxMeetings = 64

var errStranger = errors.New("custody: it does not show the records that it claims to hold")

// meet makes sure, once for as long as this node runs, that a custodian holds no records but those of this node's journal. Before that
// nothing of the journal is sent there and nothing asked about it: a loss of power may have taken records from this disk that the
// custodian already had, and others in their place would make two histories. Such records are withdrawn.
func (c *courier) meet() error {
	c.meeting.Lock()
	defer c.meeting.Unlock()
	c.mu.Lock()
	known := c.met[c.org]
	c.mu.Unlock()
	if known {
		return nil
	}
	select {
	case <-c.started:
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	for range maxMeetings {
		h, err := c.holdings()
		if err != nil {
			return err
		}
		same, err := c.same(h.Last)
		if err != nil {
			return err
		}
		if same {
			c.mu.Lock()
			c.met[c.org] = true
			c.mu.Unlock()
			return nil
		}
		if err := c.void(h); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: %s", errStranger, c.org)
}

func (c *courier) holdings() (held, error) {
	ctx, cancel := context.WithTimeout(c.ctx, tendWait)
	defer cancel()
	return c.ask.held(ctx, c.org)
}

// same tells whether the last bytes that a custodian holds are in this journal too. Then so are all others: records are sent in the
// order of the journal, the last of a run of this node among the last held, and no two histories have a sealed record in common after
// the place where they part.
func (c *courier) same(l last) (bool, error) {
	if l.Size == 0 {
		return true, nil
	}
	if l.Size < 0 || l.Size > lastBytes || l.Size > l.End.Offset {
		return false, fmt.Errorf("%w: %s names %d bytes before %s", errStranger, c.org, l.Size, l.End)
	}
	own, err := c.sources().Journal.ReadRaw(l.End.Segment, l.End.Offset-l.Size, int(l.Size))
	if errors.Is(err, journal.ErrCursor) {
		return false, nil
	}
	return err == nil && hashOf(own) == l.Hash, err
}

// void withdraws what the furthest run held has beyond its last record that is this node's own. What it has there must be this node's
// word that something else stands in its place: a record held that does not carry this node's seal is the custodian's invention, and
// one that differs from damaged bytes here is the good copy of them. Neither is signed for.
func (c *courier) void(h held) error {
	w := withdrawal{Range: furthest(h.Ranges)}
	sum := sha256.New()
	apart := false
	for at := w.Range.Start; at.Compare(w.Range.End) < 0; {
		b, end, err := c.framesOf(at)
		if err != nil {
			return err
		}
		if len(b) == 0 || end.Compare(w.Range.End) > 0 {
			return fmt.Errorf("%w: %s, at %s", errStranger, c.org, at)
		}
		if !apart {
			fork, err := c.fork(at, b)
			if err != nil {
				return err
			}
			if apart = fork != end; apart {
				if err := c.intact(fork); err != nil {
					return c.mend(w.Range, err)
				}
				w.Range.Start, b = fork, b[fork.Offset-at.Offset:]
			}
		}
		if apart {
			sum.Write(b)
		}
		at = end
	}
	if !apart {
		return fmt.Errorf("%w: %s, before %s", errStranger, c.org, h.Last.End)
	}
	w.Hash = verify.Hash(sum.Sum(nil))
	return c.withdraw(&w)
}

// framesOf gets frames held there, which carry this node's seal. None are the end of a run.
func (c *courier) framesOf(at journal.Cursor) ([]byte, journal.Cursor, error) {
	ctx, cancel := context.WithTimeout(c.ctx, tendWait+c.patience(maxRead))
	defer cancel()
	b, end, err := c.ask.frames(ctx, c.org, at)
	if err != nil || len(b) == 0 {
		return nil, end, err
	}
	key := c.sources().Key
	if end, err = key.Check(at, nil, b); err != nil {
		return nil, at, fmt.Errorf("%w: %s: %w", errStranger, c.org, err)
	}
	return b, end, nil
}

// fork is the place up to which frames held at another place are this journal's. A header alone is no beginning worth keeping.
func (c *courier) fork(at journal.Cursor, held []byte) (journal.Cursor, error) {
	own, err := c.own(at, len(held))
	if err != nil {
		return at, err
	}
	end, err := journal.Agree(at, held, own)
	if err == nil && at.Offset == 0 && end.Offset == journal.SegmentHeader && len(held) > int(journal.SegmentHeader) {
		end = at
	}
	return end, err
}

func (c *courier) withdraw(w *withdrawal) (err error) {
	if w.Signature, err = c.opt.Sign(w.signingBytes(c.opt.Chain, c.opt.Org, c.org)); err != nil {
		return fmt.Errorf("custody: sign: %w", err)
	}
	ctx, cancel := context.WithTimeout(c.ctx, tendWait+c.patience(int(w.Range.End.Offset-w.Range.Start.Offset)))
	defer cancel()
	if err := c.ask.withdraw(ctx, c.org, w); err != nil {
		return err
	}
	entries := w.Range.End.Entry - w.Range.Start.Entry
	c.opt.Log.Warn("custody: a custodian held records that this node has lost and nobody vouched for; they are withdrawn, and may have been acknowledged",
		"custodian", c.org, "from", w.Range.Start.String(), "to", w.Range.End.String(), "entries", entries)
	if c.opt.Withdrawn != nil {
		c.opt.Withdrawn(Withdrawn{Custodian: c.org, Start: w.Range.Start, End: w.Range.End, Entries: entries, Time: time.Now().UnixMilli()})
	}
	return nil
}

// own gives at most n bytes of this node's journal from a place on: those that it has.
func (c *courier) own(at journal.Cursor, n int) (b []byte, err error) {
	src := c.sources().Journal
	for _, s := range src.Segments() {
		if s.Number != at.Segment {
			continue
		}
		for end := min(at.Offset+int64(n), s.Size); at.Offset < end; {
			part, err := src.ReadRaw(at.Segment, at.Offset, int(min(end-at.Offset, maxRead)))
			if err != nil {
				return nil, err
			}
			b = append(b, part...)
			at.Offset += int64(len(part))
		}
	}
	return b, nil
}
