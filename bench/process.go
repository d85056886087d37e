package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// rss is a process's resident memory, in MiB.
func rss(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// cpu is the processor time that a process has used.
func cpu(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("unknown form of /proc/PID/stat")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2) // USER_HZ is 100
}

// busy is the share of one core that a process uses over a time, in percent.
func busy(pid int, over time.Duration) (float64, error) {
	before, err := cpu(pid)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	time.Sleep(over)
	after, err := cpu(pid)
	return 100 * (after - before).Seconds() / time.Since(begin).Seconds(), err
}

// foreign is the share of all processors that other programs use while this one waits, in percent. With more than a few the figures of
// the run are too low.
func foreign(over time.Duration) (float64, error) {
	read := func() (busy, all float64, err error) {
		b, err := os.ReadFile("/proc/stat")
		if err != nil {
			return 0, 0, err
		}
		line, _, _ := strings.Cut(string(b), "\n")
		for i, f := range strings.Fields(line)[1:] { // user nice system idle iowait irq softirq steal, and two that the first contain
			if i > 7 {
				break
			}
			v, err := strconv.ParseFloat(f, 64)
			if err != nil {
				return 0, 0, err
			}
			if all += v; i != 3 && i != 4 {
				busy += v
			}
		}
		return busy, all, nil
	}
	busy, all, err := read()
	if err != nil {
		return 0, err
	}
	time.Sleep(over)
	busyThen, allThen, err := read()
	return 100 * (busyThen - busy) / max(1, allThen-all), err
}
