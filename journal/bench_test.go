package journal

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const benchEnvelope = 400 // bytes: a small sealed entry

// rawFile is the limit of a lone append: one write of a frame and one fdatasync in an allocated file.
type rawFile struct {
	f     file
	frame []byte
	at    int64
}

func newRaw(b *testing.B) *rawFile {
	b.Helper()
	f, err := osDisk{}.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	if err := errors.Join(f.Allocate(DefaultSegment), f.Sync()); err != nil {
		b.Fatal(err)
	}
	return &rawFile{f: f, frame: sample(1, 1, benchEnvelope).Append(make([]byte, frameHead))}
}

func (r *rawFile) append(b *testing.B) {
	if _, err := r.f.WriteAt(r.frame, r.at); err != nil {
		b.Fatal(err)
	}
	if err := r.f.Sync(); err != nil {
		b.Fatal(err)
	}
	r.at = (r.at + int64(len(r.frame))) % (DefaultSegment - int64(len(r.frame)))
}

func BenchmarkRawFsync(b *testing.B) {
	raw := newRaw(b)
	for b.Loop() {
		raw.append(b)
	}
}

// BenchmarkAppendLone takes turns with the raw file, so that both meet the same disk; it reports the medians and their ratio.
func BenchmarkAppendLone(b *testing.B) {
	raw := newRaw(b)
	j := mustOpen(b, b.TempDir(), Options{})
	r := sample(1, 1, benchEnvelope)
	var lone, limit []time.Duration
	for b.Loop() {
		start := time.Now()
		put(b, j, r)
		middle := time.Now()
		raw.append(b)
		lone, limit = append(lone, middle.Sub(start)), append(limit, time.Since(middle))
	}
	slices.Sort(lone)
	slices.Sort(limit)
	a, c := lone[len(lone)/2], limit[len(limit)/2]
	b.ReportMetric(float64(a.Nanoseconds()), "append-ns")
	b.ReportMetric(float64(c.Nanoseconds()), "fsync-ns")
	b.ReportMetric(float64(a)/float64(c), "x-fsync")
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
