package ledger

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/sijil-health/sijil/verify"
)

func TestTrimmedPlansAreFoundAndStay(t *testing.T) {
	s, err := OpenPlans(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := appendPlans(t, s, 3*plansPerFile+5)
	for _, c := range []struct{ committed, trimmed uint64 }{
		{0, 0}, {plansPerFile, 0}, {plansPerFile + 1, plansPerFile}, {3*plansPerFile - 1, 2 * plansPerFile}, {3*plansPerFile + 5, 3 * plansPerFile},
	} {
		if err := s.trim(c.committed); err != nil || s.trimmedTo() != c.trimmed {
			t.Fatalf("%d are committed: trimmed to %d, want %d: %v", c.committed, s.trimmedTo(), c.trimmed, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = OpenPlans(s.dir); err != nil || s.trimmedTo() != c.trimmed {
			t.Fatalf("opened again: trimmed to %d, want %d: %v", s.trimmedTo(), c.trimmed, err)
		}
		for _, p := range all {
			got, err := s.Get(p.Seq)
			if err != nil || got.Begin != p.Begin || got.End != p.End || got.Key != p.Key || p.Seq >= c.trimmed && !bytes.Equal(got.Anchor, p.Anchor) {
				t.Fatalf("%+v, was %+v: %v", got, p, err)
			}
			if got.trimmed() != (p.Seq < c.trimmed) {
				t.Fatalf("plan %d is trimmed: %v", p.Seq, got.trimmed())
			}
			if found, err := s.Find(p.End.Entry - 1); err != nil || found.Seq != p.Seq {
				t.Fatalf("entry %d: %+v %v", p.End.Entry-1, found, err)
			}
		}
	}
	if err := s.rewind(plansPerFile); err == nil {
		t.Fatal("plans on the chain were taken back")
	}
	if seq, _ := s.Next(); seq != uint64(len(all)) {
		t.Fatal("plans are gone")
	}
	info, err := os.Stat(s.files[1].path)
	if err != nil || info.Size()/plansPerFile > 13 {
		t.Fatalf("a trimmed plan takes %d bytes: %v", info.Size()/plansPerFile, err)
	}
}

// TestWhatIsTrimmedStillProves: audit, lookup and the batches told to custodians work with what is left, and a chain that lost what
// was left to it is told from one that never had it.
func TestWhatIsTrimmedStillProves(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a file of plans: left out by -short")
	}
	n := filled(t)
	defer func() { n.crash() }()
	n.check()
	report := n.audit(t, func(o *AuditOptions) { o.Blob = nil })
	if len(report.Damages) > 0 || report.Batches != uint64(len(n.chain.log)) {
		t.Fatalf("%+v", report)
	}
	for _, seq := range []uint64{0, 100, plansPerFile - 1, plansPerFile} {
		p, anchor, err := n.Plan(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		var leaves []verify.Hash
		if leaves, _, err = n.upTo(t.Context(), p.Begin, int(p.Entries())); err != nil {
			t.Fatal(err)
		}
		padded, err := verify.PadBatch(leaves, p.Seed(), p.Manifest())
		if err != nil || verify.BatchRoot(padded) != anchor.Root || anchor.Seq != seq {
			t.Fatalf("batch %d: %+v, %v", seq, anchor, err)
		}
		if place, err := n.Find(t.Context(), p.Begin.Entry); err != nil || place.Seq != seq {
			t.Fatalf("entry %d: %+v, %v", p.Begin.Entry, place, err)
		}
	}
	n.crash()
	full := n.chain
	n.chain = newSim(n.org)
	n.opt.Engine = n.chain
	n.open()
	n.Urgent(n.write(1))
	var lost *LostError
	waitFor(t, func() bool { return errors.As(n.Err(), &lost) })
	if lost.Chain != 0 || lost.Plans != plansPerFile || len(n.chain.submitted) > 0 {
		t.Fatalf("%v, %d submitted", lost, len(n.chain.submitted))
	}
	n.crash()
	n.chain, n.opt.Engine = full, full
	n.open()
	n.drain()
	n.check()
}
