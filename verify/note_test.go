package verify

import (
	"crypto/ed25519"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"filippo.io/mldsa"
	"github.com/google/go-cmp/cmp"
)

// The examples of the C2SP specifications, word for word.
const (
	c2spVKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
	c2spNote = "This is an example message.\n\n" +
		"— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
	c2spCosigned = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" +
		"— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n" +
		"— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)

func TestTheExampleOfTheNoteSpecification(t *testing.T) {
	k, err := ParseVKey(c2spVKey)
	if err != nil {
		t.Fatal(err)
	}
	if k.String() != c2spVKey || k.Algorithm() != AlgEd25519 || k.ID() != 0x530d903a || k.Name() != "example.com/foo" {
		t.Fatalf("key %s", k)
	}
	n, err := ParseNote(c2spNote)
	if err != nil || n.Encode() != c2spNote {
		t.Fatal(n, err)
	}
	if got, err := n.Verify([]NoteKey{k}); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	n.Text = "This is another message.\n"
	if _, err := n.Verify([]NoteKey{k}); err == nil {
		t.Fatal("another text passes")
	}
}

func TestTheExampleOfTheCosignatureSpecification(t *testing.T) {
	n, err := ParseNote(c2spCosigned)
	if err != nil || n.Encode() != c2spCosigned || len(n.Signatures) != 2 {
		t.Fatal(n, err)
	}
	at, rest, err := splitCosignature(n.Signatures[1].Signature)
	if err != nil || at != 1679315147 || len(rest) != 64 {
		t.Fatal(at, len(rest), err)
	}
	want := "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
	if diff := cmp.Diff(want, string(cosignedText(n.Text, at))); diff != "" {
		t.Fatal(diff)
	}
	h, ext, err := parseHead(n.Text)
	if err != nil || h.Origin != "example.com/behind-the-sofa" || h.Size != 20852163 || len(ext) != 0 {
		t.Fatal(h, ext, err)
	}
}

func TestAWitnessCosignsAnyLog(t *testing.T) {
	w := witness(t, "witness.example.com/w1")
	n := must(ParseNote(c2spCosigned))
	at := time.Unix(1700000000, 0)
	s, err := Cosign(n, w, at)
	if err != nil {
		t.Fatal(err)
	}
	n.Add(s)
	n.Add(s) // once more is no second signature
	again, err := ParseNote(n.Encode())
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Verify([]NoteKey{w.Key()})
	if diff := cmp.Diff([]Verified{{Key: 0, Time: 1700000000}}, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	if _, err := Cosign(n, w, time.Time{}); err == nil {
		t.Fatal("a cosignature without a time")
	}
	if _, err := Cosign(&Note{Text: "no checkpoint\n"}, w, at); err == nil {
		t.Fatal("a cosignature on what is no checkpoint")
	}
	member, _ := MemberSigner("sijil-1", OrgID{1}, ed25519.NewKeyFromSeed(seed("m")))
	if _, err := Cosign(n, member, at); err == nil {
		t.Fatal("a member cosigns with its member's key")
	}
}

func TestAThirdPartyWitnessWithMLDSA44(t *testing.T) {
	private, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed("pq witness"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewNoteKey("witness.example.com/pq", AlgCosign44, private.PublicKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseVKey(k.String()); err != nil || again.ID() != k.ID() {
		t.Fatal(err)
	}
	s := tell(t)
	message, err := cosignedHead(k.Name(), s.checkpoint.Text, 1700000000)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := private.SignDeterministic(message, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.checkpoint.Add(NoteSignature{k.Name(), k.ID(), append(binary.BigEndian.AppendUint64(nil, 1700000000), raw...)})
	s.prove(s.receipt, s.checkpoint)
	tr := s.trust()
	tr.Witnesses = append(tr.Witnesses, Witness{VKey: k.String()})
	res, err := check(t, s.receipt, tr)
	if err != nil || len(res.Keys) != 6 {
		t.Fatal(res, err)
	}
}

func TestNotesThatAreNone(t *testing.T) {
	sig := "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1T\n"
	for name, b := range map[string]string{
		"empty":             "",
		"no signature":      "text\n\n",
		"no blank line":     "text\n" + sig,
		"no final newline":  "text\n\n" + strings.TrimSuffix(sig, "\n"),
		"a control byte":    "te\tt\n\n" + sig,
		"a carriage return": "text\r\n\n" + sig,
		"broken UTF-8":      "te\xfft\n\n" + sig,
		"a hyphen":          "text\n\n- example.com/foo Uw2QOkn8srV1yJGh2VYRlL1T\n",
		"no name":           "text\n\n—  Uw2QOkn8srV1yJGh2VYRlL1T\n",
		"plus in the name":  "text\n\n— a+b Uw2QOkn8srV1yJGh2VYRlL1T\n",
		"too short":         "text\n\n— a Uw2QOg==\n",
		"loose base64":      "text\n\n— a Uw2QOkn8srV1yJGh2VYRlL1T=\n",
		"too many":          "text\n\n" + strings.Repeat(sig, MaxNoteSignatures+1),
		"too long":          strings.Repeat("x", MaxNote) + "\n\n" + sig,
	} {
		if _, err := ParseNote(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, k := range []string{"", "a", "a+b", "a+00000000+AQ==", "a+xx+" + strings.Repeat("A", 44), strings.Replace(c2spVKey, "530d", "530e", 1),
		"a+00000000+/3VuaWtub3du", strings.Replace(c2spVKey, "+Ae", "+Be", 1)} {
		if _, err := ParseVKey(k); err == nil {
			t.Errorf("verifier key %q accepted", k)
		}
	}
}

func TestCheckpointsThatAreNone(t *testing.T) {
	text := tell(t).world.checkpoint().Text()
	if c, err := ParseCheckpoint(text); err != nil || c.Text() != text {
		t.Fatal(err)
	}
	for name, alter := range map[string]func(string) string{
		"a line more":     func(s string) string { return s + "more\n" },
		"a line less":     func(s string) string { return s[:strings.Index(s, "height")] },
		"an empty line":   func(s string) string { return strings.Replace(s, "epoch", "\nepoch", 1) },
		"leading zero":    func(s string) string { return strings.Replace(s, "\n10\n", "\n010\n", 1) },
		"negative height": func(s string) string { return strings.Replace(s, "height ", "height -", 1) },
		"huge size":       func(s string) string { return strings.Replace(s, "\n10\n", "\n18446744073709551615\n", 1) },
		"other order":     func(s string) string { return strings.Replace(s, "epoch 0\n", "", 1) + "epoch 0\n" },
		"other origin":    func(s string) string { return "x" + s },
		"no newline":      func(s string) string { return strings.TrimSuffix(s, "\n") },
		"nothing":         func(string) string { return "" },
	} {
		if _, err := ParseCheckpoint(alter(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSignersRefuseKeysThatDoNotFit(t *testing.T) {
	private, _ := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed("44"))
	if _, err := PostQuantumSigner("sijil-1", OrgID{}, private); err == nil {
		t.Error("ML-DSA-44 passes for ML-DSA-65")
	}
	if _, err := WitnessSigner("a witness", ed25519.NewKeyFromSeed(seed("w"))); err == nil {
		t.Error("a name with a space")
	}
	m, err := MemberSigner("sijil-1", OrgID{}, ed25519.NewKeyFromSeed(seed("m")))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "no newline", "tab\t\n"} {
		if _, err := m.Sign(text, time.Time{}); err == nil {
			t.Errorf("text %q is signed", text)
		}
	}
}
