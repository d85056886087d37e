package chain

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkLone submits one anchor after the other, each when the one before is committed at the submitter.
func BenchmarkLone(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprintf("validators=%d", n), func(b *testing.B) {
			net := newNetwork(b, slices.Repeat([]int64{10}, n)...)
			o := net.orgs[0]
			net.commit(o, o.e)
			var times []time.Duration
			for b.Loop() {
				begin := time.Now()
				net.commit(o, o.e)
				times = append(times, time.Since(begin))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2])/1e6, "ms-p50")
			b.ReportMetric(float64(times[len(times)*99/100])/1e6, "ms-p99")
		})
	}
}

// BenchmarkAnchors submits from all organisations at once and waits until all of it is committed.
func BenchmarkAnchors(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprintf("validators=%d", n), func(b *testing.B) {
			net := newNetwork(b, slices.Repeat([]int64{10}, n)...)
			net.commit(net.orgs[0], net.orgs[0].e)
			const each = 500
			count := 0
			for b.Loop() {
				var all sync.WaitGroup
				for _, o := range net.orgs {
					all.Go(func() {
						for range each / n {
							submit(b, o.e, o.anchor(net.genesis.Chain()))
						}
					})
				}
				all.Wait()
				for _, o := range net.orgs {
					net.awaitSeq(o.e, o, o.next-1)
				}
				count += each / n * n
			}
			b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "anchors/s")
		})
	}
}
