package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// node is what an organisation's node has of this package, on a journal of its own.
type node struct {
	t       testing.TB
	org     *member
	chain   *sim
	dir     string
	segment int64
	journal *journal.Journal
	opt     Options
	*Anchorer
}

func newNode(t testing.TB, org *member, chain *sim) *node { return newNodeOn(t, org, chain, 1<<20) }

// newNodeOn makes a node with journal segments of some size.
func newNodeOn(t testing.TB, org *member, chain *sim, segment int64) *node {
	t.Helper()
	n := &node{t: t, org: org, chain: chain, dir: t.TempDir(), segment: segment}
	var err error
	if n.journal, err = journal.Open(filepath.Join(n.dir, "journal"), journal.Options{SegmentSize: n.segment}); err != nil {
		t.Fatal(err)
	}
	n.opt = Options{
		Org: org.Org, Chain: chain.chain(), Sign: org.sign, Journal: n.journal, Engine: chain, Sealer: sealer{[32]byte{1}},
		Plans: filepath.Join(n.dir, "plans"), Copies: func() int { return 1 }, Log: slog.New(slog.DiscardHandler),
	}
	return n
}

func (n *node) open() {
	n.t.Helper()
	a, err := OpenAnchorer(context.Background(), n.opt)
	if err != nil {
		n.t.Fatal(err)
	}
	n.Anchorer = a
}

// crash stops the node's work at once. Nothing is written on the way down, so what is on disk is what a crash leaves.
func (n *node) crash() {
	n.t.Helper()
	if err := n.Anchorer.Close(); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) close() {
	n.t.Helper()
	n.crash()
	if err := n.journal.Close(); err != nil {
		n.t.Fatal(err)
	}
}

// write appends a record of some entries and gives the number of the last.
func (n *node) write(entries int) uint64 {
	n.t.Helper()
	p, err := n.journal.Append(recordOf(n.t, fmt.Sprint("r", n.journal.End()), entries))
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := p.Wait(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	return n.journal.End().Entry - 1
}

// check holds everything that must be true of an organisation's sequence against the chain and the journal.
func (n *node) check() {
	n.t.Helper()
	var leaves []verify.Hash
	stop := errors.New("stop")
	if end := n.journal.End(); end.Entry > 0 {
		err := n.journal.Follow(context.Background(), journal.Cursor{}, func(rs []journal.Located) error {
			for _, r := range rs {
				for i := range r.Record.Entries {
					leaves = append(leaves, r.Record.Entries[i].Leaf())
				}
				if r.Next == end {
					return stop
				}
			}
			return nil
		})
		if !errors.Is(err, stop) {
			n.t.Fatal(err)
		}
	}
	plans, err := OpenPlans(n.opt.Plans)
	if err != nil {
		n.t.Fatal(err)
	}
	defer plans.Close()
	var at uint64
	var prev verify.Hash
	head, ok := n.chain.heads[n.org.Org]
	for seq := uint64(0); ok && seq <= head.Seq; seq++ {
		an, err := n.chain.Anchor(n.t.Context(), n.org.Org, seq)
		if err != nil {
			n.t.Fatal(err)
		}
		p, err := plans.Get(seq)
		if err != nil || p == nil {
			n.t.Fatalf("anchor %d has no plan: %v", seq, err)
		}
		a, err := verify.DecodeAnchor(an.Bytes)
		if err != nil {
			n.t.Fatal(err)
		}
		if p.Begin.Entry != at || p.End.Entry <= at || a.Prev != prev || !p.gave(an.ID) {
			n.t.Fatalf("anchor %d covers entries from %d, want %d", seq, p.Begin.Entry, at)
		}
		padded, err := verify.PadBatch(leaves[p.Begin.Entry:p.End.Entry:p.End.Entry], p.Seed(), p.Manifest())
		if err != nil {
			n.t.Fatal(err)
		}
		if verify.BatchRoot(padded) != a.Root || len(padded) != int(a.Count) {
			n.t.Fatalf("anchor %d has another root than its entries", seq)
		}
		at, prev = p.End.Entry, an.ID
	}
	for seq, txs := range n.chain.submitted {
		if len(txs) != 1 {
			n.t.Fatalf("%d different anchors %d were submitted", len(txs), seq)
		}
	}
}

// drain lets the chain make blocks until everything is anchored.
func (n *node) drain() {
	n.t.Helper()
	for range 2000 {
		if n.Anchored() == n.journal.End().Entry {
			return
		}
		time.Sleep(100 * time.Millisecond)
		n.chain.commit()
	}
	n.t.Fatalf("%d of %d entries are anchored after all: %v", n.Anchored(), n.journal.End().Entry, n.Err())
}

func TestAnAwaitedEntryIsAnchoredAtOnceAndOthersLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newMember("a", 1)
		n := newNode(t, org, newSim(org))
		n.open()
		defer n.close()
		begin := time.Now()
		entry := n.write(1)
		done := make(chan Place)
		go func() {
			p, err := n.Wait(t.Context(), entry)
			if err != nil {
				t.Error(err)
			}
			done <- p
		}()
		synctest.Wait()
		if n.chain.commit() != 1 {
			t.Fatal("an awaited entry was not submitted at once")
		}
		if p := <-done; p.Height != 1 || p.Leaf != 0 || time.Since(begin) != 0 {
			t.Fatalf("anchored at %+v after %v", p, time.Since(begin))
		}
		n.write(3)
		time.Sleep(n.Anchorer.opt.Linger - time.Millisecond)
		synctest.Wait()
		if n.chain.commit() != 0 {
			t.Fatal("entries that nobody awaits did not linger")
		}
		n.write(2)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n.chain.commit() != 1 {
			t.Fatal("entries were not anchored when their time was over")
		}
		synctest.Wait()
		if n.Anchored() != 6 || n.Unanchored() != (Backlog{}) {
			t.Fatalf("anchored %d, backlog %+v", n.Anchored(), n.Unanchored())
		}
		n.check()
	})
}

func TestWithoutQuorumTheBacklogGrowsAndDrainsInFullBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newMember("a", 1)
		n := newNode(t, org, newSim(org))
		n.open()
		defer n.close()
		for range 100 {
			n.Urgent(n.write(200))
			time.Sleep(200 * time.Millisecond)
		}
		b := n.Unanchored()
		if b.Entries != 20000 || b.Batches != 2 || b.Oldest.IsZero() || time.Since(b.Oldest) < 19*time.Second {
			t.Fatalf("backlog %+v", b)
		}
		if n.Err() != nil {
			t.Fatal("a missing quorum is no error of this node:", n.Err())
		}
		if got := len(n.chain.submitted[0]); got != 1 {
			t.Fatalf("%d different first anchors", got)
		}
		blocks := 0
		for n.Anchored() < 20000 {
			n.chain.commit()
			synctest.Wait()
			if blocks++; blocks > 10 {
				t.Fatal("the backlog does not drain in full batches")
			}
		}
		n.check()
	})
}

func TestABatchHoldsWholeRecordsEvenOneThatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newMember("a", 1)
		n := newNode(t, org, newSim(org))
		for _, entries := range []int{1, 9000, 4000, 95, 1, 2, 3} {
			n.write(entries)
		}
		n.open()
		defer n.close()
		n.drain()
		n.check()
		var got []uint64
		for seq := range uint64(4) {
			p, err := n.plans.Get(seq)
			if err != nil || p == nil {
				t.Fatal(p, err)
			}
			got = append(got, p.Entries())
		}
		if want := []uint64{1, 9000, 4095, 6}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("batches of %v, want %v", got, want)
		}
	})
}

func TestARestoredNodeDoesNotForkItsSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newMember("a", 1)
		n := newNode(t, org, newSim(org))
		n.open()
		n.write(5)
		n.drain()
		backup := filepath.Join(n.dir, "backup")
		if err := os.CopyFS(backup, os.DirFS(n.opt.Plans)); err != nil {
			t.Fatal(err)
		}
		n.write(5)
		n.drain()
		n.crash()

		// The journal is whole: the plans are made again from it.
		newest := n.opt.Plans
		n.opt.Plans = backup
		n.open()
		n.drain()
		n.check()
		n.crash()

		// It is not: nothing may be signed. While the chain is still being fetched it is noticed when the anchor comes.
		lost, err := journal.Open(filepath.Join(n.dir, "lost"), journal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer lost.Close()
		whole := n.journal
		n.journal, n.opt.Journal, n.opt.Plans = lost, lost, filepath.Join(n.dir, "none")
		chain := n.chain
		n.chain = newSim(org)
		n.chain.catching, n.opt.Engine = true, n.chain
		n.chain.pool[org.Org] = map[uint64][]byte{0: chain.log[0].Bytes}
		n.open()
		n.write(1)
		time.Sleep(time.Minute)
		n.chain.commit()
		n.chain.set(func() { n.chain.catching = false })
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		var behind *BehindError
		if err := n.Err(); !errors.As(err, &behind) || behind.Chain != 0 || behind.Plans != 0 {
			t.Fatalf("got %v, want a BehindError", err)
		}
		if _, err := n.Wait(t.Context(), 10); !errors.As(err, &behind) {
			t.Fatalf("got %v, want a BehindError", err)
		}
		if len(n.chain.submitted) != 0 {
			t.Fatal("something was submitted")
		}
		n.crash()
		n.opt.Plans, n.opt.Engine, n.chain, n.journal, n.opt.Journal = newest, chain, chain, whole, whole
		n.open()
		n.drain()
		n.close()
	})
}

func TestAForeignAnchorInOurSequenceStopsUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newMember("a", 1)
		chain := newSim(org)
		n, twin := newNode(t, org, chain), newNode(t, org, chain)
		n.open()
		defer n.close()
		twin.write(7)
		twin.open()
		defer twin.close()
		n.write(2)
		time.Sleep(2 * time.Second)
		chain.commit() // of whoever came last
		time.Sleep(time.Minute)
		var conflict *ConflictError
		if !errors.As(errors.Join(n.Err(), twin.Err()), &conflict) {
			t.Fatalf("got %v and %v, want a ConflictError", n.Err(), twin.Err())
		}
	})
}

func TestKeysThatChangeBeforeABatchIsCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org, other := newMember("a", 1), newMember("b", 1)
		n := newNode(t, org, newSim(org, other))
		n.opt.Copies = func() int { return 2 }
		n.opt.Custodians = func(_ context.Context, d *Draft) []verify.Custody {
			return []verify.Custody{{Org: other.Org, Signature: other.sign(d.Anchor.CustodyBytes(n.chain.chain()))}}
		}
		n.open()
		defer n.close()
		n.write(3)
		time.Sleep(2 * time.Second) // planned and submitted
		rotated := *org
		rotated.key = newMember("a2", 1).key
		copy(rotated.Key[:], rotated.key.Public().(ed25519.PublicKey))
		n.chain.change([]*member{&rotated, other})
		n.chain.set(func() { n.chain.pool[org.Org] = nil })
		time.Sleep(10 * time.Second)
		if err := n.Err(); !errors.Is(err, ErrNotMember) {
			t.Fatalf("got %v, want ErrNotMember", err)
		}
		n.crash()
		n.opt.Sign = rotated.sign
		n.open()
		for range 100 {
			time.Sleep(time.Second)
			n.chain.commit()
		}
		if n.Anchored() != 3 || n.Err() != nil {
			t.Fatalf("anchored %d, %v", n.Anchored(), n.Err())
		}
		if len(n.chain.submitted[0]) != 2 {
			t.Fatal("the anchor was not signed anew")
		}
	})
}

func TestCustodians(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org, b, c, stranger := newMember("a", 1), newMember("b", 1), newMember("c", 0), newMember("x", 1)
		n := newNode(t, org, newSim(org, b, c))
		copies := 3
		n.opt.Copies = func() int { return copies }
		var answers []verify.Custody
		n.opt.Custodians = func(_ context.Context, d *Draft) []verify.Custody {
			answers = nil
			for _, m := range []*member{c, b, b, stranger, org} {
				answers = append(answers, verify.Custody{Org: m.Org, Signature: m.sign(d.Anchor.CustodyBytes(n.chain.chain()))})
			}
			if d.Anchor.Seq == 1 {
				answers = []verify.Custody{{Org: b.Org, Signature: c.sign(d.Anchor.CustodyBytes(n.chain.chain()))}, answers[0]}
			}
			if len(d.Leaves) != 1 || d.End.Entry-d.Begin.Entry != 1 || d.Anchor.Org != org.Org {
				t.Errorf("draft %+v", d)
			}
			return answers
		}
		n.open()
		defer n.close()
		for seq, want := range []struct {
			copies, custodians int
			flags              uint8
		}{{3, 2, 0}, {3, 1, verify.FlagLocalOnly}, {4, 2, verify.FlagLocalOnly}, {2, 2, 0}} { // members join and leave
			copies = want.copies
			n.write(1)
			n.drain()
			a, err := verify.DecodeAnchor(n.chain.log[seq].Bytes)
			if err != nil || len(a.Custodians) != want.custodians || a.Flags != want.flags {
				t.Fatalf("anchor %d has %d custodians and flags %d: %v", seq, len(a.Custodians), a.Flags, err)
			}
		}
		n.check()
	})
}

// TestWhatLeftWithoutCopiesIsMarked has an entry acknowledged while no custodian answered. They all vouch for its batch a moment later, and its
// anchor says local-only all the same; the next does not.
func TestWhatLeftWithoutCopiesIsMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org, b := newMember("a", 1), newMember("b", 1)
		n := newNode(t, org, newSim(org, b))
		n.opt.Copies = func() int { return 2 }
		n.opt.Custodians = func(_ context.Context, d *Draft) []verify.Custody {
			return []verify.Custody{{Org: b.Org, Signature: b.sign(d.Anchor.CustodyBytes(n.chain.chain()))}}
		}
		n.open()
		defer n.close()
		for seq, flags := range []uint8{0, verify.FlagLocalOnly, 0} {
			entry := n.write(1)
			if flags != 0 {
				n.LocalOnly(entry, entry+1)
			} else {
				n.LocalOnly(0, entry) // of entries that are in a plan already
			}
			n.drain()
			a, err := verify.DecodeAnchor(n.chain.log[seq].Bytes)
			if err != nil || len(a.Custodians) != 1 || a.Flags != flags {
				t.Fatalf("anchor %d has %d custodians and flags %d, want %d: %v", seq, len(a.Custodians), a.Flags, flags, err)
			}
		}
		n.check()
	})
}

func TestTheEngineMayBeDownLoseAndRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newMember("a", 1)
		n := newNode(t, org, newSim(org))
		n.chain.down = true
		n.open()
		defer n.close()
		n.write(1)
		time.Sleep(10 * time.Second)
		n.chain.set(func() { n.chain.down, n.chain.full, n.chain.lose = false, 3, 2 })
		n.drain()
		n.chain.set(func() { n.chain.down = true })
		n.write(1)
		time.Sleep(time.Hour)
		n.chain.set(func() { n.chain.down = false })
		begin := time.Now()
		n.drain()
		if took := time.Since(begin); took > 2*time.Second {
			t.Fatalf("%v after the engine is back", took)
		}
		n.check()
	})
}

func TestAPlanIsOnDiskBeforeItIsSubmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newMember("a", 1)
		n := newNode(t, org, newSim(org))
		seen := 0
		n.chain.onSubmit = func(a *verify.Anchor) {
			image := filepath.Join(t.TempDir(), "image")
			if err := os.CopyFS(image, os.DirFS(n.opt.Plans)); err != nil {
				t.Error(err)
				return
			}
			plans, err := OpenPlans(image)
			if err != nil {
				t.Error(err)
				return
			}
			defer plans.Close()
			if p, err := plans.Get(a.Seq); err != nil || p == nil || p.ID() != a.ID() {
				t.Errorf("anchor %d was submitted and its plan is not on disk: %v", a.Seq, err)
			}
			seen++
		}
		n.open()
		defer n.close()
		for range 5 {
			n.write(1)
			n.drain()
		}
		if seen < 5 {
			t.Fatalf("%d submissions", seen)
		}
	})
}

// TestAnchoringGoesThroughDamage has a sealed segment rot that is in no batch yet. While nobody has a copy the anchorer says which file it is and
// goes on with what it has read; then it goes on by itself, also where lost plans are made again.
func TestAnchoringGoesThroughDamage(t *testing.T) {
	for name, lost := range map[string]bool{"read for the first time": false, "read for lost plans": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				org := newMember("a", 1)
				n := newNodeOn(t, org, newSim(org), 8<<10)
				for range 200 {
					n.write(1)
				}
				if lost { // all was anchored, and then the plans were lost
					n.open()
					n.drain()
					n.crash()
					if err := os.RemoveAll(n.opt.Plans); err != nil {
						t.Fatal(err)
					}
				}
				if err := n.journal.Close(); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(n.dir, "journal", "0000000001.segment")
				good, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				bad := bytes.Clone(good)
				bad[len(bad)/2] ^= 1
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if n.journal, err = journal.Open(filepath.Join(n.dir, "journal"), journal.Options{SegmentSize: n.segment}); err != nil {
					t.Fatal(err)
				}
				n.opt.Journal = n.journal
				copies := make(chan struct{})
				n.opt.HealSegment = func(_ context.Context, segment uint32) error {
					select {
					case <-copies:
						return n.journal.Repair(segment, bytes.NewReader(good))
					default:
						return errors.New("nobody answers")
					}
				}
				n.open()
				defer n.close()
				time.Sleep(time.Second)
				n.chain.commit()
				synctest.Wait()
				if err := n.Err(); !errors.Is(err, journal.ErrUnhealed) || !strings.Contains(err.Error(), path) {
					t.Fatalf("without a copy: %v", err)
				}
				close(copies)
				n.drain()
				if err := n.Err(); err != nil {
					t.Error(err)
				}
				n.check()
			})
		})
	}
}

// TestWhoHasGoneIsNotAwaited: without a quorum nothing is kept of those who gave up waiting, and their entries are no longer urgent; those who
// still wait for the same entry are.
func TestWhoHasGoneIsNotAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		org := newMember("a", 1)
		n := newNode(t, org, newSim(org))
		n.open()
		defer n.close()
		wait := func(entry uint64, patience time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if _, err := n.Wait(ctx, entry); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		marks := func() int {
			n.mu.Lock()
			defer n.mu.Unlock()
			return len(n.queue.urgent)
		}
		for range 100 {
			go wait(5, time.Second) // still to come
		}
		go wait(5, time.Minute)
		synctest.Wait()
		if got := marks(); got != 101 {
			t.Fatalf("%d are awaited", got)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := marks(); got != 1 {
			t.Errorf("%d are awaited of whom 1 waits", got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := marks(); got != 0 {
			t.Errorf("%d are awaited of whom none waits", got)
		}
	})
}
