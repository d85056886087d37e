package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/vault"
)

// A disk that lied about an fsync, a power cut, or a copy of an older disk can leave the journal shorter than what custodians hold of it.
// Of the records that are missing some may have been acknowledged, and their numbers are used: so the node asks before its first write,
// and brings them back. What no custodian could show in time, and was overwritten since, is withdrawn from them and told; see package custody.

const (
	// tailPatience bounds how long a start waits for the members to say what they hold. Care does not wait for a dead link.
	tailPatience = 2 * time.Second
	// proofPatience bounds how long it waits for those who claim to hold more than is here to show it.
	proofPatience = 5 * time.Second
	// tailLimit bounds the bringing back of what they hold beyond the journal.
	tailLimit = 30 * time.Second
	// damageLimit bounds the bringing back of one damaged segment, without which the journal does not open at all.
	damageLimit = 2 * time.Minute
)

// openWhole opens the journal, with what its custodians can add to it.
func (n *Node) openWhole(ctx context.Context, o journal.Options) error {
	var err error
	if o.Key, err = journalKey(n.vault); err != nil {
		return err
	}
	if n.fetcher != nil {
		n.fetcher.Seal(o.Key)
	}
	if err := n.openMended(ctx, o); err != nil || n.fetcher == nil {
		return err
	}
	held := n.heldByOthers(ctx)
	from, to := n.journal.End(), held.End()
	if to.Compare(from) <= 0 {
		return nil
	}
	n.log.Warn("custodians hold records that this node's disk has lost; they are brought back", "from", from.String(), "to", to.String())
	if err := n.journal.Close(); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, tailLimit)
	err = n.fetcher.Extend(short, n.Journal(), from, to, nil)
	cancel()
	if err := n.openMended(ctx, o); err != nil {
		return err
	}
	end := n.journal.End()
	n.prove(ctx, &held, end)
	if to = held.End(); end.Compare(to) < 0 {
		n.lost = to.Entry - min(end.Entry, to.Entry)
		n.log.Error("not all that custodians hold of the journal could be brought back; they will refuse other records in its place",
			"end", end.String(), "theirs", to.String(), "error", err)
		return nil
	}
	n.log.Info("the journal is whole again", "entries", end.Entry-from.Entry, "end", end.String())
	return nil
}

// heldByOthers asks the members what they hold, and has shown what lies beyond the end of the journal.
func (n *Node) heldByOthers(ctx context.Context) custody.Holdings {
	ask, cancel := context.WithTimeout(ctx, tailPatience)
	held := n.fetcher.Holdings(ask)
	cancel()
	n.prove(ctx, &held, n.journal.End())
	if len(held.Silent) > 0 {
		n.log.Warn("some members did not say in time what they hold of this node's journal; the node goes on with what it has",
			"silent", len(held.Silent), "answered", len(held.Held))
	}
	return held
}

// prove leaves of what members claim to hold beyond a place only what they can show.
func (n *Node) prove(ctx context.Context, held *custody.Holdings, from journal.Cursor) {
	ctx, cancel := context.WithTimeout(ctx, proofPatience)
	defer cancel()
	known, others := len(held.False), len(held.Other)
	n.fetcher.Prove(ctx, held, from, n.lastBytes(from))
	if len(held.Other) > others {
		for org, err := range held.Other {
			n.log.Warn("a member holds records that this node has lost, and others stand in their places here; they will be withdrawn from it", "member", org, "error", err)
		}
	}
	if len(held.False) > known {
		for org, err := range held.False {
			n.log.Error("a member claims to hold more of this node's journal than it can show; it is not believed", "member", org, "error", err)
		}
	}
}

// lastBytes are the last bytes of the journal, which what follows must continue.
func (n *Node) lastBytes(end journal.Cursor) []byte {
	// A journal has a header at least. Bytes that cannot be read now are for whoever reads the journal to tell.
	b, _ := n.journal.ReadRaw(end.Segment, end.Offset-journal.LinkSize, journal.LinkSize)
	return b
}

// journalKey is the key that the organisation's journal is sealed under. It is no key of a chart: it outlives every erasure.
func journalKey(v *vault.Vault) (key journal.Key, err error) {
	audit, err := v.Key("", vault.Audit)
	if err != nil {
		return key, err
	}
	copy(key[:], audit.Blind("journal", nil))
	return key, nil
}

// openMended opens the journal and, where a segment is damaged or cut short, has custodians' copies put in its place first.
func (n *Node) openMended(ctx context.Context, o journal.Options) (err error) {
	tried := make(map[uint32]bool)
	for {
		n.journal, err = journal.Open(n.Journal(), o)
		damage := (*journal.DamageError)(nil)
		if err == nil || !errors.As(err, &damage) {
			return err
		}
		if n.fetcher == nil || tried[damage.Segment] {
			return fmt.Errorf("%w: %w", journal.ErrUnhealed, err)
		}
		tried[damage.Segment] = true
		n.log.Warn("the journal is damaged; a custodian's copy is brought back", "file", damage.File, "reason", damage.Reason)
		if heal := n.mendSegment(ctx, damage.Segment); heal != nil {
			return journal.Unhealed(damage, heal)
		}
		n.log.Info("the damaged segment is whole again", "file", damage.File)
	}
}

// mendSegment puts together what is good of a segment here and what custodians hold of the rest, or takes all of it from them.
func (n *Node) mendSegment(ctx context.Context, segment uint32) error {
	ctx, cancel := context.WithTimeout(ctx, damageLimit)
	defer cancel()
	from := goodEnd(n.Journal(), journal.Cursor{Segment: segment})
	err := n.fetcher.Extend(ctx, n.Journal(), from, journal.Cursor{Segment: segment}, nil)
	if err == nil || from.Offset == 0 {
		return err
	}
	return n.fetcher.Extend(ctx, n.Journal(), journal.Cursor{Segment: segment}, journal.Cursor{Segment: segment}, nil)
}

// goodEnd is the place up to which the records from a place on can be read.
func goodEnd(dir string, from journal.Cursor) journal.Cursor {
	end := from
	// Where and why it ends is for journal.Open to say.
	_ = journal.Scan(dir, from, func(at journal.Located) error {
		if at.At.Segment != from.Segment {
			return errEnough
		}
		end = at.Next
		return nil
	})
	return end
}

var errEnough = errors.New("enough")
