//go:build real && linux

package real_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// cluster is a ledger and the nodes that keep it.
type cluster struct {
	dir   string
	nodes []*member
}

// address is where a node listens.
type address struct{ fhir, peer, p2p string }

// four founds a ledger of four nodes on the loopback interface and starts them.
func four(t *testing.T) *cluster {
	t.Helper()
	c := prepare(t, loopback(t, 4))
	c.start(t)
	return c
}

// lone makes and starts a node that stands alone, in dir; flags are for `sijil init`.
func lone(t *testing.T, dir string, flags ...string) *member {
	t.Helper()
	n := &member{name: "lone", dir: dir, address: loopback(t, 1)[0], log: filepath.Join(t.TempDir(), "lone.log")}
	n.sijil(t, 0, append([]string{"init", "--dir", n.dir, "--name", "Lone hospital", "--fhir", n.fhir}, flags...)...)
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			n.tellLog(t)
		}
	})
	n.start(t)
	return n
}

var names = []string{"hospital", "clinic", "laboratory", "university"}

// prepare makes the nodes and the ledger that they found together; none runs yet.
func prepare(t *testing.T, at []address) *cluster {
	t.Helper()
	c := &cluster{dir: t.TempDir()}
	found := []string{"found", "--out", filepath.Join(c.dir, "genesis.json")}
	for i, name := range names {
		n := c.add(t, name, at[i])
		found = append(found, filepath.Join(n.dir, "member.json"))
	}
	c.nodes[0].sijil(t, 0, found...)
	for _, n := range c.nodes {
		n.sijil(t, 0, "found", "--adopt", filepath.Join(c.dir, "genesis.json"), "--dir", n.dir)
	}
	return c
}

// add makes a node that waits for a ledger.
func (c *cluster) add(t *testing.T, name string, at address) *member {
	t.Helper()
	n := &member{name: name, dir: filepath.Join(c.dir, name), address: at, log: filepath.Join(c.dir, name+".log")}
	n.sijil(t, 0, "init", "--wait", "--dir", n.dir, "--name", name, "--fhir", at.fhir, "--peer", at.peer, "--p2p", at.p2p)
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			n.tellLog(t)
		}
	})
	c.nodes = append(c.nodes, n)
	return n
}

func (c *cluster) start(t *testing.T) {
	t.Helper()
	for _, n := range c.nodes {
		n.launch(t)
	}
	for _, n := range c.nodes {
		n.ready(t)
	}
}

// settled waits until every node has anchored all it holds and all are at the same height.
func (c *cluster) settled(t *testing.T) {
	t.Helper()
	var seen string
	await(t, "all nodes to be at one height, with nothing left to anchor", func() bool {
		seen = ""
		height := int64(-1)
		for _, n := range c.nodes {
			s, err := n.status(t)
			if err != nil {
				seen += fmt.Sprintf("%s: %v; ", n.name, err)
				return false
			}
			seen += fmt.Sprintf("%s: height %d, unanchored %d, quorum %v; ", n.name, s.Height, s.Unanchored, s.Quorum)
			if s.Unanchored > 0 || s.CatchingUp || height >= 0 && s.Height != height {
				return false
			}
			height = s.Height
		}
		return true
	}, &seen)
}

// loopback finds free addresses.
func loopback(t *testing.T, n int) []address {
	t.Helper()
	var ports []string
	for range 3 * n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // all at once, so that none is given twice
		ports = append(ports, l.Addr().String())
	}
	list := make([]address, n)
	for i := range list {
		list[i] = address{ports[3*i], ports[3*i+1], ports[3*i+2]}
	}
	return list
}

func needRoot(t *testing.T, why string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skipf("needs root: %s", why)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
