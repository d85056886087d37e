package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// logOf gives a chain with some anchors, and a way to ask for a cosignature on its first `size`.
func logOf(t *testing.T, org *member, anchors int) (*sim, func(old, size uint64) *WitnessRequest) {
	t.Helper()
	s := newSim(org)
	var prev verify.Hash
	for i := range anchors {
		a := verify.Anchor{Org: org.Org, Seq: uint64(i), Prev: prev, Count: 16, Time: int64(i)}
		a.Signature = org.sign(a.SigningBytes(s.chain()))
		if err := s.Submit(t.Context(), a.Encode()); err != nil {
			t.Fatal(err)
		}
		prev = a.ID()
		s.commit()
	}
	return s, func(old, size uint64) *WitnessRequest {
		root, err := s.LogRoot(t.Context(), size)
		if err != nil {
			t.Fatal(err)
		}
		c := verify.NewCheckpoint(s.chain(), 0, s.genesis.Members, int64(size), size, root)
		note, err := verify.SignCheckpoint(c, org.signer(t, s.chain()))
		if err != nil {
			t.Fatal(err)
		}
		r := &WitnessRequest{Old: old, Note: note}
		if old > 0 && old <= size {
			if r.Proof, err = s.Consistency(t.Context(), old, size); err != nil {
				t.Fatal(err)
			}
		}
		return r
	}
}

func TestWitnessProtocol(t *testing.T) {
	org := newMember("a", 1)
	s, request := logOf(t, org, 20)
	w := newWitness(t, s, org)
	server := httptest.NewServer(http.StripPrefix("/sijil", w))
	defer server.Close()
	with := func(r *WitnessRequest, change func(*WitnessRequest)) []byte { change(r); return r.Encode() }
	resign := func(r *WitnessRequest, change func(*verify.Checkpoint), by *member) {
		c, err := verify.ParseCheckpoint(r.Note.Text)
		if err != nil {
			t.Fatal(err)
		}
		change(c)
		if r.Note, err = verify.SignCheckpoint(c, by.signer(t, s.chain())); err != nil {
			t.Fatal(err)
		}
	}
	fork := func(r *WitnessRequest) { resign(r, func(c *verify.Checkpoint) { c.Root[5]++ }, org) }
	for _, step := range []struct {
		name string
		body []byte
		want int
		size string
	}{
		{"garbage", []byte("hello"), 400, ""},
		{"a zero before the number", bytes.Replace(request(0, 3).Encode(), []byte("old 0"), []byte("old 00"), 1), 400, ""},
		{"an old size beyond the checkpoint", request(9, 3).Encode(), 400, ""},
		{"an old size when there is none", request(2, 3).Encode(), 409, "0\n"},
		{"a proof of nothing", with(request(0, 3), func(r *WitnessRequest) { r.Proof = make([]verify.Hash, 1) }), 422, ""},
		{"an unknown log", with(request(0, 3), func(r *WitnessRequest) {
			resign(r, func(c *verify.Checkpoint) { c.Origin += "x" }, org)
		}), 404, ""},
		{"nobody's signature", with(request(0, 3), func(r *WitnessRequest) {
			resign(r, func(*verify.Checkpoint) {}, newMember("x", 1))
		}), 403, ""},
		{"a wrong signature", with(request(0, 3), func(r *WitnessRequest) { r.Note.Signatures[0].Signature[9]++ }), 403, ""},
		{"the first", request(0, 3).Encode(), 200, ""},
		{"the same again from nothing", request(0, 3).Encode(), 409, "3\n"},
		{"the same again", request(3, 3).Encode(), 200, ""},
		{"the same size, another root", with(request(3, 3), fork), 409, "3\n"},
		{"a smaller one", request(2, 2).Encode(), 409, "3\n"},
		{"a wrong proof", with(request(3, 9), func(r *WitnessRequest) { r.Proof[0][0]++ }), 422, ""},
		{"no proof", with(request(3, 9), func(r *WitnessRequest) { r.Proof = nil }), 422, ""},
		{"another history", with(request(3, 9), fork), 422, ""},
		{"a larger one", request(3, 9).Encode(), 200, ""},
		{"an old one late", request(3, 5).Encode(), 409, "9\n"},
		{"the largest", request(9, 20).Encode(), 200, ""},
	} {
		resp, err := http.Post(server.URL+"/sijil/add-checkpoint", "text/plain", bytes.NewReader(step.body))
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		if _, err := body.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != step.want {
			t.Fatalf("%s: %s %s", step.name, resp.Status, &body)
		}
		if step.want == 409 && (body.String() != step.size || resp.Header.Get("Content-Type") != "text/x.tlog.size") {
			t.Fatalf("%s: %q as %s", step.name, &body, resp.Header.Get("Content-Type"))
		}
		if step.want == 200 {
			r, err := ParseWitnessRequest(step.body)
			if err != nil {
				t.Fatal(err)
			}
			if err := addSignatures(r.Note, body.Bytes(), []verify.NoteKey{w.Key()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for path, want := range map[string]int{"/sijil/add-checkpoint": 405, "/sijil/else": 404} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: %s", path, resp.Status)
		}
	}
}

func TestAWitnessRemembersAcrossRestartsAndRefusesWithoutMemory(t *testing.T) {
	org := newMember("a", 1)
	s, request := logOf(t, org, 9)
	w := newWitness(t, s, org)
	if _, err := w.Cosign(request(0, 5).Encode()); err != nil {
		t.Fatal(err)
	}
	var logs []WitnessLog
	for _, l := range w.logs {
		logs = append(logs, l)
	}
	again, err := OpenWitness(w.dir, w.signer, logs, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var refusal *WitnessError
	if _, err := again.Cosign(request(0, 4).Encode()); !errors.As(err, &refusal) || refusal.Size != 5 {
		t.Fatalf("got %v", err)
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "*.note"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var damage *Damage
	if _, err := again.Cosign(request(5, 9).Encode()); !errors.As(err, &damage) || damage.File != files[0] {
		t.Fatalf("got %v", err)
	}
	other, err := verify.WitnessSigner("witness.example.edu/sijil", ed25519.NewKeyFromSeed(seedOf("another")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWitness(w.dir, other, logs, nil); err == nil {
		t.Fatal("a witness opens under another key")
	}
	if _, err := OpenWitness(t.TempDir(), w.signer, logs, nil); err == nil {
		t.Fatal("a witness opens without its memory")
	}
	if err := CreateWitness(w.dir, w.Key()); err == nil {
		t.Fatal("a witness is made where one is")
	}
}

func TestCosignaturesByCourier(t *testing.T) {
	org := newMember("a", 1)
	s, _ := logOf(t, org, 3)
	notary := notaries(t, s, org)[0]
	w := newWitness(t, s, org)
	if _, err := notary.WitnessRequest(t.Context(), w.Key()); err == nil {
		t.Fatal("a request without a checkpoint")
	}
	for round := range 3 {
		if err := notary.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		request, err := notary.WitnessRequest(t.Context(), w.Key())
		if err != nil {
			t.Fatal(err)
		}
		if len(request) > 2000 {
			t.Fatalf("%d bytes do not fit a QR code", len(request))
		}
		answer, err := w.Cosign(request)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, err := notary.AcceptCosignature(t.Context(), request, answer, w.Key()); err != nil {
			t.Fatal(err)
		}
		note, _, err := notary.opt.Store.Latest()
		if err != nil || len(note.Signatures) != 2 {
			t.Fatal(note, err)
		}
		if _, err := notary.AcceptCosignature(t.Context(), request, []byte(strings.Replace(string(answer), " ", " x", 1)), w.Key()); err == nil {
			t.Fatal("an answer of nobody is accepted")
		}
		grow(t, s, org)
	}
}

func FuzzWitnessRequest(f *testing.F) {
	f.Add([]byte("old 3\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\nsijil.health/x\n"))
	f.Add([]byte("old 0\n\nsijil.health/x\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nepoch 0\nvalidators 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n" +
		"members 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nheight 1\n\n— a AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseWitnessRequest(b)
		if err == nil && !bytes.Equal(r.Encode(), b) {
			t.Fatalf("%q is read as %q", b, r.Encode())
		}
	})
}

// grow puts one more anchor into the log.
func grow(t *testing.T, s *sim, org *member) {
	t.Helper()
	a, err := verify.DecodeAnchor(s.log[len(s.log)-1].Bytes)
	if err != nil {
		t.Fatal(err)
	}
	next := verify.Anchor{Org: org.Org, Seq: a.Seq + 1, Prev: a.ID(), Count: 16}
	next.Signature = org.sign(next.SigningBytes(s.chain()))
	if err := s.Submit(t.Context(), next.Encode()); err != nil {
		t.Fatal(err)
	}
	s.commit()
}

// TestALostAnswerHealsByItself: whatever answers were lost between a witness and a node that are reached by hand, the next answer tells the
// node where the witness stands, and the request after it is cosigned.
func TestALostAnswerHealsByItself(t *testing.T) {
	org := newMember("a", 1)
	s, _ := logOf(t, org, 3)
	notary := notaries(t, s, org)[0]
	w := newWitness(t, s, org)
	ask := func() (request []byte) {
		t.Helper()
		if err := notary.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		request, err := notary.WitnessRequest(t.Context(), w.Key())
		if err != nil {
			t.Fatal(err)
		}
		return request
	}
	covered := func() uint64 {
		_, c := notary.opt.Store.Cosigned(w.Key())
		if c == nil {
			return 0
		}
		return c.Size
	}
	for lost := range 3 {
		for range lost {
			if _, _, err := w.Answer(ask()); err != nil {
				t.Fatal(err)
			}
			grow(t, s, org)
		}
		request := ask()
		answer, late, err := w.Answer(request)
		if err != nil || (late != nil) != (lost > 0) {
			t.Fatalf("%d lost: %v, %v", lost, late, err)
		}
		got, err := notary.AcceptCosignature(t.Context(), request, answer, w.Key())
		if err != nil || (got != nil) != (lost > 0) || late != nil && *got != *late {
			t.Fatalf("%d lost: %v, %v", lost, got, err)
		}
		request = ask()
		if answer, late, err = w.Answer(request); err != nil || late != nil {
			t.Fatalf("%d lost: the request after: %v, %v", lost, late, err)
		}
		if _, err := notary.AcceptCosignature(t.Context(), request, answer, w.Key()); err != nil || covered() != uint64(len(s.log)) {
			t.Fatalf("%d lost: %d of %d covered, %v", lost, covered(), len(s.log), err)
		}
		// The same request once more has the same answer, and an older one is answered by what was cosigned last.
		if _, late, err := w.Answer(request); err != nil || late != nil {
			t.Fatal(late, err)
		}
		grow(t, s, org)
	}
}

// TestWhatAWitnessCosignedBeforeIsComparedWithTheLog: nothing is taken that this node's chain does not say, or the witness did not sign.
func TestWhatAWitnessCosignedBeforeIsComparedWithTheLog(t *testing.T) {
	org := newMember("a", 1)
	s, request := logOf(t, org, 20)
	notary := notaries(t, s, org)[0]
	notary.opt.Ask = nil
	if err := notary.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	ours, err := notary.WitnessRequest(t.Context(), newWitness(t, s, org).Key())
	if err != nil {
		t.Fatal(err)
	}
	cosigned := func(size uint64, change func(*verify.Checkpoint)) (*Witness, []byte) {
		w := newWitness(t, s, org)
		r := request(0, min(size, 20))
		c, err := verify.ParseCheckpoint(r.Note.Text)
		if err != nil {
			t.Fatal(err)
		}
		change(c)
		if r.Note, err = verify.SignCheckpoint(c, org.signer(t, s.chain())); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Cosign(r.Encode()); err != nil {
			t.Fatal(err)
		}
		answer, late, err := w.Answer(request(0, 4).Encode())
		if err != nil || late == nil {
			t.Fatal(late, err)
		}
		return w, answer
	}
	same := func(*verify.Checkpoint) {}
	w, good := cosigned(9, same)
	for _, c := range []struct {
		name   string
		change func(*verify.Checkpoint)
		forked bool
	}{
		{"another root", func(c *verify.Checkpoint) { c.Root[3]++ }, true},
		{"more than there is", func(c *verify.Checkpoint) { c.Size, c.Height = 30, 30 }, true},
		{"other members", func(c *verify.Checkpoint) { c.Members[3]++ }, false},
		{"a block that is not there", func(c *verify.Checkpoint) { c.Height = 999 }, false},
	} {
		other, answer := cosigned(9, c.change)
		_, err := notary.AcceptCosignature(t.Context(), ours, answer, other.Key())
		if err == nil {
			t.Errorf("%s is taken", c.name)
		}
		if u := notary.Unanswered(); (len(u) == 1 && u[0].OtherHistory) != c.forked {
			t.Errorf("%s: %v, %v", c.name, err, u)
		}
		notary.answered(other.Key(), nil)
	}
	// Anybody can write a checkpoint into a file: without the witness's signature it raises no alarm.
	forged := bytes.Replace(good, []byte("\n9\n"), []byte("\n8\n"), 1)
	if _, err := notary.AcceptCosignature(t.Context(), ours, forged, w.Key()); err == nil || len(notary.Unanswered()) > 0 {
		t.Errorf("a checkpoint that was changed: %v, %v", err, notary.Unanswered())
	}
	if late, err := notary.AcceptCosignature(t.Context(), ours, good, w.Key()); err != nil || late == nil || late.Size != 9 {
		t.Error(late, err)
	}
	// A witness that remembers less than it has signed says so, and answers with nothing older.
	var refusal *WitnessError
	if answer, _, err := w.Answer(request(12, 20).Encode()); !errors.As(err, &refusal) || !refusal.Forgot || answer != nil {
		t.Error(answer, err)
	}
	if _, _, err := w.Answer(func() []byte {
		r := request(0, 9)
		c, _ := verify.ParseCheckpoint(r.Note.Text)
		c.Root[1]++
		r.Note, _ = verify.SignCheckpoint(c, org.signer(t, s.chain()))
		return r.Encode()
	}()); !errors.As(err, &refusal) || !refusal.Fork {
		t.Error(err)
	}
}
