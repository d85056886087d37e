package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// audited gives a node with some history, everything anchored but the last record, and checkpoints.
func audited(t *testing.T) (*node, *Notary) {
	t.Helper()
	org, other := newMember("a", 1), newMember("b", 1)
	s := newSim(org, other)
	s.autocommit(t, time.Millisecond)
	n := newNodeOn(t, org, s, 4096)
	n.opt.Copies = func() int { return 2 }
	n.opt.Custodians = func(_ context.Context, d *Draft) []verify.Custody {
		return []verify.Custody{{Org: other.Org, Signature: other.sign(d.Anchor.CustodyBytes(s.chain()))}}
	}
	n.open()
	notary := notaries(t, s, org, other)[0]
	n.opt.Checkpoints = notary.opt.Store
	for i := range 40 {
		n.await(n.write(i%5 + 1))
		if i == 20 {
			if err := notary.Checkpoint(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	inside, outside := []byte("kept in the record"), verify.Hash(sha256.Sum256([]byte("kept outside")))
	r := recordOf(t, "blobs", 1)
	r.Entries[0].Envelope = journal.Envelope([]verify.Hash{sha256.Sum256(inside), outside}, []byte("sealed"))
	r.Blobs = [][]byte{inside}
	p, err := n.journal.Append(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.await(r.First)
	if err := notary.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.crash()
	n.write(2)
	// What was written a moment ago is answered from memory; an audit begins with what is on disk.
	if err := n.journal.Close(); err != nil {
		t.Fatal(err)
	}
	if n.journal, err = journal.Open(filepath.Join(n.dir, "journal"), journal.Options{SegmentSize: 4096}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.journal.Close() })
	return n, notary
}

func (n *node) audit(t *testing.T, change func(*AuditOptions)) *AuditReport {
	t.Helper()
	var told atomic.Uint64
	o := AuditOptions{
		Org: n.org.Org, Genesis: n.chain.genesis, Engine: n.chain, Journal: n.journal, Plans: n.opt.Plans,
		Blob: func(_ context.Context, _ uint64, h verify.Hash) error {
			if h != sha256.Sum256([]byte("kept outside")) {
				return errors.New("not asked for")
			}
			return nil
		},
	}
	if n.opt.Checkpoints != nil {
		o.Notes = n.opt.Checkpoints.Dir()
	}
	if change != nil {
		change(&o)
	}
	report, err := Audit(t.Context(), o, func(Progress) { told.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	if told.Load() == 0 {
		t.Error("nobody was told of the progress")
	}
	return report
}

func TestAudit(t *testing.T) {
	n, notary := audited(t)
	good := n.audit(t, nil)
	if len(good.Damages) > 0 || good.Waiting != 2 || good.Entries != n.journal.End().Entry || good.Anchors != uint64(len(n.chain.log)) ||
		good.Batches != good.Anchors || good.Blobs != 2 || good.Checkpoints < 2 {
		t.Fatalf("%+v", good)
	}
	plans := filepath.Join(n.opt.Plans, planFileName(0, 0))
	for _, d := range []struct {
		name, what, file string
		hurt             func() (undo func())
		change           func(*AuditOptions)
	}{
		{"a plan", "plan ", plans, func() func() { return flip(t, plans, 3000) }, nil},
		{"the header of the plans", "header", plans, func() func() { return flip(t, plans, 20) }, nil},
		{"no plans at all", "plans 0 to ", "", nil, func(o *AuditOptions) { o.Plans = t.TempDir() }},
		{"the journal", "batch ", "journal", func() func() {
			files, _ := filepath.Glob(filepath.Join(n.dir, "journal", "*"))
			return flip(t, files[1], 1500)
		}, nil},
		{"a checkpoint", "checkpoint", "latest.note", func() func() { return flip(t, filepath.Join(notary.opt.Store.Dir(), "latest.note"), 60) }, nil},
		{"another checkpoint's root", "checkpoint", "latest.note", func() func() {
			return swap(t, filepath.Join(notary.opt.Store.Dir(), "latest.note"), func(b []byte) []byte {
				note, c, err := parseCheckpointNote(b)
				if err != nil {
					t.Fatal(err)
				}
				c.Root[0]++
				note.Text = c.Text()
				return []byte(note.Encode())
			})
		}, nil},
		{"an anchor's signature", "anchor 7 of the log", "", func() func() {
			an := *n.chain.log[7]
			b := append([]byte(nil), an.Bytes...)
			b[len(b)-1] ^= 1
			old := n.chain.log[7].Bytes
			n.chain.log[7].Bytes = b
			return func() { n.chain.log[7].Bytes = old }
		}, nil},
		{"a ciphertext", "ciphertext ", "blobs/x", nil, func(o *AuditOptions) {
			o.Blob = func(context.Context, uint64, verify.Hash) error {
				return &Damage{What: "ciphertext x", File: "blobs/x"}
			}
		}},
		{"another genesis", "", "", nil, func(o *AuditOptions) {
			g := *o.Genesis
			g.Members = g.Members[:1]
			o.Genesis = &g
		}},
	} {
		t.Run(d.name, func(t *testing.T) {
			if d.hurt != nil {
				defer d.hurt()()
			}
			report := n.audit(t, d.change)
			for _, got := range report.Damages {
				if strings.Contains(got.What, d.what) && strings.Contains(got.File, d.file) {
					return
				}
			}
			t.Fatalf("not found among %+v", report.Damages)
		})
	}
	if again := n.audit(t, nil); len(again.Damages) > 0 {
		t.Fatalf("%+v", again.Damages)
	}
}

// noChain is a chain that has not come yet.
type noChain struct{ AuditChain }

func (noChain) Status(context.Context) (*Status, error) { return new(Status), nil }

func (noChain) LogRoot(_ context.Context, size uint64) (verify.Hash, error) {
	if size > 0 {
		return verify.Hash{}, ErrNotFound
	}
	return verify.BatchRoot(nil), nil
}

// TestAChainThatIsNotThereYetIsNoDamage audits what a restore leaves until the other members bring the chain. Nobody brings it to a lone node.
func TestAChainThatIsNotThereYetIsNoDamage(t *testing.T) {
	n, _ := audited(t)
	report := n.audit(t, func(o *AuditOptions) { o.Engine = noChain{} })
	if !report.ChainAbsent || len(report.Damages) > 0 || report.Entries != n.journal.End().Entry {
		t.Errorf("%+v", report)
	}
	report = n.audit(t, func(o *AuditOptions) { o.Engine, o.Alone = noChain{}, true })
	if report.ChainAbsent || len(report.Damages) == 0 {
		t.Errorf("of a lone node: %+v", report)
	}
}

// TestPlansAreMadeAgain loses all plans: with the journal, the chain and the audit key they are made again, to the byte.
func TestPlansAreMadeAgain(t *testing.T) {
	n, _ := audited(t)
	kept, err := OpenPlans(n.opt.Plans)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	n.opt.Plans, n.opt.Journal = t.TempDir(), n.journal
	n.open()
	n.drain()
	n.check()
	for seq := range uint64(len(n.chain.log)) {
		was, err := kept.Get(seq)
		if err != nil {
			t.Fatal(err)
		}
		is, err := n.plans.Get(seq)
		if err != nil {
			t.Fatal(err)
		}
		if was != nil && !reflect.DeepEqual(was, is) {
			t.Fatalf("plan %d: %+v, was %+v", seq, is, was)
		}
	}
	n.crash()
}

// flip changes one byte of a file.
func flip(t *testing.T, path string, at int) (undo func()) {
	t.Helper()
	return swap(t, path, func(b []byte) []byte { b[at] ^= 0x20; return b })
}

func swap(t *testing.T, path string, change func([]byte) []byte) (undo func()) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(b, 0); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(int64(len(b))), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	put(change(append([]byte(nil), old...)))
	return func() { put(old) }
}

// BenchmarkAnchor measures entries through plan, signature and fsync in full batches, with a chain that takes no time.
func BenchmarkAnchor(b *testing.B) {
	org := newMember("a", 1)
	s := newSim(org)
	n := newNode(b, org, s)
	const entries = 1 << 18
	for range entries / 256 {
		if _, err := n.journal.Append(recordOf(b, fmt.Sprint(n.journal.End()), 256)); err != nil {
			b.Fatal(err)
		}
	}
	s.autocommit(b, time.Millisecond)
	for b.Loop() {
		b.StopTimer()
		n.opt.Plans = b.TempDir()
		s.set(func() {
			s.log, s.blocks, s.proofs, s.members = nil, nil, nil, s.members[:1]
			clear(s.heads)
			clear(s.pool)
		})
		b.StartTimer()
		n.open()
		n.await(entries - 1)
		b.StopTimer()
		n.crash()
		b.StartTimer()
	}
	b.ReportMetric(entries*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkLone measures a single awaited entry, with a chain that takes no time: what this package adds to a block.
func BenchmarkLone(b *testing.B) {
	org := newMember("a", 1)
	s := newSim(org)
	n := newNode(b, org, s)
	ready := make(chan struct{}, 1)
	s.onSubmit = func(*verify.Anchor) { kick(ready) }
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			<-ready
			for s.commit() == 0 && ctx.Err() == nil {
			}
		}
	}()
	n.open()
	defer n.close()
	for b.Loop() {
		n.await(n.write(1))
	}
	cancel()
	kick(ready)
}

// BenchmarkAudit measures the audit of a journal of full batches by one worker, per second of processor time: others may use the machine too.
func BenchmarkAudit(b *testing.B) {
	org := newMember("a", 1)
	s := newSim(org)
	n := newNode(b, org, s)
	const entries = 1 << 19
	r := recordOf(b, "x", 1024)
	for range entries / 1024 {
		if _, err := n.journal.Append(r); err != nil {
			b.Fatal(err)
		}
	}
	s.autocommit(b, time.Millisecond)
	n.open()
	n.await(entries - 1)
	n.crash()
	cpu := func() time.Duration {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := cpu()
	for b.Loop() {
		report, err := Audit(b.Context(), AuditOptions{
			Org: org.Org, Genesis: s.genesis, Engine: s, Journal: n.journal, Plans: n.opt.Plans, Workers: 1,
		}, nil)
		if err != nil || len(report.Damages) > 0 || report.Entries != entries {
			b.Fatal(report, err)
		}
	}
	b.ReportMetric(entries*float64(b.N)/(cpu()-before).Seconds(), "entries/cpu-s")
	b.ReportAllocs()
}
