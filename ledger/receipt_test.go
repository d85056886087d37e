package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/mldsa"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// opened is an entry whose content a test knows.
type opened struct {
	number uint64
	Opened
}

// record writes an entry of the organisation that can be shown.
func (n *node) record(detail string) opened {
	n.t.Helper()
	e := verify.Entry{Version: verify.EntryVersion, Kind: verify.KindRead, Time: time.Now().UnixMilli(), Org: n.org.Org, Actor: "Practitioner/1", Detail: detail}
	o := opened{Opened: Opened{Key: verify.Hash{7}, Salt: verify.Salt(seedOf("salt" + detail)), Body: e.Encode()}}
	sealed := seedOf("sealed" + detail)
	r := &journal.Record{Time: e.Time, Entries: []journal.Entry{{
		Tag: verify.Tag(sealed[:16]), Bind: verify.Bind(o.Key, verify.Commit((*[32]byte)(&o.Salt), o.Body)), Envelope: journal.Envelope(nil, sealed),
	}}}
	p, err := n.journal.Append(r)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := p.Wait(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	o.number = r.First
	return o
}

// autocommit lets the chain make a block every few milliseconds of real time until the test ends.
func (s *sim) autocommit(t testing.TB, every time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, every) == nil {
			s.commit()
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func (n *node) await(entry uint64) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := n.Wait(ctx, entry); err != nil {
		n.t.Fatal(err)
	}
}

func (m *member) signer(t testing.TB, chain string) *verify.NoteSigner {
	t.Helper()
	s, err := verify.MemberSigner(chain, m.Org, m.key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// notaries gives each member a notary that asks the others directly.
func notaries(t testing.TB, s *sim, members ...*member) []*Notary {
	t.Helper()
	byOrg := make(map[verify.OrgID]*Notary)
	var out []*Notary
	for _, m := range members {
		store, err := OpenCheckpoints(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		n, err := NewNotary(NotaryOptions{
			Org: m.Org, Chain: s.chain(), Engine: s, Store: store, Signers: []*verify.NoteSigner{m.signer(t, s.chain())}, Patience: time.Second,
			Ask: func(ctx context.Context, m *verify.Member, note []byte) ([]byte, error) {
				if byOrg[m.Org] == nil {
					return nil, errors.New("nobody there")
				}
				return byOrg[m.Org].Countersign(ctx, note)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		byOrg[m.Org] = n
		out = append(out, n)
	}
	return out
}

func newWitness(t testing.TB, s *sim, members ...*member) *Witness {
	t.Helper()
	signer, err := verify.WitnessSigner("witness.example.edu/sijil", ed25519.NewKeyFromSeed(seedOf("witness")))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "witness")
	if err := CreateWitness(dir, signer.Key()); err != nil {
		t.Fatal(err)
	}
	var keys []verify.NoteKey
	for _, m := range members {
		keys = append(keys, m.signer(t, s.chain()).Key())
	}
	w, err := OpenWitness(dir, signer, []WitnessLog{{Origin: verify.OriginOf(s.chain()), Keys: keys}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestReceiptsVerifyOfflineByBlockByCheckpointAndAcrossEpochs(t *testing.T) {
	a, b, c, d := newMember("a", 1), newMember("b", 1), newMember("c", 1), newMember("d", 1)
	s := newSim(a, b, c)
	s.autocommit(t, time.Millisecond)
	notary := notaries(t, s, a, b, c, d)
	witness := newWitness(t, s, a, b, c)
	server := httptest.NewServer(witness)
	defer server.Close()
	notary[0].opt.Witnesses = []Cosigner{NewRemoteWitness(server.URL, witness.Key(), nil)}
	n := newNode(t, a, s)
	n.opt.Checkpoints = notary[0].opt.Store
	n.open()
	defer n.close()
	trust := &verify.Trust{Format: verify.TrustFormat, Genesis: *s.genesis, Witnesses: []verify.Witness{{Name: "University", VKey: witness.Key().String()}}}
	verifies := func(o opened, keys int, block, log bool) {
		t.Helper()
		r, err := n.Receipt(t.Context(), o.number, o.Opened)
		if err != nil {
			t.Fatal(err)
		}
		if (r.Block != nil) != block || (r.Log != nil) != log {
			t.Fatalf("block %v, log %v", r.Block != nil, r.Log != nil)
		}
		text, err := r.EncodeJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := verify.ReadReceipt(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify.Verify(again, trust, verify.Options{Keys: keys}); err != nil {
			t.Fatal(err)
		}
	}
	first := n.record("one")
	n.write(20)
	n.await(first.number)
	verifies(first, 3, true, false)

	if err := notary[0].Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	verifies(first, 4, true, true) // three members and a witness

	rotated := *a
	rotated.key = ed25519.NewKeyFromSeed(seedOf("a2"))
	copy(rotated.Key[:], rotated.key.Public().(ed25519.PublicKey))
	s.change([]*member{&rotated, b, c, d})
	n.crash()
	n.opt.Sign = rotated.sign
	n.open()
	second := n.record("two")
	n.await(second.number)
	r, err := n.Receipt(t.Context(), second.number, second.Opened)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify.Verify(r, trust, verify.Options{}); err == nil {
		t.Fatal("a receipt of epoch 1 verifies without its beginning")
	}
	notary[0].opt.Signers = append(notary[0].opt.Signers, rotated.signer(t, s.chain()))
	if err := notary[0].BeginEpochs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := notary[0].Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	verifies(second, 3, true, true)
	verifies(first, 3, true, true)
	together := func(want int, list ...opened) {
		t.Helper()
		var numbered []Numbered
		for _, o := range list {
			numbered = append(numbered, Numbered{o.number, o.Opened})
		}
		v, err := verify.NewVerifier(trust)
		if err != nil {
			t.Fatal(err)
		}
		batches, entries := 0, 0
		err = n.Receipts(t.Context(), numbered, func(r *verify.BatchReceipt) error {
			b, err := r.Encode()
			if err != nil {
				return err
			}
			if r, _, err = verify.DecodeBatchReceipt(b); err != nil {
				return err
			}
			batches++
			return v.VerifyBatch(r, verify.Options{Keys: 3}, func(*verify.Result, func([]byte) bool) error { entries++; return nil })
		})
		if err != nil || batches != want || entries != len(list) {
			t.Errorf("%d entries in %d receipts: %v", entries, batches, err)
		}
	}
	together(2, first, second)
	s.set(func() { s.base = 1000 })
	together(2, first, second)
	verifies(first, 3, false, true)
	verifies(second, 3, false, true)

	third := n.record("three")
	n.await(third.number)
	if _, err := n.Receipt(t.Context(), third.number, third.Opened); !errors.Is(err, ErrPruned) {
		t.Fatalf("got %v, want ErrPruned", err)
	}
	if _, err := n.Receipt(t.Context(), third.number+1, third.Opened); !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound", err)
	}
	if _, err := n.Receipt(t.Context(), second.number, third.Opened); err == nil {
		t.Fatal("a receipt shows another entry than was anchored")
	}
	if err := n.Receipts(t.Context(), []Numbered{{second.number, third.Opened}}, nil); err == nil {
		t.Fatal("a receipt of several shows another entry than was anchored")
	}
}

func TestPathOf(t *testing.T) {
	var values []verify.Hash
	for n := 1; n <= 40; n++ {
		values = append(values, sha256.Sum256([]byte{byte(n)}))
		root := verify.BatchRoot(values)
		for i := range values {
			var path [][]byte
			for _, h := range pathOf(values, i) {
				path = append(path, slices.Clone(h[:]))
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(n), rfc6962.DefaultHasher.HashLeaf(values[i][:]), path, root[:]); err != nil {
				t.Fatalf("%d of %d: %v", i, n, err)
			}
		}
	}
}

func TestAMemberSignsOnlyWhatItsOwnChainSays(t *testing.T) {
	a, b := newMember("a", 1), newMember("b", 1)
	s := newSim(a, b)
	s.autocommit(t, time.Millisecond)
	n := newNode(t, a, s)
	n.open()
	defer n.close()
	n.await(n.write(1))
	notary := notaries(t, s, a, b)
	c, keys, err := notary[0].statement(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, bend := range map[string]func(*verify.Checkpoint){
		"root": func(c *verify.Checkpoint) { c.Root[0]++ }, "size": func(c *verify.Checkpoint) { c.Size++ },
		"epoch": func(c *verify.Checkpoint) { c.Epoch++ }, "members": func(c *verify.Checkpoint) { c.Members[0]++ },
		"validators": func(c *verify.Checkpoint) { c.Validators[0]++ }, "origin": func(c *verify.Checkpoint) { c.Origin += "x" },
		"nothing": func(*verify.Checkpoint) {},
	} {
		bent := *c
		bend(&bent)
		note, err := verify.SignCheckpoint(&bent, a.signer(t, s.chain()))
		if err != nil {
			t.Fatal(err)
		}
		lines, err := notary[1].Countersign(t.Context(), []byte(note.Encode()))
		if name == "nothing" {
			if err == nil {
				err = addSignatures(note, lines, keys)
			}
			if err != nil || len(note.Signatures) != 2 {
				t.Fatal(note.Encode(), err)
			}
			continue
		}
		if !errors.Is(err, ErrDisagree) {
			t.Errorf("another %s: got %v and %q", name, err, lines)
		}
	}
	ahead := *c
	ahead.Height += 5
	note, err := verify.SignCheckpoint(&ahead, a.signer(t, s.chain()))
	if err != nil {
		t.Fatal(err)
	}
	notary[1].opt.Patience = 10 * time.Millisecond
	if _, err := notary[1].Countersign(t.Context(), []byte(note.Encode())); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a height that is not there: %v", err)
	}

	// A node whose chain is another than the one it signed signs nothing more, also after a restart.
	other := newSim(a, b)
	twin := newNode(t, a, other)
	twin.write(3)
	twin.open()
	defer twin.close()
	other.autocommit(t, time.Millisecond)
	twin.await(0)
	opt := notary[1].opt
	opt.Engine = other
	moved, err := NewNotary(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := moved.Checkpoint(t.Context()); !errors.Is(err, verify.ErrFork) {
		t.Fatalf("got %v, want ErrFork", err)
	}

	// Nor when what it signed is forgotten: the latest checkpoint that it keeps says it again.
	if err := notary[0].Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	opt = notary[0].opt
	opt.Engine = other
	day := filepath.Join(opt.Store.Dir(), dayFile(notary[0].opt.Clock())) // without it a checkpoint is due
	if err := errors.Join(os.Remove(notary[0].signedPath()), os.Remove(day)); err != nil {
		t.Fatal(err)
	}
	if moved, err = NewNotary(opt); err != nil {
		t.Fatal(err)
	}
	if err := moved.Checkpoint(t.Context()); !errors.Is(err, verify.ErrFork) || !strings.Contains(err.Error(), "signs nothing more") {
		t.Fatalf("got %v, want ErrFork", err)
	}
}

func TestOneCheckpointADayIsSignedByMLDSA(t *testing.T) {
	a, b := newMember("a", 1), newMember("b", 0)
	pq, err := mldsa.NewPrivateKey(mldsa.MLDSA65(), seedOf("pq"))
	if err != nil {
		t.Fatal(err)
	}
	a.MLDSA = pq.PublicKey().Bytes()
	s := newSim(a, b)
	s.autocommit(t, time.Millisecond)
	n := newNode(t, a, s)
	n.open()
	defer n.close()
	notary := notaries(t, s, a, b)[0]
	if notary.opt.PostQuantum, err = verify.PostQuantumSigner(s.chain(), a.Org, pq); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	notary.opt.Clock = func() time.Time { return now }
	for i, want := range []int{3, 2, 3} {
		n.await(n.write(1))
		if err := notary.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		note, c, err := notary.opt.Store.Latest()
		if err != nil || c.Size != uint64(i)+1 || len(note.Signatures) != want {
			t.Fatalf("%d: %d signatures on %+v: %v", i, len(note.Signatures), c, err)
		}
		if i == 1 {
			now = now.Add(2 * time.Hour)
		}
	}
	for _, day := range []int{22, 23} {
		note, err := notary.opt.Store.Day(time.Date(2026, 11, day, 1, 0, 0, 0, time.UTC))
		if err != nil || note == nil || len(note.Signatures) != 3 {
			t.Fatalf("day %d: %v %v", day, note, err)
		}
	}
}

func BenchmarkReceipt(b *testing.B) {
	for _, entries := range []int{1, 200, 4000} {
		b.Run(fmt.Sprint(entries), func(b *testing.B) {
			org := newMember("a", 1)
			s := newSim(org)
			s.autocommit(b, time.Millisecond)
			n := newNode(b, org, s)
			o := n.record("x")
			n.write(entries)
			n.open()
			defer n.close()
			n.await(o.number)
			for b.Loop() {
				if _, err := n.Receipt(b.Context(), o.number, o.Opened); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
