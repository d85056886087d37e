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
		if err := notary.AcceptCosignature(t.Context(), request, answer, w.Key()); err != nil {
			t.Fatal(err)
		}
		note, _, err := notary.opt.Store.Latest()
		if err != nil || len(note.Signatures) != 2 {
			t.Fatal(note, err)
		}
		if err := notary.AcceptCosignature(t.Context(), request, []byte(strings.Replace(string(answer), " ", " x", 1)), w.Key()); err == nil {
			t.Fatal("an answer of nobody is accepted")
		}
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
