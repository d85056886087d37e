package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sijil-health/sijil/verify"
	"pgregory.net/rapid"
)

func twoKeys(t testing.TB) (a, b *Key) {
	v := memVault(t, newMemDisk())
	return mustKey(t, v, "Patient/a", Log), mustKey(t, v, "Patient/b", Log)
}

func TestEntry(t *testing.T) {
	a, b := twoKeys(t)
	for _, n := range []int{0, 1, 95, 96, 127, 128, 200, 255, 256, 1 << 10, 70_000, MaxEntry} {
		plain := bytes.Repeat([]byte{7}, n)
		sealed, commit, err := a.SealEntry(5, plain)
		if err != nil {
			t.Fatal(err)
		}
		got, again, err := a.OpenEntry(5, sealed)
		if err != nil || !bytes.Equal(got, plain) || again != commit {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if len(sealed) != padEntry(n+1)+gcmOverhead {
			t.Fatalf("%d bytes were sealed as %d", n, len(sealed))
		}
		altered := bytes.Clone(sealed)
		altered[len(altered)/2] ^= 1
		for name, open := range map[string]func() ([]byte, verify.Hash, error){
			"another key":    func() ([]byte, verify.Hash, error) { return b.OpenEntry(5, sealed) },
			"another number": func() ([]byte, verify.Hash, error) { return a.OpenEntry(6, sealed) },
			"altered":        func() ([]byte, verify.Hash, error) { return a.OpenEntry(5, altered) },
			"cut":            func() ([]byte, verify.Hash, error) { return a.OpenEntry(5, sealed[:10]) },
		} {
			if got, _, err := open(); !errors.Is(err, ErrSealed) || got != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestEntryPadding: one content has one form, also when it ends in what padding looks like.
func TestEntryPadding(t *testing.T) {
	key, _ := twoKeys(t)
	for _, plain := range []string{"", "\x80", "\x80\x00\x00", "\x00", "a\x80", string(make([]byte, 95)), string(make([]byte, 96)), string(make([]byte, 300))} {
		sealed, _, err := key.SealEntry(1, []byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := key.OpenEntry(1, sealed); err != nil || string(got) != plain {
			t.Fatalf("%q became %q: %v", plain, got, err)
		}
	}
	for _, bad := range []string{"", string(make([]byte, 128)), "a\x80", "\x80" + string(make([]byte, 127)), "\x80" + string(make([]byte, 255)), string(make([]byte, 130)) + "\x80\x00"} {
		if got, ok := unmark([]byte(bad)); ok {
			t.Errorf("%q was taken, as %q", bad, got)
		}
	}
}

func TestSalt(t *testing.T) {
	a, b := twoKeys(t)
	salt := func(k *Key, n uint64) [32]byte { t.Helper(); return must(k.Salt(n)) }
	if first := salt(a, 1); salt(a, 1) != first || salt(a, 2) == first || salt(b, 1) == first {
		t.Error("a salt must be the same each time, and no other's")
	}
	info := append([]byte(saltPurpose), 0, 0, 0, 0, 0, 0, 0, 1)
	if got := salt(a, 1); !bytes.Equal(got[:], expand(a.cek[:], string(info), 32)) {
		t.Error("not HKDF-Expand")
	}
	_, commit, _ := a.SealEntry(1, nil)
	if derived := expand(a.cek[:], string(entryInfo(1)), 64); salt(a, 1) == [32]byte(derived) || verify.Hash(salt(a, 1)) == commit {
		t.Error("the salt is the entry's key or its commitment")
	}
}

func TestBlob(t *testing.T) {
	a, b := twoKeys(t)
	aad := []byte("Observation/1/_history/1")
	for _, n := range []int{0, 1, 252, 4 << 10, 1 << 20} {
		plain := bytes.Repeat([]byte{7}, n)
		blob, err := a.SealBlob(aad, plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.OpenBlob(aad, blob)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if _, err := b.OpenBlob(aad, blob); !errors.Is(err, ErrSealed) {
			t.Errorf("another key: %v", err)
		}
		if _, err := a.OpenBlob(aad[1:], blob); !errors.Is(err, ErrSealed) {
			t.Errorf("other associated data: %v", err)
		}
		for _, at := range []int{0, 4, blobCommit, blobWrapped, blobHeader, blobHeader + 12, len(blob) - 1} {
			altered := bytes.Clone(blob)
			altered[at] ^= 1
			if _, err := a.OpenBlob(aad, altered); !errors.Is(err, ErrSealed) {
				t.Errorf("altered at %d: %v", at, err)
			}
		}
	}
}

func TestBlindAndTag(t *testing.T) {
	a, b := twoKeys(t)
	if !bytes.Equal(a.Blind("identifier", []byte("x")), a.Blind("identifier", []byte("x"))) {
		t.Error("not the same twice")
	}
	others := [][]byte{a.Blind("identifierx", nil), a.Blind("identifie", []byte("rx")), b.Blind("identifier", []byte("x"))}
	for _, o := range others {
		if bytes.Equal(a.Blind("identifier", []byte("x")), o) {
			t.Error("two inputs, one value")
		}
	}
	if a.Tag(0) == a.Tag(1) || a.Tag(0) == b.Tag(0) {
		t.Error("tags repeat")
	}
}

func TestExpandIsHKDF(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, info := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"), rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "info")
		got := newPRF(key).expand64(info)
		if !bytes.Equal(got[:], expand(key, string(info), 64)) {
			t.Fatal("not HKDF-Expand")
		}
	})
}

func TestPadding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, MaxBlob).Draw(t, "n")
		for _, rule := range []func(int) int{padEntry, padContent} {
			p := rule(n)
			if p < n || p > 256 && p > n+128+n/8 || rule(p) != p {
				t.Fatalf("%d → %d → %d", n, p, rule(p))
			}
		}
	})
	p := make([]byte, 256)
	putPadded(p, []byte("abc"))
	for _, at := range []int{0, 2, 7, 255} {
		q := bytes.Clone(p)
		q[at] ^= 0x80
		if _, ok := unpad(q, padContent); ok {
			t.Errorf("altered at %d was taken", at)
		}
	}
	if _, ok := unpad(append(p, 0), padContent); ok {
		t.Error("a size that the rule does not give was taken")
	}
}

// An attacker who knows two keys makes one AES-GCM ciphertext that opens under both, to two contents: authentication is
// one linear equation over GF(2^128), and one free block solves it. A blob must refuse it by the commitment; of an entry the commitment tells
// which of the two keys it was opened under.
func TestOneCiphertextUnderTwoKeys(t *testing.T) {
	a, b := twoKeys(t)
	evil := make([]byte, 15*16) // what it says under the second key, well padded; the sixteenth block is the free one
	putPadded(evil, []byte("potassium 4.1"))
	binary.BigEndian.PutUint32(evil, 252)
	info := entryInfo(3)
	ka, commitA := expandCommitted(a.cek[:], string(info))
	kb, commitB := expandCommitted(b.cek[:], string(info))
	twofold := underTwoKeys(t, ka, kb, info, evil)
	for _, k := range [][]byte{ka, kb} {
		if _, err := newGCM(k).Open(nil, nil, twofold, info); err != nil {
			t.Fatalf("the attack does not work: %v", err)
		}
	}
	if _, commit, err := b.OpenEntry(3, twofold); err == nil && commit != verify.Hash(commitB) {
		t.Errorf("an entry opened under b with the commitment %s", commit)
	}
	if bytes.Equal(commitA, commitB) {
		t.Error("two keys, one commitment")
	}

	// A blob: the header names the first DEK's commitment and wraps the second DEK.
	first, second := newKey(), newKey()
	k1, commit1 := expandCommitted(first[:], contentPurpose)
	k2, _ := expandCommitted(second[:], contentPurpose)
	head := append(append([]byte(blobMagic), suiteGCM), commit1...)
	aad := blobAAD(contentPurpose, head, []byte("aad"))
	body := underTwoKeys(t, k1, k2, aad, evil)
	if _, err := newGCM(k2).Open(nil, nil, body, aad); err != nil {
		t.Fatalf("the attack does not work: %v", err)
	}
	blob := a.keys().wrap.Seal(bytes.Clone(head), nil, second[:], blobAAD(dekPurpose, head, nil))
	if _, err := a.OpenBlob([]byte("aad"), append(blob, body...)); !errors.Is(err, ErrSealed) {
		t.Errorf("blob opens under a key it does not commit to: %v", err)
	}
}

// underTwoKeys gives nonce ‖ ciphertext ‖ tag, authentic under both keys with the same associated data. Under k2 the
// ciphertext begins with plain2, whole blocks; one more block follows.
func underTwoKeys(t *testing.T, k1, k2, aad, plain2 []byte) []byte {
	t.Helper()
	nonce := make([]byte, 12)
	c := make([]byte, len(plain2), len(plain2)+16)
	cipher.NewCTR(must(aes.NewCipher(k2)), append(bytes.Clone(nonce), 0, 0, 0, 2)).XORKeyStream(c, plain2)
	var length [16]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(aad))*8)
	binary.BigEndian.PutUint64(length[8:], uint64(len(c)+16)*8)
	// The tag is rest + last·H², with everything but the last block in rest; it is to be the same under both keys.
	ghash := func(k []byte) (rest, h2 block) {
		e := func(in []byte) block {
			var out [16]byte
			must(aes.NewCipher(k)).Encrypt(out[:], in)
			return blockOf(out[:])
		}
		h, y := e(make([]byte, 16)), block{}
		for _, part := range [][]byte{aad, c} {
			for ; len(part) > 0; part = part[min(16, len(part)):] {
				var in [16]byte
				copy(in[:], part)
				y = y.add(blockOf(in[:])).mul(h)
			}
		}
		y = y.mul(h).add(blockOf(length[:])).mul(h)
		return y.add(e(append(bytes.Clone(nonce), 0, 0, 0, 1))), h.mul(h)
	}
	r1, q1 := ghash(k1)
	r2, q2 := ghash(k2)
	last := r1.add(r2).mul(q1.add(q2).inverse())
	tag := r1.add(last.mul(q1))
	return append(append(append(nonce, c...), last.bytes()...), tag.bytes()...)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// block is an element of GF(2^128) in GCM's order of bits (SP 800-38D, section 6.3).
type block struct{ hi, lo uint64 }

func blockOf(b []byte) block {
	return block{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (x block) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, x.hi), x.lo)
}

func (x block) add(y block) block { return block{x.hi ^ y.hi, x.lo ^ y.lo} }

func (x block) mul(y block) (z block) {
	for i := range 128 {
		bit := x.hi >> (63 - i%64)
		if i >= 64 {
			bit = x.lo >> (63 - i%64)
		}
		if bit&1 == 1 {
			z = z.add(y)
		}
		carry := y.lo & 1
		y = block{y.hi >> 1, y.lo>>1 | y.hi<<63}
		if carry == 1 {
			y.hi ^= 0xe1 << 56
		}
	}
	return z
}

// inverse is x^(2^128 - 2).
func (x block) inverse() block {
	r, p := block{1 << 63, 0}, x
	for range 127 {
		p = p.mul(p)
		r = r.mul(p)
	}
	return r
}

func TestPassphraseRoot(t *testing.T) {
	path := t.TempDir() + "/root.json"
	small := argonParams{Time: 1, Memory: 64, Threads: 1}
	root, err := createPassphraseRoot(osDisk{}, path, []byte("correct horse"), small)
	if err != nil {
		t.Fatal(err)
	}
	if info := must(os.Stat(path)); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	wrapped := must(root.Wrap(t.Context(), []byte("secret"), []byte("aad")))
	again, err := OpenPassphraseRoot(path, []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Unwrap(t.Context(), wrapped, []byte("aad")); err != nil || string(got) != "secret" {
		t.Fatal(err)
	}
	if _, err := again.Unwrap(t.Context(), wrapped, nil); !errors.Is(err, ErrSealed) {
		t.Error(err)
	}
	if _, err := OpenPassphraseRoot(path, []byte("correct horsf")); !errors.Is(err, ErrPassphrase) {
		t.Error(err)
	}
	if _, err := CreatePassphraseRoot(path, []byte("correct horse")); !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	if _, err := CreatePassphraseRoot(path+"2", []byte("short")); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	text := bytes.Replace(must(os.ReadFile(path)), []byte(`"memory_kib": 64`), []byte(`"memory_kib": 999999`), 1)
	if _, err := parsePassphraseFile(text); err == nil {
		t.Error("a file asks for a gigabyte and is obeyed")
	}
	if err := strongParams.check(); err != nil {
		t.Error(err)
	}
}

// Everything but Argon2id runs in FIPS-only mode.
func TestFIPSOnly(t *testing.T) {
	if os.Getenv("SIJIL_FIPS_CHILD") != "" {
		t.Skip("is the child")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^(TestEntry|TestBlob|TestBlindAndTag|TestErasedChartIsGone|TestRestoreFromEscrow)$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", "SIJIL_FIPS_CHILD=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := bytes.Count(out, []byte("--- PASS")); n != 5 {
		t.Fatalf("%d of 5 tests ran\n%s", n, out)
	}
}

func TestCompartments(t *testing.T) {
	if diff := cmp.Diff("mental", Mental.String()); diff != "" {
		t.Error(diff)
	}
	if got := Compartment(99).String(); got != "compartment-99" {
		t.Error(got)
	}
}
