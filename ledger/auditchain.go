package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/sijil-health/sijil/verify"
)

// anchorJob is an anchor whose signatures are to be verified by the keys of its height.
type anchorJob struct {
	an      *Anchored
	anchor  *verify.Anchor
	members *Membership
}

const auditChunk = 1024 // anchors verified together

// chainWalk is the state of the pass over all blocks.
type chainWalk struct {
	*audit
	name    string // of the chain
	members *Membership
	heads   map[verify.OrgID]Head
	log     *compact.Range
	notes   map[uint64][]storedNote
	jobs    []anchorJob
	broken  bool // it could not be read to its end
}

// chain verifies all blocks from the first.
func (a *audit) chain(ctx context.Context, notes map[uint64][]storedNote) error {
	w := &chainWalk{
		audit: a, name: a.opt.Genesis.Chain(), heads: make(map[verify.OrgID]Head), notes: notes,
		members: &Membership{Members: a.opt.Genesis.Members},
		log:     (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0),
	}
	if a.report.Height > 0 {
		if err := w.genesis(ctx); err != nil {
			return err
		}
		err := a.opt.Engine.Follow(ctx, 1, func(b *Block) error { return w.block(ctx, b) })
		if !errors.Is(err, errEnough) {
			if err := a.passable(ctx, fmt.Sprintf("chain after %d anchors", w.log.End()), "", err); err != nil {
				return err
			}
			w.broken = true
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	return w.finish(ctx)
}

// genesis holds the membership of the first block against the genesis.
func (w *chainWalk) genesis(ctx context.Context) error {
	first, err := w.opt.Engine.MembersAt(ctx, 1)
	if err != nil {
		return w.passable(ctx, "membership", "", err)
	}
	if verify.MembersHash(first.Members) != verify.MembersHash(w.members.Members) {
		w.damaged(Damage{What: "genesis", Detail: "the chain began with other members than the genesis that is trusted"})
	}
	return nil
}

func (w *chainWalk) block(ctx context.Context, b *Block) error {
	for _, an := range b.Anchors {
		if err := w.anchor(ctx, b, an); err != nil {
			return err
		}
	}
	if b.LogSize != w.log.End() {
		w.damaged(Damage{What: fmt.Sprintf("block %d", b.Height), Detail: fmt.Sprintf("the log has %d anchors after it, the block says %d", w.log.End(), b.LogSize)})
	}
	if b.Height >= w.report.Height {
		return errEnough
	}
	if b.Members {
		m, err := w.opt.Engine.MembersAt(ctx, b.Height+1)
		if err != nil {
			return err
		}
		w.members = m
	}
	return nil
}

// anchor checks an anchor's place, and puts its signatures with those to be verified.
func (w *chainWalk) anchor(ctx context.Context, b *Block, an *Anchored) error {
	bad := func(format string, args ...any) {
		w.damaged(Damage{What: fmt.Sprintf("anchor %d of the log in block %d", an.Index, b.Height), Detail: fmt.Sprintf(format, args...)})
	}
	anchor, err := verify.DecodeAnchor(an.Bytes)
	if err != nil {
		bad("%v", err)
		return nil
	}
	id := anchor.ID()
	if id != an.ID || an.Index != w.log.End() {
		bad("its hash or its index in the log is not what the chain says")
	}
	head, ok := w.heads[anchor.Org]
	if next := head.Seq + 1; ok && anchor.Seq != next || !ok && anchor.Seq != 0 {
		bad("it is number %d of %s, which is not the next", anchor.Seq, anchor.Org)
	} else if anchor.Prev != head.ID {
		bad("it does not name its predecessor")
	} else if anchor.Control < head.Control {
		bad("its control number is lower than that of its predecessor")
	}
	w.heads[anchor.Org] = Head{Seq: anchor.Seq, ID: id, Index: an.Index, Control: anchor.Control}
	if anchor.Org == w.opt.Org {
		w.ours = append(w.ours, ownAnchor{id, anchor.Root, anchor.Count})
	}
	if err := w.log.Append(rfc6962.DefaultHasher.HashLeaf(id[:]), nil); err != nil {
		return err
	}
	w.anchors.Add(1)
	if err := w.compare(w.log.End()); err != nil {
		return err
	}
	w.jobs = append(w.jobs, anchorJob{an, anchor, w.members})
	if len(w.jobs) < auditChunk {
		return nil
	}
	return w.flush(ctx)
}

// flush verifies the signatures collected.
func (w *chainWalk) flush(ctx context.Context) error {
	const each = 32
	err := w.parallel(ctx, (len(w.jobs)+each-1)/each, func(_ context.Context, i int) error {
		for _, j := range w.jobs[i*each : min((i+1)*each, len(w.jobs))] {
			if why := w.signatures(&j); why != "" {
				w.damaged(Damage{What: fmt.Sprintf("anchor %d of the log in block %d", j.an.Index, j.an.Height), Detail: why})
			}
		}
		return nil
	})
	w.jobs = w.jobs[:0]
	w.tell()
	return err
}

// signatures says what is wrong with the signatures of an anchor, by the membership it was judged by.
func (w *chainWalk) signatures(j *anchorJob) string {
	m := j.members.Member(j.anchor.Org)
	if m == nil || !m.Key.Verify(j.anchor.SigningBytes(w.name), j.anchor.Signature) {
		return fmt.Sprintf("it is not signed by the key that %s had then", j.anchor.Org)
	}
	if len(j.anchor.Custodians) == 0 {
		return ""
	}
	statement := j.anchor.CustodyBytes(w.name)
	for _, c := range j.anchor.Custodians {
		if m := j.members.Member(c.Org); m == nil || !m.Key.Verify(statement, c.Signature) {
			return fmt.Sprintf("the statement of custodian %s is not signed by the key it had then", c.Org)
		}
	}
	return ""
}

// root gives the root of the log as far as it is recomputed.
func (w *chainWalk) root() (verify.Hash, error) {
	if w.log.End() == 0 {
		return verify.BatchRoot(nil), nil
	}
	b, err := w.log.GetRootHash(nil)
	if err != nil {
		return verify.Hash{}, err
	}
	return verify.Hash(b), nil
}

// finish compares what was recomputed with what the engine says, and names the checkpoints of sizes that never were.
func (w *chainWalk) finish(ctx context.Context) error {
	if err := w.compare(0); err != nil {
		return err
	}
	for size, notes := range w.notes {
		if w.broken || w.report.ChainAbsent {
			break // there is nothing to hold them against
		}
		for _, n := range notes {
			if size > w.log.End() {
				w.damaged(Damage{What: "checkpoint", File: n.path, Detail: fmt.Sprintf("it is of %d anchors, the chain kept here has %d", size, w.log.End())})
			}
		}
	}
	root, err := w.root()
	if err != nil {
		return err
	}
	w.report.Root = root
	engine, err := w.opt.Engine.LogRoot(ctx, w.log.End())
	if err != nil {
		return w.passable(ctx, "global log", "", err)
	}
	if engine != root {
		w.damaged(Damage{What: "global log", Detail: fmt.Sprintf("%d anchors give the root %s, the engine says %s", w.log.End(), root, engine)})
	}
	return nil
}
