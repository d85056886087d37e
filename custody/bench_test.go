package custody

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
)

// BenchmarkHold is the round trip that every write and every read of a hospital waits for: one group of one record to one custodian,
// TLS and the custodian's fsync included.
func BenchmarkHold(b *testing.B) {
	for _, r := range []int{2, 3} {
		b.Run("R="+string(rune('0'+r)), func(b *testing.B) {
			c := newCluster(b, 3)
			o := c.nodes[0].own(1, journal.Options{})
			repl := NewReplicator(Options{Org: o.self.Org, Chain: testChain, Copies: func() int { return r }, Client: o.client, Members: c.members, Patience: time.Second, Log: c.log()})
			b.Cleanup(repl.Close)
			groups := groupsOf(b, o, 2000)
			took := make([]time.Duration, 0, b.N)
			i := 0
			for b.Loop() {
				g := groups[i%len(groups)]
				if i++; i > len(groups) {
					b.StopTimer()
					groups, i = groupsOf(b, o, 2000), 1
					g = groups[0]
					b.StartTimer()
				}
				start := time.Now()
				if n := repl.Hold(context.Background(), g); n != r-1 {
					b.Fatalf("%d copies", n)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkRawSync is the limit of BenchmarkHold: one write of a group's size and one fsync of the custodian's disk.
func BenchmarkRawSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 400)
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// groupsOf writes records and gives each as a group of its own.
func groupsOf(b *testing.B, o *owner, n int) []journal.Group {
	from := o.journal.End()
	var last *journal.Pending
	for range n {
		p, err := o.journal.Append(record(&o.tags, 1))
		if err != nil {
			b.Fatal(err)
		}
		last = p
	}
	if _, err := last.Wait(context.Background()); err != nil {
		b.Fatal(err)
	}
	if from.Entry == 0 {
		from = journal.Cursor{}
	}
	var groups []journal.Group
	for range n {
		g, err := o.journal.Frames(from, 1)
		if err != nil {
			b.Fatal(err)
		}
		groups = append(groups, g)
		from = g.End
	}
	return groups
}

// BenchmarkAppend64 is the whole path under 64 writers: journal, its fsync and one custodian.
func BenchmarkAppend64(b *testing.B) {
	for _, copies := range []int{1, 2} {
		b.Run("R="+string(rune('0'+copies)), func(b *testing.B) {
			c := newCluster(b, 2)
			o := c.nodes[0].own(copies, journal.Options{})
			o.start(Sources{})
			var wg sync.WaitGroup
			var mu sync.Mutex
			left := b.N
			b.ResetTimer()
			for range 64 {
				wg.Go(func() {
					for {
						mu.Lock()
						left--
						done := left < 0
						r := record(&o.tags, 1)
						mu.Unlock()
						if done {
							return
						}
						if ack, err := o.append(r); err != nil || ack.Copies != copies-1 {
							b.Errorf("copies %d, %v", ack.Copies, err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkHoldBlob(b *testing.B) {
	c := newCluster(b, 2)
	o := c.nodes[0].own(2, journal.Options{})
	blob := make([]byte, 1<<20)
	b.SetBytes(int64(len(blob)))
	for i := 0; b.Loop(); i++ {
		blob[0], blob[1], blob[2] = byte(i), byte(i>>8), byte(i>>16)
		if o.repl.HoldBlob(context.Background(), hashOf(blob), blob) != 1 {
			b.Fatal("not held")
		}
	}
}
