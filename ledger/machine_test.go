package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sijil-health/sijil/verify"
)

// action is one step of a random history. Drawn before the history runs, since it runs in a bubble of its own time.
type action struct {
	Kind string
	N    int
}

var kinds = []string{"write", "write", "await", "commit", "commit", "pass", "crash", "crash midway", "torn", "down", "up", "lose", "full", "forget", "disk full"}

// TestNothingIsLostAndNothingIsAnchoredTwice drives a node through random histories of writes, blocks, crashes at every step
// between record and commit, and faults of the engine, and holds the outcome against the journal.
func TestNothingIsLostAndNothingIsAnchoredTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := rapid.Custom(func(t *rapid.T) action {
			return action{rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.IntRange(1, 40).Draw(t, "n")}
		})
		history := rapid.SliceOfN(draw, 1, 40).Draw(rt, "history")
		depth := rapid.IntRange(1, 4).Draw(rt, "in flight")
		if !t.Run("", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { live(t, depth, history) })
		}) {
			rt.Fatal("see above")
		}
	})
}

// live runs one history.
func live(t *testing.T, depth int, history []action) {
	org := newMember("a", 1)
	n := newNode(t, org, newSim(org))
	n.opt.InFlight, n.opt.Copies = depth, func() int { return 2 }
	midway := -1
	n.opt.Custodians = func(ctx context.Context, _ *Draft) []verify.Custody {
		if midway > 0 {
			midway--
		} else if midway == 0 { // never answers: the node dies while it asks
			<-ctx.Done()
		}
		return nil
	}
	n.open()
	crash := func() {
		n.crash()
		midway = -1
		n.open()
	}
	for _, a := range history {
		switch a.Kind {
		case "write":
			n.write(a.N)
		case "await":
			n.Urgent(n.write(1))
		case "commit":
			n.chain.commit()
		case "pass":
			time.Sleep(time.Duration(a.N) * 200 * time.Millisecond)
		case "crash":
			crash()
		case "crash midway":
			midway = 0
			n.Urgent(n.write(1))
			synctest.Wait()
			crash()
		case "torn":
			n.crash()
			tear(t, n.opt.Plans, a.N)
			n.open()
		case "down", "up":
			n.chain.set(func() { n.chain.down = a.Kind == "down" })
		case "lose":
			n.chain.set(func() { n.chain.lose = a.N % 4 })
		case "full":
			n.chain.set(func() { n.chain.full = a.N % 8 })
		case "forget":
			n.chain.set(func() { n.chain.pool[org.Org] = nil })
		case "disk full":
			fillDisk(t, n, a.N)
		}
		synctest.Wait()
	}
	n.chain.set(func() { n.chain.down, n.chain.lose, n.chain.full = false, 0, 0 })
	n.drain()
	n.check()
	if b := n.Unanchored(); b.Entries != 0 || n.Err() != nil {
		t.Errorf("backlog %+v, %v", b, n.Err())
	}
	n.close()
}

// tear leaves what a crash leaves that comes while a plan is being written.
func tear(t *testing.T, dir string, bytes int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.plans"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		return
	}
	f, err := os.OpenFile(files[len(files)-1], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(seedOf(fmt.Sprint(bytes))[:bytes%32]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// fillDisk makes the next write of a plan fail, as when the disk is full, for some seconds.
func fillDisk(t *testing.T, n *node, seconds int) {
	t.Helper()
	n.plans.mu.Lock()
	held := n.plans.w
	if held == nil {
		n.plans.mu.Unlock()
		return
	}
	readonly, err := os.Open(held.Name())
	if err != nil {
		t.Fatal(err)
	}
	n.plans.w = readonly
	n.plans.mu.Unlock()
	n.Urgent(n.write(1))
	time.Sleep(time.Duration(seconds%3) * time.Second)
	synctest.Wait()
	n.plans.mu.Lock()
	n.plans.w = held
	n.plans.failed = nil
	n.plans.mu.Unlock()
	if err := readonly.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAfterAFailedFsyncNothingIsPlanned(t *testing.T) {
	s, err := OpenPlans(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	appendPlans(t, s, 1)
	if err := s.w.Close(); err != nil { // neither write nor repair works any more
		t.Fatal(err)
	}
	p := planAfter(s, 1)
	if err := s.Append(p); err == nil {
		t.Fatal("a plan was appended to a file that cannot be written")
	}
	if err := s.Append(p); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a second attempt: %v", err)
	}
	if seq, _ := s.Next(); seq != 1 {
		t.Fatal("a plan that was not written is counted")
	}
}
