package main

import (
	"context"
	"maps"
	"strings"
	"time"
)

// headers are the bytes of IPv4 and TCP headers with timestamps: what a segment costs on the clinic's link besides its payload.
const headers = 20 + 20 + 12

// traffic is what a process has exchanged, in bytes with headers, by the service it belongs to.
type traffic struct{ p2p, peer, other, segments float64 }

func (t traffic) total() float64 { return t.p2p + t.peer + t.other }

// follower measures the traffic of a clinic that keeps the ledger of four voters without voting: both ways together, as its sockets
// counted it, with the headers of IP and TCP. Nobody asks its own gate for anything.
func (b *bench) follower(ctx context.Context, n int) error {
	if n != 4 {
		return nil // a lone node has nobody to follow it
	}
	c, err := b.start(ctx, arrangement{voters: n, followers: 1})
	if err != nil {
		return err
	}
	defer c.stop()
	clinic := c.members[n]
	var ids []string
	for _, m := range c.members[:n] {
		mine, err := c.chartsAt(ctx, m, 4)
		if err != nil {
			return err
		}
		ids = append(ids, mine...)
	}
	if b.load.idle > 0 {
		time.Sleep(10 * time.Second) // what they have just written settles
		quiet, err := c.count(clinic, b.load.idle, func() error { time.Sleep(b.load.idle); return nil })
		if err != nil {
			return err
		}
		b.reportTraffic("idle", quiet, 2)
		used, err := busy(clinic.pid, b.load.idle/3)
		if err != nil {
			return err
		}
		b.add(figure{Name: "following clinic, idle: processor", Nodes: n, Value: used, Unit: "%"})
	}
	work, err := c.count(clinic, b.load.busy, func() error { return c.calm(ctx, ids, b.load.busy, n) })
	if err != nil {
		return err
	}
	b.reportTraffic("2 entries/s", work, 20)
	voter, err := c.count(c.members[0], b.load.busy/2, func() error { return c.calm(ctx, ids, b.load.busy/2, n) })
	if err != nil {
		return err
	}
	b.add(figure{Name: "a voter, with one follower, 2 entries/s: consensus engine", Nodes: n, Value: voter.p2p, Unit: "kbit/s"})
	b.add(figure{Name: "a voter, with one follower, 2 entries/s: copies", Nodes: n, Value: voter.peer, Unit: "kbit/s"})
	return nil
}

func (b *bench) reportTraffic(when string, t traffic, goal float64) {
	name := "following clinic, " + when + ": "
	b.add(figure{Name: name + "traffic", Nodes: 4, Value: t.total(), Unit: "kbit/s"}.most(goal))
	b.add(figure{Name: name + "of it, consensus engine", Nodes: 4, Value: t.p2p, Unit: "kbit/s"})
	b.add(figure{Name: name + "of it, copies held for others", Nodes: 4, Value: t.peer, Unit: "kbit/s"})
	b.add(figure{Name: name + "segments", Nodes: 4, Value: t.segments, Unit: "/s"})
}

// count gives a member's traffic while do runs, in kbit/s. It looks several times a second; what a connection exchanges after the last
// look before it is closed is lost, which is little, since members keep theirs open.
func (c *cluster) count(m *member, over time.Duration, do func() error) (traffic, error) {
	first, err := sockets(m.pid)
	if err != nil {
		return traffic{}, err
	}
	seen, done := maps.Clone(first), make(chan error, 1)
	begin := time.Now()
	go func() { done <- do() }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				return traffic{}, err
			}
			running = false
		case <-tick.C:
		}
		now, err := sockets(m.pid)
		if err != nil {
			return traffic{}, err
		}
		maps.Copy(seen, now)
	}
	scale := 8 / 1000.0 / max(over, time.Since(begin)).Seconds()
	var t traffic
	for inode, s := range seen {
		segments := float64(s.segments - first[inode].segments)
		bytes := (float64(s.bytes-first[inode].bytes) + headers*segments) * scale
		t.segments += segments / time.Since(begin).Seconds()
		switch {
		case c.serves(s, func(m *member) string { return m.p2p }):
			t.p2p += bytes
		case c.serves(s, func(m *member) string { return m.peer }):
			t.peer += bytes
		default:
			t.other += bytes
		}
	}
	return t, nil
}

// serves tells whether one end of a connection is a service of some member.
func (c *cluster) serves(s socket, service func(*member) string) bool {
	for _, m := range c.members {
		if at := service(m); at != "" && (strings.EqualFold(s.local, at) || strings.EqualFold(s.remote, at)) {
			return true
		}
	}
	return false
}
