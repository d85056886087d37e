//go:build !linux

package main

import (
	"errors"
	"time"
)

var errSlow = errors.New("a slow disk is simulated on Linux only; leave out the step slow")

func (b *bench) slowly(time.Duration, []string) (*slowed, error) { return nil, errSlow }

func behindSlowDisk([]string) error { return errSlow }
