package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"time"
)

// point is what one class of searches took at one size.
type point struct {
	size    int
	matches float64
	ms      float64 // p50
	cpu     float64 // ms a search
}

// series is a class over all sizes.
type series struct {
	name   string
	points []point
}

// growth measures every class of searches with one client while the first node grows, and compares how the time grew with how the matches did.
func (b *bench) growth(ctx context.Context, n int) error {
	if len(b.load.sizes) == 0 {
		return nil
	}
	c, err := b.start(ctx, arrangement{voters: n})
	if err != nil {
		return err
	}
	defer c.stop()
	classes := b.searches()
	all := make([]series, len(classes))
	for _, size := range b.load.sizes {
		if err := b.holdAndTell(ctx, c, size); err != nil {
			return err
		}
		for i, k := range classes {
			all[i].name = k.name
			p, err := b.at(ctx, c, k)
			if err != nil {
				return fmt.Errorf("%s, %d resources: %w", k.name, size, err)
			}
			all[i].points = append(all[i].points, p)
		}
	}
	for i := range all {
		b.add(all[i].figure(c.nodes))
	}
	if b.plot != "" {
		return os.WriteFile(b.plot, plot(all), 0o644)
	}
	return nil
}

// at measures one class at the size of the moment.
func (b *bench) at(ctx context.Context, c *cluster, k class) (p point, err error) {
	p.size = c.held.resources()
	if p.matches, err = c.matches(ctx, k); err != nil {
		return p, err
	}
	before, err := cpu(c.members[0].pid)
	if err != nil {
		return p, err
	}
	_, took, err := b.asking(ctx, c, 1, []class{k}, b.load.seconds/8)
	if err != nil {
		return p, err
	}
	after, err := cpu(c.members[0].pid)
	p.ms, p.cpu = middle(took), ms((after-before)/time.Duration(len(took)))
	return p, err
}

// figure compares: 1 is a time that grew as the logarithm of the matches, and what is measured on a shared machine varies by some tenths.
func (s *series) figure(nodes int) figure {
	first, last := s.points[0], s.points[len(s.points)-1]
	var told []string
	for _, p := range s.points {
		told = append(told, fmt.Sprintf("%dk: %s matches, p50 %s ms, processor %s ms", p.size/1000, counted(p.matches), number(p.ms), number(p.cpu)))
	}
	logs := math.Log2(last.matches+2) / math.Log2(first.matches+2)
	return figure{Name: "growth, class " + s.name + ": time over log of matches", Nodes: nodes, Value: last.ms / first.ms / max(1, logs), Unit: "×",
		Note: strings.Join(told, "; ")}.most(growthGoal)
}

// growthGoal is how much more than the logarithm of the matches a time may grow: blocks of lists are few more, and caches hold less of more.
const growthGoal = 2
