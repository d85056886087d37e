package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/verify"
)

// arrangement says which nodes are to run.
type arrangement struct {
	voters    int
	followers int           // members that keep the ledger without voting
	slow      time.Duration // what each fsync takes longer
}

// cluster is one node or several, running.
type cluster struct {
	nodes   int // that vote
	members []*member
	held    held // what the first node was given of made-up people
	slowing []interface{ Close() error }
}

// member is one node.
type member struct {
	data      string
	fhir      string // base URL
	wires     *wires
	token     string
	pid       int
	p2p, peer string // addresses; "" for a lone node
	process   *exec.Cmd
}

// startWithin is how long nodes may take to start and to find one another on a small machine with a slow disk.
const startWithin = 90 * time.Second

// start makes nodes in fresh directories, lets them found a ledger, and waits until they are connected.
func (b *bench) start(ctx context.Context, a arrangement) (up *cluster, err error) {
	c := &cluster{nodes: a.voters}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	dir, err := os.MkdirTemp(b.dir, "nodes-")
	if err != nil {
		return nil, err
	}
	if err := c.found(ctx, dir, a); err != nil {
		return nil, err
	}
	return c, b.run(ctx, c, a.slow)
}

// run starts the nodes' processes, for the first time or again.
func (b *bench) run(ctx context.Context, c *cluster, slow time.Duration) error {
	for _, m := range c.members {
		if err := b.serve(c, m, slow); err != nil {
			return err
		}
	}
	wait, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for _, m := range c.members {
		if err := m.ready(wait); err != nil {
			return err
		}
	}
	return nil
}

// found makes keys, directories and the common genesis.
func (c *cluster) found(ctx context.Context, dir string, a arrangement) error {
	total := a.voters + a.followers
	addresses, err := freeAddresses(3 * total)
	if err != nil {
		return err
	}
	var founders []verify.Member
	for i := range total {
		m := &member{data: filepath.Join(dir, fmt.Sprint(i))}
		config := node.DefaultConfig(fmt.Sprintf("Bench %d", i))
		config.FHIR = addresses[3*i]
		if total > 1 {
			m.p2p, m.peer = addresses[3*i+1], addresses[3*i+2]
			config.P2P, config.Peer = m.p2p, m.peer
		}
		made, err := node.Init(ctx, node.Setup{Dir: m.data, Config: config, Follower: i >= a.voters, Passphrase: func() ([]byte, error) {
			return []byte("of the bench"), os.WriteFile(filepath.Join(m.data, "passphrase"), []byte("of the bench\n"), 0o600)
		}})
		if err != nil {
			return err
		}
		c.members, founders = append(c.members, m), append(founders, made.Member)
	}
	genesis, err := node.Found(founders, time.Now())
	if err != nil {
		return err
	}
	for _, m := range c.members {
		if err := node.Adopt(m.data, genesis); err != nil {
			return err
		}
	}
	return nil
}

// serve starts one node's process.
func (b *bench) serve(c *cluster, m *member, slow time.Duration) error {
	argv := []string{b.sijil, "serve", "--dir", m.data, "--log", "error"}
	if slow > 0 {
		disk, err := b.slowly(slow, argv)
		if err != nil {
			return err
		}
		c.slowing, m.process = append(c.slowing, disk), disk.cmd
	} else {
		m.process = exec.Command(argv[0], argv[1:]...)
	}
	m.process.Stderr = os.Stderr
	m.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C reaches the bench, which stops them
	if err := m.process.Start(); err != nil {
		return err
	}
	m.pid = m.process.Process.Pid
	return nil
}

// ready waits until the node answers and sees the others, and gets a token from it.
func (m *member) ready(ctx context.Context) error {
	for ; ; time.Sleep(50 * time.Millisecond) {
		var s node.Status
		err := node.Ask(ctx, m.data, http.MethodGet, "/status", nil, &s)
		if err == nil && !s.CatchingUp && connected(&s) {
			m.fhir, m.wires = s.FHIR, newWires(s.FHIR)
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s did not start, or not find the others: %w", m.data, err)
		}
	}
	var err error
	m.token, err = m.mint(ctx, "clinician")
	return err
}

// mint gets a token from the node.
func (m *member) mint(ctx context.Context, role string) (string, error) {
	var got struct{ Token string }
	q := node.TokenRequest{Actor: "bench", Role: role, Purpose: "TREAT", Lifetime: 12 * time.Hour}
	err := node.Ask(ctx, m.data, http.MethodPost, "/token", &q, &got)
	return got.Token, err
}

// connected tells whether a node that votes sees all others that do, or one that follows somebody.
func connected(s *node.Status) bool {
	votes, voters, others := false, true, false
	for _, m := range s.Members {
		votes = votes || m.Self && m.Votes
		voters = voters && (m.Connected || !m.Votes)
		others = others || m.Connected && !m.Self
	}
	return len(s.Members) == 1 || votes && voters || !votes && others
}

// stop ends all nodes. Their directories stay.
func (c *cluster) stop() {
	for _, m := range c.members {
		if m.pid != 0 {
			_ = m.process.Process.Signal(os.Interrupt)
		}
	}
	for _, m := range c.members {
		if m.pid != 0 {
			late := time.AfterFunc(20*time.Second, func() { _ = m.process.Process.Kill() })
			_ = m.process.Wait() // it is only measured
			late.Stop()
			m.pid = 0
			if m.wires != nil {
				m.wires.close()
			}
		}
	}
	for _, d := range c.slowing {
		_ = d.Close()
	}
	c.slowing = nil
}

// freeAddresses finds addresses of the loopback interface that nobody uses at the moment.
func freeAddresses(n int) ([]string, error) {
	all := make([]string, n)
	for i := range all {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at once, so that none is given twice
		all[i] = l.Addr().String()
	}
	return all, nil
}
