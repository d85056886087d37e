package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/sijil-health/sijil/verify"
)

// cosigner is a witness that can be away.
type cosigner struct {
	*Witness
	away bool
}

func (c *cosigner) Cosign(ctx context.Context, note []byte, size uint64, proof Prover) ([]byte, error) {
	if c.away {
		return nil, errors.New("nobody there")
	}
	n, _, err := parseCheckpointNote(note)
	if err != nil {
		return nil, err
	}
	r := &WitnessRequest{Note: n}
	lines, err := c.Witness.Cosign(r.Encode())
	var refusal *WitnessError
	if !errors.As(err, &refusal) || refusal.Size == 0 {
		return lines, err
	}
	r.Old = refusal.Size
	if r.Proof, err = proof(ctx, r.Old, size); err != nil {
		return nil, err
	}
	return c.Witness.Cosign(r.Encode())
}

// witnessed is a lone node with witnesses that come and go.
type witnessed struct {
	*node
	notary    *Notary
	witnesses []*cosigner
}

func newWitnessed(t *testing.T, names ...string) *witnessed {
	t.Helper()
	org := newMember("a", 1)
	s := newSim(org)
	s.autocommit(t, 1e6)
	w := &witnessed{node: newNode(t, org, s), notary: notaries(t, s, org)[0]}
	for _, name := range names {
		signer, err := verify.WitnessSigner(name, ed25519.NewKeyFromSeed(seedOf(name)))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "witness")
		if err := CreateWitness(dir, signer.Key()); err != nil {
			t.Fatal(err)
		}
		log := WitnessLog{Origin: verify.OriginOf(s.chain()), Keys: []verify.NoteKey{org.signer(t, s.chain()).Key()}}
		x, err := OpenWitness(dir, signer, []WitnessLog{log}, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.witnesses = append(w.witnesses, &cosigner{Witness: x})
		w.notary.opt.Witnesses = append(w.notary.opt.Witnesses, w.witnesses[len(w.witnesses)-1])
	}
	w.opt.Checkpoints = w.notary.opt.Store
	w.open()
	t.Cleanup(w.close)
	return w
}

// anchored records an entry and makes a checkpoint of it, cosigned by those of the witnesses.
func (w *witnessed) anchored(detail string, present ...int) opened {
	w.t.Helper()
	for i, x := range w.witnesses {
		x.away = true
		for _, p := range present {
			x.away = x.away && p != i
		}
	}
	o := w.record(detail)
	w.await(o.number)
	if err := w.notary.Checkpoint(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return o
}

// keepIn starts node and notary again with another store.
func (w *witnessed) keepIn(store *Checkpoints) {
	w.crash()
	w.notary.opt.Store, w.opt.Checkpoints = store, store
	w.open()
}

// trust is what a reader gets who knows these witnesses.
func (w *witnessed) trust(known ...int) *verify.Trust {
	w.t.Helper()
	var list []verify.Witness
	for _, i := range known {
		list = append(list, verify.Witness{Name: w.witnesses[i].Key().Name(), VKey: w.witnesses[i].Key().String()})
	}
	t, err := TrustFile(w.t.Context(), w.chain.genesis, w.chain, w.notary.opt.Store, list)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

// rests gives on how many keys a new receipt for the entry rests, and how many checkpoints it shows.
func (w *witnessed) rests(o opened, t *verify.Trust) (keys, shown int) {
	w.t.Helper()
	r, err := w.Receipt(w.t.Context(), o.number, o.Opened)
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := verify.Verify(r, t, verify.Options{})
	if (err != nil || len(res.Keys) < verify.DefaultKeys) && !errors.Is(err, verify.ErrNotWitnessed) {
		w.t.Fatal(err)
	}
	return len(res.Keys), 1 + len(r.Further)
}

func (w *witnessed) want(o opened, t *verify.Trust, keys, shown int) {
	w.t.Helper()
	if k, s := w.rests(o, t); k != keys || s != shown {
		w.t.Fatalf("the receipt rests on %d keys and shows %d checkpoints, want %d and %d", k, s, keys, shown)
	}
}

func TestAnUnsignedLaterCheckpointLowersNothing(t *testing.T) {
	w := newWitnessed(t, "university.example/w")
	first := w.anchored("one", 0)
	before := w.trust(0)
	w.want(first, before, 2, 1)

	second := w.anchored("two")
	if got := w.notary.Unanswered(); len(got) != 1 || got[0].Witness != "university.example/w" {
		t.Fatalf("unanswered: %v", got)
	}
	if got := w.trust(0).Checkpoints; len(got) != 2 {
		t.Fatalf("%d checkpoints in the trust file, want the latest and the cosigned one", len(got))
	}
	uncovered, err := w.Uncovered(t.Context(), 1)
	if err != nil || uncovered != 1 {
		t.Fatal(uncovered, err)
	}
	for range 2 {
		for _, trust := range []*verify.Trust{before, w.trust(0)} {
			w.want(first, trust, 2, 1)
			w.want(second, trust, 1, 1)
		}
		store, err := OpenCheckpoints(w.notary.opt.Store.Dir()) // and so it stays across a restart
		if err != nil {
			t.Fatal(err)
		}
		w.keepIn(store)
	}

	// The log has not grown, and the witness is back: it is asked for what it missed.
	w.witnesses[0].away = false
	if err := w.notary.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.want(second, before, 2, 1)
	if got := w.notary.Unanswered(); len(got) != 0 {
		t.Fatalf("unanswered: %v", got)
	}
}

func TestWitnessesThatComeInTurnsAllCount(t *testing.T) {
	w := newWitnessed(t, "w.example/0", "w.example/1", "w.example/2")
	first := w.anchored("one", 0, 1)
	second := w.anchored("two", 1)
	third := w.anchored("three", 2)
	fourth := w.anchored("four")
	all := w.trust(0, 1, 2)
	w.want(first, all, 4, 2)
	w.want(second, all, 3, 2)
	w.want(third, all, 2, 1)
	w.want(fourth, all, 1, 1)
	for i := range w.witnesses {
		w.want(first, w.trust(i), 2, 2) // whichever of them the reader knows
	}
}

func TestACheckpointStoreOfBeforeKeepsWhatWasCosigned(t *testing.T) {
	w := newWitnessed(t, "university.example/w")
	first := w.anchored("one", 0)
	dir := w.notary.opt.Store.Dir()
	if err := os.Remove(filepath.Join(dir, witnessFile(w.witnesses[0].Key()))); err != nil {
		t.Fatal(err)
	}
	store, err := OpenCheckpoints(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.keepIn(store)
	w.anchored("two")
	w.want(first, w.trust(0), 2, 1)
}

func TestAnAnswerToSomethingElseIsNotTaken(t *testing.T) {
	w := newWitnessed(t, "university.example/w")
	w.anchored("one")
	key := w.witnesses[0].Key()
	request, err := w.notary.WitnessRequest(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseWitnessRequest(request)
	if err != nil {
		t.Fatal(err)
	}
	forged := *r.checkpoint
	forged.Size, forged.Height, forged.Root = 1000, 1000, verify.Hash{1}
	note := &verify.Note{Text: forged.Text(), Signatures: r.Note.Signatures}
	line, err := verify.Cosign(note, w.witnesses[0].signer, w.notary.opt.Clock())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.notary.AcceptCosignature(t.Context(), (&WitnessRequest{Note: note}).Encode(), []byte(line.String()), key); err == nil {
		t.Fatal("a checkpoint that this node never signed is taken")
	}
	// A member's signature that was damaged on the way is left out, and what is stored stays good.
	answer, err := w.witnesses[0].Witness.Cosign(request)
	if err != nil {
		t.Fatal(err)
	}
	r.Note.Signatures = append(r.Note.Signatures, verify.NoteSignature{Name: "x", ID: key.ID(), Signature: []byte("xxxxxxxxx")})
	if _, err := w.notary.AcceptCosignature(t.Context(), r.Encode(), answer, key); err != nil {
		t.Fatal(err)
	}
	if got, _, err := w.notary.opt.Store.Latest(); err != nil || len(got.Signatures) != 2 {
		t.Fatal(got, err)
	}
}

func TestACheckpointOfFewMembersLowersNothing(t *testing.T) {
	a, b, c := newMember("a", 1), newMember("b", 1), newMember("c", 1)
	s := newSim(a, b, c)
	s.autocommit(t, 1e6)
	notary := notaries(t, s, a, b, c)[0]
	n := newNode(t, a, s)
	n.opt.Checkpoints = notary.opt.Store
	n.open()
	defer n.close()
	o := n.record("one")
	n.await(o.number)
	if err := notary.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	notary.opt.Ask = nil // the others cannot be reached
	for range 2 {
		n.await(n.write(1))
		if err := notary.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.set(func() { s.base = 1000 }) // and blocks are no longer kept
		r, err := n.Receipt(t.Context(), o.number, o.Opened)
		if err != nil {
			t.Fatal(err)
		}
		trust := &verify.Trust{Format: verify.TrustFormat, Genesis: *s.genesis}
		if _, err := verify.Verify(r, trust, verify.Options{Keys: 3}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnotherHistoryIsNamed: a witness that cosigned one history and is shown another, over HTTP, says so, and so does who asked.
func TestAnotherHistoryIsNamed(t *testing.T) {
	org := newMember("a", 1)
	s, request := logOf(t, org, 20)
	w := newWitness(t, s, org)
	alarms := 0
	w.Alarm = func(*WitnessError) { alarms++ }
	server := httptest.NewServer(w)
	defer server.Close()
	remote := NewRemoteWitness(server.URL, w.Key(), nil)
	if _, err := remote.Cosign(t.Context(), []byte(request(0, 8).Note.Encode()), 8, s.Consistency); err != nil {
		t.Fatal(err)
	}
	forged := func(size uint64) []byte {
		c, err := verify.ParseCheckpoint(request(0, size).Note.Text)
		if err != nil {
			t.Fatal(err)
		}
		c.Root[5]++
		note, err := verify.SignCheckpoint(c, org.signer(t, s.chain()))
		if err != nil {
			t.Fatal(err)
		}
		return []byte(note.Encode())
	}
	for _, size := range []uint64{8, 9} {
		alarms = 0
		if _, err := remote.Cosign(t.Context(), forged(size), size, s.Consistency); !errors.Is(err, ErrOtherHistory) || alarms != 1 {
			t.Errorf("another history of %d anchors: %v, %d alarms", size, err, alarms)
		}
	}
	notary := notaries(t, s, org)[0]
	_, err := remote.Cosign(t.Context(), []byte(request(0, 5).Note.Encode()), 5, s.Consistency)
	notary.opt.Ask = nil
	notary.answered(w.Key(), err)
	if u := notary.Unanswered(); len(u) != 1 || !u[0].OtherHistory {
		t.Errorf("a lone log that is shorter than what was cosigned: %v", u)
	}
	if _, err := remote.Cosign(t.Context(), []byte(request(0, 9).Note.Encode()), 9, s.Consistency); err != nil {
		t.Error(err)
	}
}
