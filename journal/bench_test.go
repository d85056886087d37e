package journal

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

const benchEnvelope = 400 // bytes: a small sealed entry

// BenchmarkRawFsync is the limit: one write of a frame's size and one fdatasync in an allocated file.
func BenchmarkRawFsync(b *testing.B) {
	f, err := osDisk{}.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const size = 64 << 20
	if err := errors.Join(f.Allocate(size), f.Sync()); err != nil {
		b.Fatal(err)
	}
	frame := sample(1, 1, benchEnvelope).Append(make([]byte, frameHead))
	at := int64(0)
	for b.Loop() {
		if _, err := f.WriteAt(frame, at); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		at = (at + int64(len(frame))) % (size - int64(len(frame)))
	}
}

func BenchmarkAppendLone(b *testing.B) {
	j := mustOpen(b, b.TempDir(), Options{})
	r := sample(1, 1, benchEnvelope)
	for b.Loop() {
		put(b, j, r)
	}
}

func BenchmarkAppend64(b *testing.B) { appendConcurrently(b, 64, Options{}) }

// BenchmarkAppend64Follow has a follower read along.
func BenchmarkAppend64Follow(b *testing.B) { appendConcurrently(b, 64, Options{}, Cursor{}) }

// BenchmarkAppend64Mirror has a custodian on the same disk.
func BenchmarkAppend64Mirror(b *testing.B) {
	m := mustMirror(b, b.TempDir())
	appendConcurrently(b, 64, Options{Hold: custodians{m}})
}

func appendConcurrently(b *testing.B, workers int, opt Options, followers ...Cursor) {
	j := mustOpen(b, b.TempDir(), opt)
	var left atomic.Int64
	left.Store(int64(b.N))
	ctx, cancel := context.WithCancel(context.Background())
	var wg, read sync.WaitGroup
	for _, from := range followers {
		read.Go(func() {
			n := 0
			_ = j.Follow(ctx, from, func(batch []Located) error {
				if n += len(batch); n == b.N {
					return errStop
				}
				return nil
			})
		})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range workers {
		wg.Go(func() {
			r := sample(1, 1, benchEnvelope)
			for left.Add(-1) >= 0 {
				put(b, j, r)
			}
		})
	}
	wg.Wait()
	read.Wait()
	b.StopTimer()
	cancel()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// filled gives the directory of a journal of n records in several segments.
func filled(b *testing.B, n int) (dir string, size int64) {
	b.Helper()
	dir = b.TempDir()
	j := mustOpen(b, dir, Options{SegmentSize: 16 << 20})
	r := sample(1, 1, benchEnvelope)
	var last *Pending
	for range n {
		p, err := j.Append(r)
		if err != nil {
			b.Fatal(err)
		}
		last = p
	}
	if _, err := last.Wait(context.Background()); err != nil {
		b.Fatal(err)
	}
	for _, s := range j.Segments() {
		size += s.Size
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	return dir, size
}

const benchRecords = 100_000

// BenchmarkScan checks checksums, numbering and the hash chain.
func BenchmarkScan(b *testing.B) {
	dir, size := filled(b, benchRecords)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if err := Scan(dir, Cursor{}, func(Located) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFollow(b *testing.B) {
	dir, size := filled(b, benchRecords)
	j := mustOpen(b, dir, Options{})
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := j.Follow(context.Background(), Cursor{}, func(batch []Located) error {
			if n += len(batch); n == benchRecords {
				return errStop
			}
			return nil
		}); !errors.Is(err, errStop) {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadRandom(b *testing.B) {
	dir, _ := filled(b, benchRecords)
	j := mustOpen(b, dir, Options{})
	var at []Cursor
	if err := Scan(dir, Cursor{}, func(l Located) error {
		at = append(at, l.At)
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Read(at[i*7919%len(at)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// BenchmarkOpen reads the last segment through.
func BenchmarkOpen(b *testing.B) {
	dir, _ := filled(b, benchRecords)
	for b.Loop() {
		j, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		j.Close()
	}
}

func BenchmarkRecordEncode(b *testing.B) {
	r := sample(1, 1, benchEnvelope)
	buf := make([]byte, 0, r.size())
	b.SetBytes(int64(r.size()))
	for b.Loop() {
		buf = r.Append(buf[:0])
	}
}

func BenchmarkRecordDecode(b *testing.B) {
	buf := sample(1, 1, benchEnvelope).Append(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeRecord(buf); err != nil {
			b.Fatal(err)
		}
	}
}
