package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"
)

// slowDisk measures writes on a disk whose fsync takes as long as a hospital's. See slow_linux.go for how, and for what that leaves out.
func (b *bench) slowDisk(ctx context.Context, n int) error {
	p50, p99, err := b.slowFsync()
	if err != nil {
		return err
	}
	b.add(figure{Name: "slow disk: write + fsync of 4 kB, p50", Nodes: n, Value: p50, Unit: "ms"})
	b.add(figure{Name: "slow disk: write + fsync of 4 kB, p99", Nodes: n, Value: p99, Unit: "ms"})
	c, err := b.start(ctx, arrangement{voters: n, slow: b.slow})
	if err != nil {
		return err
	}
	defer c.stop()
	ids, err := c.charts(ctx, 64)
	if err != nil {
		return err
	}
	_, took, err := b.drive(1, b.creator(ctx, c, ids))
	if err != nil {
		return err
	}
	b.add(figure{Name: "slow disk: lone write, p50", Nodes: n, Value: middle(took), Unit: "ms"}.beside("fsync", p50))
	b.add(figure{Name: "slow disk: lone write, p99", Nodes: n, Value: tail(took), Unit: "ms"}.beside("fsync", p50))
	rate, _, err := b.drive(64, b.creator(ctx, c, ids))
	if err != nil {
		return err
	}
	b.add(figure{Name: "slow disk: FHIR creates, 64 clients", Nodes: n, Value: rate, Unit: "/s"})
	return nil
}

// slowFsync tells what an fsync takes there, as a process sees it.
func (b *bench) slowFsync() (p50, p99 float64, err error) {
	d, err := b.slowly(b.slow, []string{b.self, "fsync", b.dir})
	if err != nil {
		return 0, 0, err
	}
	defer d.Close()
	var out bytes.Buffer
	d.cmd.Stdout = &out
	if err := d.cmd.Run(); err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(out.String(), &p50, &p99)
	return p50, p99, err
}

// slowed is a program whose disk is slow. Run or start its cmd; Close it when that has ended.
type slowed struct {
	cmd   *exec.Cmd
	extra time.Duration
	end   func() error
}

// Close stops watching for the program's fsyncs.
func (s *slowed) Close() error { return s.end() }
