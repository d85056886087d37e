//go:build real && linux

package real_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRealRotate gives a member that runs a new validator key, and has the ledger rest on it: with another member dead, no block comes
// without the new key.
func TestRealRotate(t *testing.T) {
	c := four(t)
	hospital, university := c.nodes[0], c.nodes[3]
	anchored(t, hospital, "p1")
	key := filepath.Join(hospital.dir, "ledger", "chain", "priv_validator_key.json")
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	request := filepath.Join(c.dir, "rotate.json")
	hospital.sijil(t, 0, "rotate", "--new-validator", "--dir", hospital.dir, "--out", request)
	agree(t, c.nodes[:3], "rotate", request)
	await(t, "the epoch of the new key", known(t, hospital, 4, 1), nil)
	c.settled(t)
	university.kill()
	anchored(t, hospital, "p2")
	hospital.stop()
	hospital.start(t)
	anchored(t, hospital, "p3")
	if now, err := os.ReadFile(key); err != nil || string(now) == string(old) {
		t.Errorf("the old key is still in use: %v", err)
	}
	university.start(t)
	c.settled(t)
	for _, n := range c.nodes {
		n.sijil(t, 0, "audit", n.dir)
	}
	hospital.stop()
	hospital.sijil(t, 0, "doctor", "--dir", hospital.dir)
}
