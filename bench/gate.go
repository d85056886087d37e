package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// fhir measures what a hospital's systems ask of a FHIR server: an import, creates and reads.
func (b *bench) fhir(ctx context.Context, c *cluster) error {
	if err := b.imports(ctx, c); err != nil {
		return err
	}
	ids, err := c.charts(ctx, 16)
	if err != nil {
		return err
	}
	for _, clients := range []int{8, 1} {
		rate, took, err := b.drive(clients, b.creator(ctx, c, ids))
		if err != nil {
			return err
		}
		goal := 130.0
		if clients > 1 {
			goal = 1500
		}
		b.add(figure{Name: fmt.Sprintf("FHIR creates, %d client(s)", clients), Nodes: c.nodes, Value: rate, Unit: "/s", Note: spread(took)}.least(goal))
	}
	if ids, err = c.ids(ctx); err != nil {
		return err
	}
	rate, took, err := b.drive(8, c.reader(ctx, ids))
	if err != nil {
		return err
	}
	b.add(figure{Name: "FHIR reads, 8 clients", Nodes: c.nodes, Value: rate, Unit: "/s", Note: spread(took)}.least(5000))
	return nil
}

// imports brings Synthea's Bundles from four clients.
func (b *bench) imports(ctx context.Context, c *cluster) error {
	bundles, sizes, err := synthea()
	if err != nil {
		return err
	}
	var resources, bytes, refused atomic.Int64
	before, pid := c.bytes(), c.members[0].pid
	begin := time.Now()
	_, took, err := b.drive(4, func(client, i int) error {
		k := (client + 4*i) % len(bundles)
		_, err := c.transact(ctx, bundles[k], 0)
		if err != nil && c.foreign() { // another server may fail where Bundles that share a practitioner meet, or one comes again
			refused.Add(1)
			return nil
		}
		resources.Add(int64(sizes[k]))
		bytes.Add(int64(len(bundles[k])))
		return err
	})
	if err != nil {
		return err
	}
	n, note := float64(resources.Load()), ""
	if refused.Load() > 0 {
		note = fmt.Sprintf("; %d Bundles failed, which are not counted", refused.Load())
	}
	b.add(figure{Name: "Synthea import, 4 clients, resources", Nodes: c.nodes, Value: n / time.Since(begin).Seconds(), Unit: "/s",
		Note: fmt.Sprintf("%.0f resources of %.0f bytes; a Bundle: %s%s", n, float64(bytes.Load())/n, spread(took), note)}.least(2500))
	if pid == 0 {
		return nil
	}
	b.add(figure{Name: "Synthea import: memory", Nodes: c.nodes, Value: rss(pid), Unit: "MiB"}.most(250))
	time.Sleep(time.Second)
	b.add(figure{Name: "Synthea import: on disk, a resource", Nodes: c.nodes, Value: float64(c.bytes()-before) / n, Unit: "B"})
	return nil
}

// bytes is what lies on the first node's disk, without space that is allocated ahead; 0 of a server that is not ours.
func (c *cluster) bytes() (total int64) {
	if c.foreign() {
		return 0
	}
	for _, n := range classes(c.members[0].data) {
		total += n
	}
	return total
}

// foreign tells whether the server is another one, which somebody else runs.
func (c *cluster) foreign() bool { return c.members[0].data == "" }

// spread tells how long requests took.
func spread(took []time.Duration) string {
	if len(took) == 0 {
		return ""
	}
	return fmt.Sprintf("p50 %s ms, p95 %s ms", number(middle(took)), number(percentile(took, 95)))
}

// percentile of times in ascending order, in ms.
func percentile(took []time.Duration, p int) float64 {
	return ms(took[min(len(took)-1, len(took)*p/100)])
}
