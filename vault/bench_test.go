package vault

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sijil-health/sijil/verify"
)

// cpu reports the processor time of an operation, all threads and the garbage collector included: on a machine shared
// with others the wall clock says little.
func cpu(b *testing.B) func() {
	used := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	start := used()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}

func benchKey(b *testing.B) *Key {
	k, _ := twoKeys(b)
	return k
}

func BenchmarkSealEntry(b *testing.B) {
	k, plain := benchKey(b), make([]byte, 200)
	b.ReportAllocs()
	defer cpu(b)()
	for b.Loop() {
		if _, _, err := k.SealEntry(1, plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenEntry(b *testing.B) {
	k := benchKey(b)
	sealed, _, err := k.SealEntry(1, make([]byte, 200))
	if err != nil {
		b.Fatal(err)
	}
	defer cpu(b)()
	for b.Loop() {
		if _, _, err := k.OpenEntry(1, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRaw is the limit: AES-256-GCM with a ready key, and SHA-256, over 4 kB.
func BenchmarkRaw(b *testing.B) {
	key, plain := newKey(), make([]byte, 4<<10)
	out := make([]byte, 0, len(plain)+gcmOverhead)
	b.Run("gcm", func(b *testing.B) {
		aead := newGCM(key[:])
		defer cpu(b)()
		for b.Loop() {
			aead.Seal(out, nil, plain, nil)
		}
	})
	b.Run("sha256", func(b *testing.B) {
		defer cpu(b)()
		for b.Loop() {
			sha256.Sum256(plain)
		}
	})
}

// BenchmarkSealBlob is the whole seal of a record: the blob and its content address.
func BenchmarkSealBlob(b *testing.B) {
	for _, size := range []int{1 << 10, 4 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dk", size>>10), func(b *testing.B) {
			k, plain, aad := benchKey(b), make([]byte, size), make([]byte, 64)
			b.SetBytes(int64(size))
			defer cpu(b)()
			for b.Loop() {
				blob, err := k.SealBlob(aad, plain)
				if err != nil {
					b.Fatal(err)
				}
				sha256.Sum256(blob)
			}
		})
	}
}

func BenchmarkOpenBlob(b *testing.B) {
	k, aad := benchKey(b), make([]byte, 64)
	blob, err := k.SealBlob(aad, make([]byte, 4<<10))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(4 << 10)
	defer cpu(b)()
	for b.Loop() {
		if _, err := k.OpenBlob(aad, blob); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTag(b *testing.B) {
	k := benchKey(b)
	defer cpu(b)()
	for b.Loop() {
		k.Tag(1)
	}
}

func BenchmarkGuide(b *testing.B) {
	v := memVault(b, newMemDisk())
	for b.Loop() {
		if _, err := v.Guide(verify.Tag{1}, 7, 8); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	v := memVault(b, newMemDisk())
	mustKey(b, v, "Patient/1", Log)
	for b.Loop() {
		v.Lookup("Patient/1", Log)
	}
}

// BenchmarkKey creates one key at a time on the real disk: one sync each.
func BenchmarkKey(b *testing.B) {
	v, err := Create(filepath.Join(b.TempDir(), "keys"), testRoot, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	for i := 0; b.Loop(); i++ {
		mustKey(b, v, fmt.Sprintf("Patient/%d", i), Log)
	}
}

func BenchmarkEraseChart(b *testing.B) {
	v, err := Create(filepath.Join(b.TempDir(), "keys"), testRoot, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	for i := 0; b.Loop(); i++ {
		chart := fmt.Sprintf("Patient/%d", i)
		b.StopTimer()
		mustKey(b, v, chart, Log)
		b.StartTimer()
		if err := v.EraseChart(chart); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a key store with the names of charts as long as UUIDs make them, and reports the memory that each
// key takes.
func BenchmarkOpen(b *testing.B) {
	for _, c := range []struct{ keys, perChart int }{{100_000, 1}, {100_000, 4}, {300_000, 1}} {
		b.Run(fmt.Sprintf("%dk-%dperchart", c.keys/1000, c.perChart), func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "keys")
			v, err := Create(dir, testRoot, Options{})
			if err != nil {
				b.Fatal(err)
			}
			var wants []Want
			for i := range c.keys {
				wants = append(wants, Want{fmt.Sprintf("Patient/%036d", i/c.perChart), Log + Compartment(i%c.perChart)})
				if len(wants) == 10_000 {
					if _, err := v.Keys(wants); err != nil {
						b.Fatal(err)
					}
					wants = wants[:0]
				}
			}
			if err := v.Close(); err != nil {
				b.Fatal(err)
			}
			v = nil
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for b.Loop() {
				if v != nil {
					v.Close()
				}
				if v, err = Open(dir, testRoot, Options{}); err != nil {
					b.Fatal(err)
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(c.keys), "B/key")
			v.Close()
		})
	}
}
