package verify

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// story is an honest ledger of four organisations with one receipt that has every part.
type story struct {
	*world
	hospital, clinic, lab, university *org
	ministry                          *NoteSigner
	entries                           []OpenedEntry
	receipt                           *Receipt
	checkpoint                        *Note
}

func tell(t testing.TB) *story {
	s := &story{
		hospital: newOrg("Teaching Hospital", 1), clinic: newOrg("Rural Clinic", 1),
		lab: newOrg("Laboratory", 1), university: newOrg("University", 1), ministry: witness(t, "ministry.example/witness"),
	}
	s.world = newWorld(t, s.hospital, s.clinic, s.lab, s.university)
	s.block(s.orgs, s.anchor(s.lab, s.pad(nil)))
	s.entries = chart(s.hospital, 3)
	a := s.anchor(s.hospital, s.pad(s.entries), s.clinic, s.university)
	h, c, txs := s.block(s.orgs, s.anchor(s.clinic, s.pad(nil)), a, s.anchor(s.lab, s.pad(nil)))
	s.receipt = s.world.receipt(s.entries, 0, h, c, txs, 1)
	s.receipt.Contents = map[uint32]Forms{0: contentForms}
	for range 3 {
		s.block(s.orgs, s.anchor(s.university, s.pad(nil)), s.anchor(s.clinic, s.pad(nil)))
	}
	s.checkpoint = s.cosign(s.note(s.world.checkpoint(), s.orgs...), s.ministry)
	q, err := PostQuantumSigner(s.chain, s.hospital.id, s.hospital.lattice)
	if err != nil {
		t.Fatal(err)
	}
	line, err := q.Sign(s.checkpoint.Text, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	s.checkpoint.Add(line)
	s.prove(s.receipt, s.checkpoint)
	return s
}

func (s *story) trust() *Trust {
	tr := s.world.trust()
	tr.Witnesses = []Witness{{Name: "Ministry of Health", VKey: s.ministry.Key().String()}}
	return tr
}

// copyOf goes through JSON, so that an attack never spoils the original.
func copyOf(t testing.TB, r *Receipt) *Receipt {
	b, err := r.EncodeJSON()
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseReceipt(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func check(t testing.TB, r *Receipt, tr *Trust) (*Result, error) {
	t.Helper()
	return Verify(r, tr, Options{})
}

// wantStep asserts which check refuses.
func wantStep(t *testing.T, err error, step Step) {
	t.Helper()
	var s *StepError
	if !errors.As(err, &s) {
		t.Fatalf("got %v, want the step %q to fail", err, step)
	}
	if s.Step != step {
		t.Fatalf("got %v, want the step %q to fail", err, step)
	}
}

// wantUnwitnessed asserts that all holds, but rests on these keys only.
func wantUnwitnessed(t *testing.T, res *Result, err error, keys ...string) {
	t.Helper()
	if !errors.Is(err, ErrNotWitnessed) || res == nil || res.Witnessed {
		t.Fatalf("got %v, want NOT WITNESSED with a result", err)
	}
	if diff := cmp.Diff(keys, res.Keys); diff != "" {
		t.Fatal(diff)
	}
}

func TestAnHonestReceiptHolds(t *testing.T) {
	s := tell(t)
	v, err := NewVerifier(s.trust())
	if err != nil {
		t.Fatal(err)
	}
	res, err := v.Verify(s.receipt, Options{Content: served})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Keys) != 5 || !res.Witnessed || res.Organisation != "Teaching Hospital" || res.Kind != "create" ||
		res.Actor != "Practitioner/ali" || res.Purpose != "TREAT" || res.Height != 2 || res.LogIndex != 2 || res.LogSize != 10 ||
		res.Custodians != 2 || len(res.PostQuantum) != 1 || len(res.Cosigned) != 1 {
		t.Fatalf("%+v", res)
	}
	if want := s.receipt.Block.Commit.Signatures[0].Time.Time(); res.Time.Time().Sub(want).Abs() > time.Second {
		t.Fatalf("block time %v, votes at %v", res.Time.Time(), want)
	}
	if c := res.Content; c == nil || c.Form != "served" || c.Ref != "Observation/7" || c.SHA256 != sum256(served) {
		t.Fatalf("content %+v", res.Content)
	}
	if res, err = v.Verify(s.receipt, Options{Content: content}); err != nil || res.Content.Form != "source" {
		t.Fatal(res, err)
	}
}

func TestBlockAloneAndLogAloneSuffice(t *testing.T) {
	s := tell(t)
	block, log := copyOf(t, s.receipt), copyOf(t, s.receipt)
	block.Log, log.Block = nil, nil
	res, err := check(t, block, s.trust())
	if err != nil || len(res.Keys) != 4 || res.LogSize != 0 || res.Height != 2 {
		t.Fatal(res, err)
	}
	res, err = check(t, log, s.trust())
	if err != nil || len(res.Keys) != 5 || res.Height != 0 || res.Time != 0 || res.LogSize != 10 {
		t.Fatal(res, err)
	}
	log.Log = nil
	_, err = check(t, log, s.trust())
	wantStep(t, err, StepReceipt)
}

func TestAVoteAbsentIsNoHarm(t *testing.T) {
	s := tell(t)
	a := s.anchor(s.hospital, s.pad(s.entries))
	h, c, txs := s.block(s.orgs[:3], a)
	res, err := check(t, s.world.receipt(s.entries, 1, h, c, txs, 0), s.trust())
	if err != nil || len(res.Keys) != 3 {
		t.Fatal(res, err)
	}
}

func TestPolicy(t *testing.T) {
	s := tell(t)
	if _, err := Verify(s.receipt, s.trust(), Options{Keys: 5}); err != nil {
		t.Fatal(err)
	}
	tr := s.trust()
	tr.Policy.Keys = 6
	res, err := Verify(s.receipt, tr, Options{})
	if !errors.Is(err, ErrNotWitnessed) || res.Witnessed || len(res.Keys) != 5 {
		t.Fatal(res, err)
	}
	if _, err := Verify(s.receipt, tr, Options{Keys: 2}); err != nil {
		t.Fatal(err)
	}
}

func TestALoneHospitalIsProtectedByAWitness(t *testing.T) {
	w, o, entries, r := lone(t)
	tr := w.trust()
	res, err := check(t, r, tr)
	wantUnwitnessed(t, res, err, o.label())

	uni := witness(t, "university.example/w1")
	tr.Witnesses = []Witness{{Name: "University next door", VKey: uni.Key().String()}}
	w.prove(r, w.cosign(w.note(w.checkpoint(), o), uni))
	res, err = check(t, r, tr)
	if err != nil || len(res.Keys) != 2 || len(entries) == 0 {
		t.Fatal(res, err)
	}

	// The same checkpoint, cosigned only in the trust file, serves as well.
	tr.Checkpoints = []string{r.Log.Checkpoint}
	r.Log.Checkpoint = w.note(w.checkpoint(), o).Encode()
	if res, err = check(t, r, tr); err != nil || len(res.Keys) != 2 {
		t.Fatal(res, err)
	}
	tr.Checkpoints = nil
	res, err = check(t, r, tr)
	wantUnwitnessed(t, res, err, o.label())
}

// lone is a ledger of one hospital, and a receipt by its block.
func lone(t testing.TB) (*world, *org, []OpenedEntry, *Receipt) {
	o := newOrg("Lone Hospital", 1)
	w := newWorld(t, o)
	entries := chart(o, 2)
	h, c, txs := w.block(w.orgs, w.anchor(o, w.pad(entries)))
	return w, o, entries, w.receipt(entries, 0, h, c, txs, 0)
}

func (o *org) label() string { return o.name + " (" + o.id.String() + ")" }

func BenchmarkVerify(b *testing.B) {
	s := tell(b)
	r := *s.receipt
	note := *s.checkpoint
	note.Signatures = note.Signatures[:5] // four members and a witness; ML-DSA is on one checkpoint a day
	log := *s.receipt.Log
	log.Checkpoint = note.Encode()
	r.Log = &log
	block := r
	block.Log = nil
	v, err := NewVerifier(s.trust())
	if err != nil {
		b.Fatal(err)
	}
	for name, r := range map[string]*Receipt{"block": &block, "block+log": &r, "block+log+mldsa": s.receipt} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := v.Verify(r, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseReceipt(b *testing.B) {
	s := tell(b)
	s.receipt.Log = nil
	text, _ := s.receipt.EncodeJSON()
	compact, _ := s.receipt.EncodeCompact()
	b.Run("json", func(b *testing.B) {
		for b.Loop() {
			if _, err := ParseReceipt(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("compact", func(b *testing.B) {
		b.ReportMetric(float64(len(compact)), "bytes")
		for b.Loop() {
			if _, err := DecodeCompact(compact); err != nil {
				b.Fatal(err)
			}
		}
	})
}
