package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// pick chooses between the goal of a lone node and that of each of four.
func (c *cluster) pick(lone, four float64) float64 {
	if c.nodes == 4 {
		return four
	}
	return lone
}

// idle measures a node that nobody uses.
func (b *bench) idle(_ context.Context, c *cluster) error {
	time.Sleep(time.Duration(min(3, b.load.seconds) * float64(time.Second)))
	pid := c.members[0].pid
	used, err := busy(pid, time.Duration(b.load.seconds*float64(time.Second)))
	if err != nil {
		return err
	}
	b.add(figure{Name: "idle: memory", Nodes: c.nodes, Value: rss(pid), Unit: "MiB"}.most(c.pick(80, 100)).
		beside("bare CometBFT", b.base.cometMiB))
	b.add(figure{Name: "idle: processor", Nodes: c.nodes, Value: used, Unit: "%"}.most(c.pick(1, 4.5)).beside("bare CometBFT", b.base.cometIdle))
	return nil
}

func (b *bench) loneWrite(ctx context.Context, c *cluster) error {
	ids, err := c.charts(ctx, 4)
	if err != nil {
		return err
	}
	_, took, err := b.drive(1, b.creator(ctx, c, ids))
	if err != nil {
		return err
	}
	b.add(figure{Name: "lone write, anchored, p50", Nodes: c.nodes, Value: middle(took), Unit: "ms"}.most(c.pick(8, 38)).
		beside("bare CometBFT", b.base.comet))
	b.add(figure{Name: "lone write, anchored, p99", Nodes: c.nodes, Value: tail(took), Unit: "ms"}.most(c.pick(30, 120)).
		beside("bare CometBFT", b.base.cometP99))
	return nil
}

func (b *bench) creates(ctx context.Context, c *cluster) error {
	ids, err := c.charts(ctx, 64)
	if err != nil {
		return err
	}
	rate, took, err := b.drive(64, b.creator(ctx, c, ids))
	if err != nil {
		return err
	}
	b.add(figure{Name: "FHIR creates, 64 clients, anchored", Nodes: c.nodes, Value: rate, Unit: "/s"}.least(c.pick(2500, 1000)).
		beside("bare CometBFT, 64 clients", b.base.cometRate))
	b.add(figure{Name: "FHIR creates, 64 clients, p99", Nodes: c.nodes, Value: tail(took), Unit: "ms"})
	return nil
}

func (b *bench) transactions(ctx context.Context, c *cluster) error {
	bundles, sizes, err := synthea()
	if err != nil {
		return err
	}
	var resources atomic.Int64
	begin := time.Now()
	if _, _, err := b.drive(4, func(client, i int) error {
		k := (client + 4*i) % len(bundles)
		_, err := c.transact(ctx, bundles[k], 0)
		resources.Add(int64(sizes[k]))
		return err
	}); err != nil {
		return err
	}
	rate := float64(resources.Load()) / time.Since(begin).Seconds()
	b.add(figure{Name: "transaction Bundles (Synthea), resources", Nodes: c.nodes, Value: rate, Unit: "/s"}.least(c.pick(3000, 1000)))
	return nil
}

// ids finds Observations that the node holds, writing some when there are none.
func (c *cluster) ids(ctx context.Context) ([]string, error) {
	for range 2 {
		_, answer, _, err := c.do(ctx, http.MethodGet, "/Observation?_count=500", nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Entry []struct{ Resource struct{ ID string } }
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, fmt.Errorf("find observations: %.200s: %w", answer, err)
		}
		var ids []string
		for _, e := range page.Entry {
			ids = append(ids, e.Resource.ID)
		}
		if len(ids) > 0 {
			return ids, nil
		}
		charts, err := c.charts(ctx, 8)
		if err != nil {
			return nil, err
		}
		if err := c.bulk(ctx, charts, 400); err != nil {
			return nil, err
		}
		time.Sleep(time.Second)
	}
	return nil, fmt.Errorf("no Observation is found after writing some")
}

func (b *bench) reads(ctx context.Context, c *cluster) error {
	ids, err := c.ids(ctx)
	if err != nil {
		return err
	}
	rate, took, err := b.drive(64, c.reader(ctx, ids))
	if err != nil {
		return err
	}
	b.add(figure{Name: "verified, recorded reads, 64 clients", Nodes: c.nodes, Value: rate, Unit: "/s"}.least(c.pick(5000, 2600)))
	b.add(figure{Name: "verified, recorded reads, 64 clients, p99", Nodes: c.nodes, Value: tail(took), Unit: "ms"})
	return nil
}

// weight writes many resources at the first node and looks at all nodes' memory.
func (b *bench) weight(ctx context.Context, c *cluster) error {
	ids, err := c.charts(ctx, 500)
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := c.bulk(ctx, ids, b.load.resources); err != nil {
		return err
	}
	b.add(figure{Name: "bulk, transactions of 200 Observations, resources", Nodes: c.nodes,
		Value: float64(b.load.resources) / time.Since(begin).Seconds(), Unit: "/s"})
	at := rss(c.members[0].pid)
	time.Sleep(2 * time.Second)
	b.add(figure{Name: fmt.Sprintf("after %d resources: memory, the node written to", b.load.resources), Nodes: c.nodes,
		Value: max(at, rss(c.members[0].pid)), Unit: "MiB"}.most(c.pick(300, 350)))
	if c.nodes > 1 {
		var most float64
		for _, m := range c.members[1:] {
			most = max(most, rss(m.pid))
		}
		b.add(figure{Name: "the same: memory, the largest of the others", Nodes: c.nodes, Value: most, Unit: "MiB"}.most(350))
	}
	b.add(figure{Name: "the same: on disk, the node written to", Nodes: c.nodes, Value: float64(size(c.members[0].data)) / 1e6, Unit: "MB"})
	return nil
}
