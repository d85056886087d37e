package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// auditRun is how many batches a worker reads in one go.
const auditRun = 64

// batches holds this organisation's plans and journal against its anchors.
func (a *audit) batches(ctx context.Context) error {
	files, err := findPlanFiles(a.opt.Plans)
	if err != nil && !a.found("plans", err) {
		return err
	}
	var (
		next     uint64         // sequence number of the plan after the last one read
		end      journal.Cursor // of that
		anchored uint64         // entries below are on the chain
	)
	onChain := uint64(len(a.ours))
	for i, f := range files {
		c, err := a.plansOf(f, i == len(files)-1)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		a.missing(next, c.first)
		if err := a.file(ctx, c); err != nil {
			return err
		}
		next, end = c.next(), c.end
		if c.first < onChain {
			anchored = end.Entry
			if onChain < next {
				anchored = c.at[onChain-c.first].begin.Entry
			}
		}
	}
	a.missing(next, onChain)
	if total := a.opt.Journal.End().Entry; total > anchored {
		a.report.Waiting = total - anchored
	}
	return a.tail(ctx, end)
}

// plansOf reads a file of plans. One that is damaged is a finding, and nil. Only the last may be torn.
func (a *audit) plansOf(f planFile, last bool) (*plansIn, error) {
	c, good, err := readPlanFile(f)
	if err == nil && !(last && c.torn(good)) {
		if err = c.whole(good); err == nil && !last && len(c.at) != plansPerFile {
			err = &Damage{What: "plans", File: f.path, Detail: fmt.Sprintf("it ends after %d of %d", len(c.at), plansPerFile)}
		}
	}
	if err != nil {
		if a.found("plans", err) {
			err = nil
		}
		return nil, err
	}
	return c, nil
}

// missing names the plans in [from, to) of anchors that are on the chain.
func (a *audit) missing(from, to uint64) {
	if to = min(to, uint64(len(a.ours))); from < to {
		a.damaged(Damage{What: fmt.Sprintf("plans %d to %d", from, to-1), File: a.opt.Plans, Detail: "they are missing; the chain holds these anchors"})
	}
}

// file verifies the batches of one file of plans.
func (a *audit) file(ctx context.Context, c *plansIn) error {
	return a.parallel(ctx, (len(c.at)+auditRun-1)/auditRun, func(ctx context.Context, r int) error {
		return a.run(ctx, c, r*auditRun, min((r+1)*auditRun, len(c.at)))
	})
}

// run verifies plans i to j of a file, reading the journal once over all of them.
func (a *audit) run(ctx context.Context, c *plansIn, i, j int) error {
	for i < j {
		b := batchCheck{audit: a, file: c, plan: i, until: j}
		err := b.follow(ctx)
		i = b.plan
		if err == nil {
			continue
		}
		if ctx.Err() != nil || !a.found(fmt.Sprintf("batch %d", c.first+uint64(i)), err) {
			return err
		}
		i++ // the ones after it may be whole
	}
	return nil
}

// batchCheck recomputes a run of batches from the journal.
type batchCheck struct {
	*audit
	file  *plansIn
	plan  int // the one being read
	until int
}

var leafPool = sync.Pool{New: func() any { s := make([]verify.Hash, 0, MaxEntries+1); return &s }}

func (b *batchCheck) follow(ctx context.Context) error {
	p, err := b.file.plan(b.plan)
	if err != nil {
		return err
	}
	pooled := leafPool.Get().(*[]verify.Hash)
	defer leafPool.Put(pooled)
	leaves := (*pooled)[:0]
	err = b.opt.Journal.Follow(ctx, p.Begin, func(batch []journal.Located) error {
		for i := range batch {
			r := batch[i].Record
			if r.First != p.Begin.Entry+uint64(len(leaves)) || r.First+uint64(len(r.Entries)) > p.End.Entry {
				return &Damage{What: fmt.Sprintf("batch %d", p.Seq), File: b.file.path, Detail: "the journal's records are not those that were planned"}
			}
			if leaves, err = b.record(ctx, r, leaves); err != nil {
				return err
			}
			if batch[i].Next.Compare(p.End) < 0 {
				continue
			}
			b.finish(p, leaves)
			leaves = leaves[:0]
			if b.plan++; b.plan == b.until {
				return errEnough
			}
			if p, err = b.file.plan(b.plan); err != nil {
				return err
			}
		}
		b.tell()
		return nil
	})
	*pooled = leaves
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// finish holds a recomputed batch against its plan, and the plan against the chain.
func (b *batchCheck) finish(p *Plan, leaves []verify.Hash) {
	bad := func(format string, args ...any) {
		b.damaged(Damage{What: fmt.Sprintf("batch %d", p.Seq), File: b.file.path, Detail: fmt.Sprintf(format, args...)})
	}
	b.entries.Add(uint64(len(leaves)))
	count, root, err := b.anchored(p)
	if err != nil {
		bad("%v", err)
		return
	}
	padded, err := verify.PadBatch(leaves, p.Seed(), p.Manifest())
	switch {
	case err != nil:
		bad("%v", err)
	case len(padded) != int(count) || verify.BatchRoot(padded) != root:
		bad("entries %d to %d of the journal do not give the root that was anchored", p.Begin.Entry, p.End.Entry-1)
	case p.Seq < uint64(len(b.ours)) && !p.gave(b.ours[p.Seq].id):
		bad("the chain holds another anchor of this number")
	default:
		b.mu.Lock()
		b.report.Batches++
		b.mu.Unlock()
		return
	}
}

// anchored gives the padded count and the root that a batch must have.
func (a *audit) anchored(p *Plan) (count uint32, root verify.Hash, err error) {
	if !p.trimmed() {
		anchor, err := verify.DecodeAnchor(p.Anchor)
		if err != nil {
			return 0, root, err
		}
		return anchor.Count, anchor.Root, nil
	}
	if p.Seq >= uint64(len(a.ours)) {
		return 0, root, errors.New("the chain kept here does not hold its anchor, though it did")
	}
	return a.ours[p.Seq].count, a.ours[p.Seq].root, nil
}

// record checks the ciphertexts of a record against the hashes that its envelopes name, and adds its leaves.
func (a *audit) record(ctx context.Context, r *journal.Record, leaves []verify.Hash) ([]verify.Hash, error) {
	inline := make(map[verify.Hash]bool, len(r.Blobs))
	size := 0
	for _, b := range r.Blobs {
		inline[sha256.Sum256(b)] = true
		size += len(b)
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		size += len(e.Envelope)
		leaves = append(leaves, e.Leaf())
		if len(e.Envelope) == 0 || e.Envelope[0] == 0 {
			continue
		}
		blobs, _, err := e.Open()
		if err != nil {
			a.damaged(Damage{What: fmt.Sprintf("entry %d", r.First+uint64(i)), Detail: "its envelope is malformed"})
			continue
		}
		if err := a.ciphertexts(ctx, r.First+uint64(i), blobs, inline); err != nil {
			return leaves, err
		}
	}
	a.bytes.Add(uint64(size))
	return leaves, nil
}

// ciphertexts checks those that one entry names: in its record, or outside.
func (a *audit) ciphertexts(ctx context.Context, entry uint64, blobs []verify.Hash, inline map[verify.Hash]bool) error {
	for _, h := range blobs {
		a.blobs.Add(1)
		if inline[h] || a.opt.Blob == nil {
			continue
		}
		err := a.opt.Blob(ctx, entry, h)
		if err == nil || a.found(fmt.Sprintf("ciphertext %s of entry %d", h, entry), err) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.damaged(Damage{What: fmt.Sprintf("ciphertext %s of entry %d", h, entry), Detail: err.Error()})
	}
	return nil
}

// tail reads what is in the journal after the last plan.
func (a *audit) tail(ctx context.Context, begin journal.Cursor) error {
	var leaves []verify.Hash
	err := records(ctx, a.opt.Journal, begin, a.opt.Journal.End(), func(l *journal.Located) (err error) {
		leaves, err = a.record(ctx, l.Record, leaves[:0])
		a.entries.Add(uint64(len(leaves)))
		return err
	})
	if err != nil && !a.found("journal", err) {
		return err
	}
	return nil
}
