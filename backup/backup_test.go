package backup

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/verify"
)

// owner is an organisation that makes backups.
type owner struct {
	master []byte
	key    ed25519.PrivateKey
}

func newOwner() *owner {
	return &owner{master: newKey(), key: ed25519.NewKeyFromSeed(newKey())}
}

func (o *owner) public() verify.PublicKey {
	return verify.PublicKey(o.key.Public().(ed25519.PublicKey))
}

func (o *owner) options(now time.Time) Options {
	return Options{
		Master: o.master, Org: verify.OrgOf(o.public()), Chain: "sijil-test", Public: o.public(), Lineage: "one", Now: now,
		Sign: func(b []byte) verify.Signature { return verify.Signature(ed25519.Sign(o.key, b)) },
	}
}

var november = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// backUp makes a backup of files and one secret.
func (o *owner) backUp(ctx context.Context, s Store, opt Options, files map[string][]byte) (*Manifest, Progress, error) {
	w, err := Begin(ctx, s, opt)
	if err != nil {
		return nil, Progress{}, err
	}
	for name, b := range files {
		if _, err := w.Add(ctx, name, bytes.NewReader(b)); err != nil {
			return nil, Progress{}, err
		}
	}
	if err := w.Secret(ctx, "pages", []byte("secret of "+opt.Now.String())); err != nil {
		return nil, Progress{}, err
	}
	m, p, err := w.Commit(ctx, nil)
	if err != nil {
		return nil, p, err
	}
	_, err = w.Sweep(ctx, 30)
	return m, p, err
}

// restore reads everything back.
func (o *owner) restore(ctx context.Context, s Store) (map[string][]byte, error) {
	snap, err := Latest(ctx, s, o.master, o.public())
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	var errs []error
	for i := range snap.Files {
		var b bytes.Buffer
		errs = append(errs, snap.Copy(ctx, &snap.Files[i], &b))
		files[snap.Files[i].Path] = b.Bytes()
	}
	for i := range snap.Secrets {
		_, err := snap.Open(ctx, &snap.Secrets[i])
		errs = append(errs, err)
	}
	return files, errors.Join(errs...)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(b)
	return b
}

func sample() map[string][]byte {
	return map[string][]byte{
		"journal/0": random(2*pieceSize + 17), "exact": random(pieceSize), "empty": {}, "small": []byte("a patient's name"),
	}
}

func same(t *testing.T, got, want map[string][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d files, want %d", len(got), len(want))
	}
	for name, b := range want {
		if !bytes.Equal(got[name], b) {
			t.Errorf("%s came back as other bytes", name)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	roundTrip(t, &folder{dir: filepath.Join(dir, "deep", "er")})
}

// roundTrip is what every kind of place must pass.
func roundTrip(t *testing.T, s Store) {
	o, files, ctx := newOwner(), sample(), t.Context()
	if _, err := o.restore(ctx, s); !errors.Is(err, ErrNone) {
		t.Errorf("an empty place: %v", err)
	}
	_, first, err := o.backUp(ctx, s, o.options(november), files)
	if err != nil {
		t.Fatal(err)
	}
	got, err := o.restore(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, files)

	files["journal/0"] = append(files["journal/0"], random(100)...) // only its last piece is new
	_, second, err := o.backUp(ctx, s, o.options(november.Add(time.Hour)), files)
	if err != nil {
		t.Fatal(err)
	}
	if second.Stored > 1000 || first.Stored < 3*pieceSize {
		t.Errorf("stored %d, then %d", first.Stored, second.Stored)
	}
	if got, err = o.restore(ctx, s); err != nil {
		t.Fatal(err)
	}
	same(t, got, files)
	if _, err := Latest(ctx, s, newKey(), o.public()); !errors.Is(err, ErrKit) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := Latest(ctx, s, o.master, newOwner().public()); err == nil {
		t.Error("a manifest that somebody else signed was taken")
	}
	other := o.options(november)
	other.Lineage = "two"
	if _, err := Begin(ctx, s, other); !errors.Is(err, ErrOtherNode) {
		t.Errorf("another copy: %v", err)
	}
}

// TestEveryDamageIsNamed alters, cuts, exchanges and removes each object in turn.
func TestEveryDamageIsNamed(t *testing.T) {
	o, dir, ctx := newOwner(), t.TempDir(), t.Context()
	s := &folder{dir: dir}
	if _, _, err := o.backUp(ctx, s, o.options(november), sample()); err != nil {
		t.Fatal(err)
	}
	var names []string
	if err := s.List(ctx, "", func(name string, _ int64) error { names = append(names, name); return nil }); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		good, err := s.Get(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		flipped := bytes.Clone(good)
		flipped[len(flipped)*3/4] ^= 1
		exchanged, err := s.Get(ctx, names[(i+1)%len(names)])
		if err != nil {
			t.Fatal(err)
		}
		for what, bad := range map[string][]byte{"altered": flipped, "cut": good[:len(good)/2], "exchanged": exchanged, "removed": nil} {
			if bad == nil {
				err = os.Remove(s.path(name))
			} else {
				err = os.WriteFile(s.path(name), bad, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err := o.restore(ctx, s)
			damage := (*DamageError)(nil)
			switch root := name == repositoryFile || name == latestFile; {
			case err == nil:
				t.Errorf("%s %s: nobody noticed", name, what)
			case !root && (!errors.As(err, &damage) || !strings.Contains(err.Error(), name)):
				t.Errorf("%s %s: it is not named: %v", name, what, err)
			}
		}
		if err := os.WriteFile(s.path(name), good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d objects", len(names))
}

// failing fails from its n-th write on, as a disk that is full or pulled out does.
type failing struct {
	Store
	left int
}

var errPulled = errors.New("the disk was pulled out")

func (f *failing) Put(ctx context.Context, name string, b []byte) error {
	if f.left--; f.left < 0 {
		return errPulled
	}
	return f.Store.Put(ctx, name, b)
}

func (f *failing) Delete(ctx context.Context, name string) error {
	if f.left--; f.left < 0 {
		return errPulled
	}
	return f.Store.Delete(ctx, name)
}

// TestFailureAtEachStep leaves the backup before whole, whatever step fails, and the next one works.
func TestFailureAtEachStep(t *testing.T) {
	o, s, ctx := newOwner(), &folder{dir: t.TempDir()}, t.Context()
	old := map[string][]byte{"a": random(1000), "gone": random(2000)}
	if _, _, err := o.backUp(ctx, s, o.options(november), old); err != nil {
		t.Fatal(err)
	}
	january := november.AddDate(0, 3, 0) // old months are swept too
	now := map[string][]byte{"a": append(bytes.Clone(old["a"]), 1), "b": random(3000)}
	for step := 0; ; step++ {
		_, _, err := o.backUp(ctx, &failing{s, step}, o.options(january.Add(time.Duration(step)*time.Hour)), now)
		got, e := o.restore(ctx, s)
		if e != nil {
			t.Fatalf("step %d: %v", step, e)
		}
		if _, is := got["b"]; is {
			same(t, got, now)
		} else {
			same(t, got, old)
		}
		if err == nil {
			same(t, got, now)
			t.Logf("%d steps", step)
			return
		}
		if !errors.Is(err, errPulled) {
			t.Fatal(err)
		}
	}
}

func TestMonthsDie(t *testing.T) {
	o, dir, ctx := newOwner(), t.TempDir(), t.Context()
	s := &folder{dir: dir}
	kept := random(5000)
	if _, _, err := o.backUp(ctx, s, o.options(november), map[string][]byte{"kept": kept, "dropped": random(6000)}); err != nil {
		t.Fatal(err)
	}
	key, err := s.Get(ctx, epochFile("2026-11"))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{november.AddDate(0, 0, 39), november.AddDate(0, 0, 42)} { // 29 December, 1 January
		if _, _, err := o.backUp(ctx, s, o.options(at), map[string][]byte{"kept": kept}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Get(ctx, epochFile("2026-11"))
		if gone := errors.Is(err, ErrNotFound); gone != (at.Month() == time.January) {
			t.Errorf("%s: key gone: %v", at, gone)
		}
	}
	// Nothing of the month is left, nor what only it needed.
	objects := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.Contains(path, "2026-11") {
			t.Errorf("%s is left", path)
		}
		if strings.Contains(path, "/objects/") {
			objects++
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, key[sealHead:]) {
			t.Errorf("the key of the month stands in %s", path)
		}
		return err
	})
	if err != nil || objects != 1 {
		t.Errorf("%d pieces are left, %v", objects, err)
	}
	got, err := o.restore(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, map[string][]byte{"kept": kept})
}

// TestMissingPiecesAreStoredAgain heals a place that lost something, as long as the node still has it.
func TestMissingPiecesAreStoredAgain(t *testing.T) {
	o, s, ctx, files := newOwner(), &folder{dir: t.TempDir()}, t.Context(), sample()
	if _, _, err := o.backUp(ctx, s, o.options(november), files); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(s.path("objects")); err != nil {
		t.Fatal(err)
	}
	again := &folder{dir: s.dir}
	if _, _, err := o.backUp(ctx, again, o.options(november.Add(time.Hour)), files); err != nil {
		t.Fatal(err)
	}
	got, err := o.restore(ctx, again)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, files)
}

func TestDestinations(t *testing.T) {
	for _, dest := range []string{"", "ftp://x/y", "s3://", "s3://bucket/no-keys"} {
		if _, err := Open(dest, S3{}); !errors.Is(err, ErrDestination) {
			t.Errorf("%q: %v", dest, err)
		}
	}
	if _, err := Open("s3://bucket/p", S3{Key: "k", Secret: "s", Endpoint: "https://host:1/path"}); !errors.Is(err, ErrDestination) {
		t.Errorf("an endpoint with a path: %v", err)
	}
}

func FuzzUnseal(f *testing.F) {
	key := make([]byte, keySize)
	f.Add("objects/x", seal(key, "objects/x", []byte("plain")))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		if plain, err := unseal(key, name, b); err == nil && len(plain)+overhead != len(b) {
			t.Error("opened with another length")
		}
	})
}

func FuzzManifest(f *testing.F) {
	o := newOwner()
	keys, err := expandMaster(o.master)
	if err != nil {
		f.Fatal(err)
	}
	p := &place{keys: keys, public: o.public()}
	f.Add([]byte{0xa0})
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = p.parse(keys.piece, "m", seal(keys.piece, "m", b)) // must not panic
	})
}

func BenchmarkSeal(b *testing.B) {
	key, plain := newKey(), random(pieceSize)
	b.SetBytes(pieceSize)
	for i := range b.N {
		seal(key, fmt.Sprint(i), plain)
	}
}

// BenchmarkFolder is a first backup of 64 MiB, then one that finds nothing new.
func BenchmarkFolder(b *testing.B) {
	o, content := newOwner(), random(64<<20)
	for name, fresh := range map[string]bool{"first": true, "unchanged": false} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			dir := b.TempDir()
			for i := range b.N {
				s := &folder{dir: dir}
				if fresh {
					s.dir = filepath.Join(dir, fmt.Sprint(i))
				}
				if _, _, err := o.backUp(b.Context(), s, o.options(november), map[string][]byte{"f": content}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
