package custody

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

const (
	// attestPerEntry is what a custodian may take, beyond Patience, to read and hash each entry of a batch on a modest machine.
	attestPerEntry = 5 * time.Microsecond
	// attestRounds bounds how often a custodian that wants to be told of earlier batches is told.
	attestRounds  = 1 << 12
	attestTimeout = 30 * time.Second
)

// Attest asks the custodians that hold all records of a batch to vouch for it, and gives the statements that came in time, verified and in
// ascending order of custodian, at most R−1. A silent custodian costs Patience once; a custodian that must first be told of earlier
// batches is told, in the background if that takes longer, and signs the next time. Fewer than R−1 statements mean that the
// anchor has to say verify.FlagLocalOnly.
func (r *Replicator) Attest(ctx context.Context, p Proposal) []verify.Custody {
	if r.opt.Copies() <= 1 {
		return nil
	}
	patience := r.opt.Patience + time.Duration(p.Entries())*attestPerEntry
	var mu sync.Mutex
	var statements []verify.Custody
	enough := r.opt.Copies() - 1
	s := r.spread(r.holders(&p.Batch), patience, func(c *courier) <-chan error {
		done := make(chan error, 1)
		r.work.Go(func() {
			ctx, cancel := context.WithTimeout(r.ctx, attestTimeout)
			defer cancel()
			statement, err := c.attest(ctx, &p.Batch)
			mu.Lock()
			if err == nil && len(statements) < enough {
				statements = append(statements, statement)
			}
			mu.Unlock()
			done <- err
		})
		return done
	})
	s.begin()
	s.finish(ctx)
	mu.Lock()
	defer mu.Unlock()
	enough = 0 // what comes later is for nobody
	slices.SortFunc(statements, func(a, b verify.Custody) int { return bytes.Compare(a.Org[:], b.Org[:]) })
	return statements
}

// holders is the order in which custodians are asked about a batch: those known to hold all of it first.
func (r *Replicator) holders(b *Batch) []verify.OrgID {
	order := Custodians(r.opt.Org, b.Begin.Segment, r.opt.Members())
	sizes := r.sizes()
	holds := make(map[verify.OrgID]bool, len(order))
	for _, org := range order {
		c := r.courier(org)
		c.state.Lock()
		holds[org] = c.held.holds(b.Begin, b.End, sizes)
		c.state.Unlock()
	}
	sort.SliceStable(order, func(i, j int) bool { return holds[order[i]] && !holds[order[j]] })
	return order
}

// sizes gives the sizes of the journal's segments as they are now.
func (r *Replicator) sizes() func(uint32) int64 {
	src := r.sources()
	if src.Journal == nil {
		return func(uint32) int64 { return 0 }
	}
	segments := src.Journal.Segments()
	return func(n uint32) int64 {
		if int(n) >= len(segments) {
			return 0
		}
		return segments[n].Size
	}
}

// attest gets one custodian's statement, telling it of earlier batches as far as it asks.
func (c *courier) attest(ctx context.Context, b *Batch) (statement verify.Custody, err error) {
	if err := c.meet(); err != nil {
		return statement, err
	}
	own := tell(b, nil)
	ask := &proposal{Prior: c.link(b), Batch: &own}
	for range attestRounds {
		statement, err = c.ask.attest(ctx, c.org, ask)
		if err == nil {
			return statement, c.signed(b, statement)
		}
		need, ok := refusedAs(err, codePrior)
		if !ok {
			return statement, err
		}
		complete := false
		if ask.Prior, complete, err = c.history(ctx, need.Position, b); err != nil {
			return statement, err
		}
		if complete {
			continue
		}
		// More than fits into one request: tell a part, which has to be on the ledger, and go on from there.
		if _, err := c.ask.attest(ctx, c.org, &proposal{Prior: ask.Prior}); err != nil {
			return statement, err
		}
		ask.Prior = nil
	}
	return statement, fmt.Errorf("custody: %s asks for earlier batches without end", c.org)
}

// link is the batch before b, if this custodian signed it: naming it is all that it needs to know which form of it counts.
func (c *courier) link(b *Batch) []told {
	c.state.Lock()
	last := c.attested
	c.state.Unlock()
	src := c.sources().Batches
	if src == nil || last == 0 || last != b.Anchor.Seq {
		return nil
	}
	before, err := src.Batch(b.Anchor.Seq - 1)
	if err != nil {
		return nil // the custodian will ask for what it needs
	}
	return []told{tell(&before, nil)}
}

func (c *courier) signed(b *Batch, statement verify.Custody) error {
	member, ok := c.opt.Members.Find(c.org)
	if !ok || statement.Org != c.org || !member.Key.Verify(b.Anchor.CustodyBytes(c.opt.Chain), statement.Signature) {
		return fmt.Errorf("custody: the statement of %s does not verify", c.org)
	}
	c.state.Lock()
	defer c.state.Unlock()
	c.attested = b.Anchor.Seq + 1
	return nil
}

// history tells the batches from the one that holds an entry on up to b, as many as fit into one request.
func (c *courier) history(ctx context.Context, entry uint64, b *Batch) (list []told, complete bool, err error) {
	src := c.sources()
	if src.Batches == nil || src.Journal == nil || entry >= b.Begin.Entry || b.Anchor.Seq == 0 {
		return nil, false, fmt.Errorf("custody: %s wants to know the batch of entry %d, which this node does not know", c.org, entry)
	}
	seq, err := findBatch(src.Batches, entry, b.Anchor.Seq)
	if err != nil {
		return nil, false, err
	}
	total := uint64(0)
	for ; seq < b.Anchor.Seq && len(list) < maxPrior; seq++ {
		prior, err := src.Batches.Batch(seq)
		if err != nil {
			return nil, false, ownError{fmt.Errorf("custody: batch %d: %w", seq, err)}
		}
		if total += prior.Entries(); total > maxLeaves && len(list) > 0 {
			break
		}
		leaves, err := leavesOf(ctx, src.Journal, &prior)
		if err != nil {
			return nil, false, ownError{fmt.Errorf("custody: records of batch %d: %w", seq, err)}
		}
		list = append(list, tell(&prior, leaves))
	}
	return list, seq == b.Anchor.Seq, nil
}

// findBatch gives the number of the batch below `below` that holds an entry.
func findBatch(src Batches, entry, below uint64) (seq uint64, err error) {
	i := sort.Search(int(below), func(i int) bool {
		b, e := src.Batch(uint64(i))
		err = errors.Join(err, e)
		return e != nil || b.End.Entry > entry
	})
	if err == nil && uint64(i) == below {
		err = fmt.Errorf("entry %d is in none", entry)
	}
	if err != nil {
		return 0, ownError{fmt.Errorf("custody: earlier batches: %w", err)}
	}
	return uint64(i), nil
}

// leavesOf computes the leaves of a batch from the owner's journal.
func leavesOf(ctx context.Context, j Journal, b *Batch) ([]verify.Hash, error) {
	leaves := make([]verify.Hash, 0, b.Entries())
	stop := errors.New("stop")
	err := j.Follow(ctx, b.Begin, func(batch []journal.Located) error {
		for _, l := range batch {
			for i := range l.Record.Entries {
				if l.Record.First+uint64(i) >= b.End.Entry {
					return stop
				}
				leaves = append(leaves, l.Record.Entries[i].Leaf())
			}
			if l.Next.Entry >= b.End.Entry {
				return stop
			}
		}
		return nil
	})
	if !errors.Is(err, stop) {
		return nil, err
	}
	if uint64(len(leaves)) != b.Entries() {
		return nil, fmt.Errorf("%d entries, want %d", len(leaves), b.Entries())
	}
	return leaves, nil
}
