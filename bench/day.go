package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/sijil-health/sijil/ledger"
)

// A day of a small hospital: two entries a second around the clock, one of a write that waits to be anchored and one of a read, half a
// second after one another. The write is an Observation of 1.15 kB.
const (
	perDay  = 86_400.0
	dayMean = "2 entries/s (1 write, 1 read)"
)

// day measures what such a day leaves on disk, by class of file, from the growth over some minutes. The nodes are stopped before each look,
// so that nothing is left in buffers; what a restart itself leaves is measured first and taken off. What is pruned grows to a limit and
// stays there; so it does not count for the day, and its growth is shown beside.
func (b *bench) day(ctx context.Context, n int) error {
	if b.load.day == 0 {
		return nil
	}
	c, err := b.start(ctx, arrangement{voters: n})
	if err != nil {
		return err
	}
	defer c.stop()
	ids, err := c.charts(ctx, 4)
	if err != nil {
		return err
	}
	if err := c.calm(ctx, ids, 5*time.Second, 1); err != nil { // opens every chart, which a chart needs once
		return err
	}
	var looks [3]look
	c.stop()
	if looks[0], err = c.look(); err != nil {
		return err
	}
	if err := b.restart(ctx, c, nil); err != nil {
		return err
	}
	if looks[1], err = c.look(); err != nil {
		return err
	}
	if err := b.restart(ctx, c, func() error { return c.calm(ctx, ids, b.load.day, 1) }); err != nil {
		return err
	}
	if err := b.restart(ctx, c, nil); err != nil { // a start writes out what the logs of the databases held
		return err
	}
	if looks[2], err = c.look(); err != nil {
		return err
	}
	b.reportDay(n, &looks)
	return nil
}

// restarts is how often nodes were restarted between the second look and the third.
const restarts = 2

// restart starts nodes that are stopped, lets do run, and stops them.
func (b *bench) restart(ctx context.Context, c *cluster, do func() error) error {
	if err := b.run(ctx, c, 0); err != nil {
		return err
	}
	if do != nil {
		if err := do(); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second)
	c.stop()
	return nil
}

// look is what lies on the disks of stopped nodes.
type look struct {
	classes  []map[string]int64 // of each node
	contents contents           // of the first node's journal
}

func (c *cluster) look() (l look, err error) {
	for _, m := range c.members {
		all := classes(m.data)
		plans, err := ledger.OpenPlans(filepath.Join(m.data, "ledger", "plans"))
		if err != nil {
			return l, err
		}
		batches, _ := plans.Next()
		if err := plans.Close(); err != nil {
			return l, err
		}
		all["plans"] = int64(batches) * trimmedPlan
		l.classes = append(l.classes, all)
	}
	l.contents, err = dissect(filepath.Join(c.members[0].data, "journal"))
	return l, err
}

// grown is the growth of a class in one node by the load alone, scaled.
func grown(looks *[3]look, member int, class string, scale float64) float64 {
	at := func(i int) int64 { return looks[i].classes[member][class] }
	return float64((at(2)-at(1))-restarts*(at(1)-at(0))) * scale
}

func (b *bench) reportDay(n int, looks *[3]look) {
	scale := perDay / b.load.day.Seconds() / 1e6
	was, is := looks[1].contents, looks[2].contents
	resources := float64(is.ciphertexts-was.ciphertexts) * scale
	b.add(figure{Name: "a day at " + dayMean + ": entries", Nodes: n, Value: float64(is.entries-was.entries) * scale * 1e6})
	b.add(figure{Name: "a day: the resources themselves, sealed", Nodes: n, Value: resources, Unit: "MB"})
	b.add(figure{Name: "a day: sealed entries", Nodes: n, Value: float64(is.envelopes-was.envelopes) * scale, Unit: "MB"})
	kept := b.report(n, "first node", func(class string) float64 { return grown(looks, 0, class, scale) })
	b.add(figure{Name: "a day, first node: kept, with the resources", Nodes: n, Value: kept, Unit: "MB"})
	b.add(figure{Name: "a day, first node: kept, without the resources", Nodes: n, Value: kept - resources, Unit: "MB"}.most(50))
	if n == 1 {
		return
	}
	others := b.report(n, "each other", func(class string) (mean float64) {
		for i := 1; i < n; i++ {
			mean += grown(looks, i, class, scale) / float64(n-1)
		}
		return mean
	})
	b.add(figure{Name: "a day, each other: kept, with what it holds for the first", Nodes: n, Value: others, Unit: "MB"}.most(50))
}

// report prints the growth by class of file and gives the sum of what is kept.
func (b *bench) report(n int, who string, of func(class string) float64) (kept float64) {
	for _, p := range append(places, place{name: "other"}) {
		grown, name := of(p.name), fmt.Sprintf("a day, %s: %s", who, p.name)
		if pruned[p.name] {
			name += " (pruned)"
		} else {
			kept += grown
		}
		b.add(figure{Name: name, Nodes: n, Value: grown, Unit: "MB"})
	}
	return kept
}

// calm writes and reads once a second each, in turn at the first members.
func (c *cluster) calm(ctx context.Context, ids []string, d time.Duration, members int) error {
	begin := time.Now()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	last := make([]string, members)
	for i := 0; time.Since(begin) < d; i++ {
		at := i / 2 % members
		m := c.members[at]
		if i%2 == 0 {
			id, err := c.create(ctx, m, "Observation", fillIn(ids[at*len(ids)/members+i/2%(len(ids)/members)], i))
			if err != nil {
				return err
			}
			last[at] = id
		} else if status, answer, _, err := c.ask(ctx, m, http.MethodGet, "/Observation/"+last[at], nil); err != nil || status != http.StatusOK {
			return fmt.Errorf("read: %d: %.200s: %w", status, answer, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
