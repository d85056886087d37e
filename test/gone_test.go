//go:build real && linux

package real_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRealHeldGone deletes, at all custodians while they are stopped, the journal copies that they hold. Each of them names what is gone, and
// the owners bring it again.
func TestRealHeldGone(t *testing.T) {
	c := four(t)
	d := &damaged{n: c.nodes[0], want: make(map[string]string)}
	d.load(t)
	c.settled(t)
	for _, n := range c.nodes {
		n.stop()
	}
	gone := make(map[*member][]string)
	for _, n := range c.nodes {
		parts := all(t, filepath.Join(n.dir, "held", "*", "journal", "*.part"))
		for _, path := range parts {
			spoil(t, path, nil)
		}
		if gone[n] = parts; len(parts) > 0 {
			out, doctor := n.sijil(t, 2, "audit", n.dir), n.sijil(t, 2, "doctor", "--dir", n.dir)
			if !strings.Contains(out, parts[0]) || !strings.Contains(doctor, parts[0]) {
				t.Errorf("%s: audit %s\ndoctor %s", n.name, out, doctor)
			}
		}
	}
	c.start(t)
	for n, parts := range gone {
		if len(parts) > 0 && (!warned(t, n, "alarm") || !strings.Contains(n.said(), filepath.Base(parts[0]))) {
			t.Errorf("%s does not tell what is gone", n.name)
		}
	}
	for _, n := range c.nodes {
		out := ""
		await(t, n.name+" to have everything again", func() bool {
			code := 0
			out, code = n.run(t, "audit", n.dir)
			return code == 0
		}, &out)
	}
	d.whole(t)
}
