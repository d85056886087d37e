//go:build real && linux

package real_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestRealBallots has two members change their keys at the same time, each of three nodes agreeing to both at once, and then agrees to a request
// of before, which would undo one of them.
func TestRealBallots(t *testing.T) {
	c := four(t)
	var requests []string
	for _, n := range c.nodes[:2] {
		file := filepath.Join(c.dir, n.name+".json")
		n.sijil(t, 0, "rotate", "--new-validator", "--dir", n.dir, "--out", file)
		requests = append(requests, file)
	}
	stale := filepath.Join(c.dir, "stale.json")
	b, err := os.ReadFile(requests[0])
	if err != nil {
		t.Fatal(err)
	}
	write(t, stale, b)

	said := make([]string, 6)
	var all sync.WaitGroup
	for i := range said {
		n, request := c.nodes[i/2], requests[i%2]
		all.Go(func() { said[i], _ = n.run(t, "rotate", request, "--json", "--dir", n.dir) })
	}
	all.Wait()
	for i, s := range said {
		var did struct{ Did string }
		if err := json.Unmarshal([]byte(s), &did); err != nil || did.Did != "proposed" && did.Did != "agreed" {
			t.Errorf("%s, of %s: %v %s", c.nodes[i/2].name, requests[i%2], err, head([]byte(s)))
		}
	}
	await(t, "both to have their new keys", func() bool {
		s, err := c.nodes[0].status(t)
		return err == nil && s.Epoch >= 2 && len(s.Pending) == 0
	}, nil)
	for _, request := range requests {
		if out := c.nodes[3].sijil(t, 0, "rotate", request, "--json", "--dir", c.nodes[3].dir); !strings.Contains(out, `"nothing"`) {
			t.Errorf("it is not so already: %s", head([]byte(out)))
		}
	}

	again := filepath.Join(c.dir, "again.json")
	c.nodes[0].sijil(t, 0, "rotate", "--new-validator", "--dir", c.nodes[0].dir, "--out", again)
	agree(t, c.nodes[:3], "rotate", again)
	await(t, "the third change", func() bool {
		s, err := c.nodes[0].status(t)
		return err == nil && s.Epoch >= 3
	}, nil)
	if out, code := c.nodes[1].run(t, "rotate", stale, "--dir", c.nodes[1].dir); code == 0 || !strings.Contains(out, "make a new one") {
		t.Errorf("a request of before the last change: code %d, %s", code, out)
	}
	c.settled(t)
}
