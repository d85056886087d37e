package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample makes a record of n entries whose bytes all follow from seed, so that half a record or a mixed one is recognised.
func sample(seed uint64, entries, size int) *Record {
	r := &Record{Time: int64(seed)}
	for i := range entries {
		var e Entry
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("entry"), seed<<16|uint64(i)))
		copy(e.Tag[:], sum[:])
		e.Bind = sum
		copy(e.Guide[:], sum[8:])
		e.Envelope = bytes.Repeat(sum[:], size/32+1)[:size]
		r.Entries = append(r.Entries, e)
	}
	if seed%3 == 0 {
		r.Blobs = [][]byte{bytes.Repeat([]byte{byte(seed)}, min(size/2, MaxInline))}
	}
	return r
}

// isSample checks that a record read back is the one that sample makes.
func isSample(t fataler, r *Record, seed uint64, entries, size int) {
	t.Helper()
	want := sample(seed, entries, size)
	want.First = r.First
	if !reflect.DeepEqual(want, r) {
		t.Fatalf("record %d differs: %s", seed, cmp.Diff(want, r))
	}
}

func mustOpen(t testing.TB, dir string, opt Options) *Journal {
	t.Helper()
	j, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// put appends and waits.
func put(t testing.TB, j *Journal, r *Record) Ack {
	t.Helper()
	p, err := j.Append(r)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := p.Wait(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

// fill writes n samples with seeds 0..n-1, of 1 to 3 entries, one group each.
func fill(t testing.TB, j *Journal, n int) []Cursor {
	t.Helper()
	var at []Cursor
	for i := range n {
		at = append(at, put(t, j, sample(uint64(i), 1+i%3, 200)).Cursor)
	}
	return at
}

// seeds lists the samples that Scan finds, checking each.
func seeds(t testing.TB, dir string) []uint64 { return seedsOn(t, osDisk{}, dir) }

func seedsOn(t testing.TB, d disk, dir string) []uint64 {
	t.Helper()
	var found []uint64
	err := scan(d, dir, Cursor{}, func(l Located) error {
		seed := uint64(l.Record.Time)
		isSample(t, l.Record, seed, len(l.Record.Entries), len(l.Record.Entries[0].Envelope))
		found = append(found, seed)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantDamage checks that err names a file and an offset at or before one.
func wantDamage(t testing.TB, err error, name string, offset int64) {
	t.Helper()
	var d *DamageError
	if !errors.As(err, &d) {
		t.Fatalf("got %v, want damage in %s", err, name)
	}
	if filepath.Base(d.File) != filepath.Base(name) || d.Offset > offset {
		t.Fatalf("got damage in %s at %d, want %s at or before %d", d.File, d.Offset, name, offset)
	}
}

func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s: (-want +got)\n%s", what, diff)
	}
}

func count(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i)
	}
	return out
}

func reader(b []byte) io.Reader { return bytes.NewReader(b) }

// fataler is what testing.TB and rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// sealFrame fills in the head of b, whose payload begins at frameHead.
func sealFrame(b []byte, opensGroup bool) {
	putLength(b, opensGroup)
	putSum(b)
}
