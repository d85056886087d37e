package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sijil-health/sijil/demo"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/node"
)

// cluster is one node or four, running.
type cluster struct {
	nodes  int
	fhir   string
	token  string
	data   []string
	pids   []int
	client *http.Client
	stop   func()
}

func (b *bench) start(ctx context.Context, n int) (*cluster, error) {
	c := &cluster{nodes: n, client: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256, DisableCompression: true},
	}}
	if n == 1 {
		return c, b.lone(ctx, c)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	d := &demo.Demo{Dir: filepath.Join(b.dir, "four"), Self: b.sijil, Say: lang.For(lang.English), Out: null, Empty: true}
	c.stop = func() { _ = d.Stop() }
	if err := d.Start(ctx); err != nil {
		c.stop()
		return nil, err
	}
	for _, m := range d.File.Members {
		c.data, c.pids = append(c.data, m.Data), append(c.pids, m.PID)
	}
	c.fhir, c.token = d.File.Members[0].FHIR, d.File.Members[0].Tokens["clinician"]
	return c, nil
}

func (b *bench) lone(ctx context.Context, c *cluster) error {
	dir := filepath.Join(b.dir, "lone")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, b.sijil, "init", "--dir", dir, "--name", "Bench", "--fhir", address).CombinedOutput(); err != nil {
		return fmt.Errorf("init: %w: %s", err, out)
	}
	p := exec.CommandContext(ctx, b.sijil, "serve", "--dir", dir, "--log", "error")
	p.Stderr = os.Stderr
	if err := p.Start(); err != nil {
		return err
	}
	c.stop = func() { _ = p.Process.Signal(os.Interrupt); _ = p.Wait() }
	c.fhir, c.data, c.pids = "http://"+address+"/fhir", []string{dir}, []int{p.Process.Pid}
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		var s node.Status
		if err := node.Ask(ctx, dir, http.MethodGet, "/status", nil, &s); err == nil {
			break
		} else if time.Since(begin) > 30*time.Second {
			return fmt.Errorf("the node did not start: %w", err)
		}
	}
	var got struct{ Token string }
	q := node.TokenRequest{Actor: "bench", Role: "clinician", Purpose: "TREAT", Lifetime: 12 * time.Hour}
	if err := node.Ask(ctx, dir, http.MethodPost, "/token", &q, &got); err != nil {
		return err
	}
	c.token = got.Token
	return nil
}

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

// size is what a directory takes on disk, in bytes.
func size(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // a file that went away while it was counted
		}
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
