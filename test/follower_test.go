//go:build real && linux

package real_test

import (
	"net/http"
	"path/filepath"
	"testing"
)

// TestRealFollower takes in a clinic that follows without a vote and without an address for consensus: it is fed by one member, and goes on
// whichever of them is killed.
func TestRealFollower(t *testing.T) {
	at := loopback(t, 5)
	c := prepare(t, at[:4])
	c.start(t)
	hospital := c.nodes[0]
	hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))

	village := &member{name: "village", dir: filepath.Join(c.dir, "village"), address: at[4], log: filepath.Join(c.dir, "village.log")}
	village.sijil(t, 0, "init", "--wait", "--follower", "--dir", village.dir, "--name", "village", "--fhir", at[4].fhir, "--peer", at[4].peer)
	t.Cleanup(func() {
		village.kill()
		if t.Failed() {
			village.tellLog(t)
		}
	})
	request := filepath.Join(c.dir, "village-request.json")
	village.sijil(t, 0, "join", "--genesis", filepath.Join(c.dir, "genesis.json"), "--dir", village.dir, "--out", request)
	agree(t, c.nodes[:3], "join", request)
	await(t, "the members to be five", known(t, hospital, 5, 0), nil)
	village.start(t)
	await(t, "the clinic to know all five", known(t, village, 5, 0), nil)
	c.nodes = append(c.nodes, village)
	c.settled(t)

	anchored(t, village, "v1")
	receipt := filepath.Join(c.dir, "receipt.json")
	write(t, receipt, village.ask(t, http.StatusOK, "clinician GET /Patient/v1/_history/1/$receipt", "").body)
	hospital.sijil(t, 0, "verify", receipt, "--trust", filepath.Join(hospital.dir, "trust.json"))

	for _, n := range c.nodes[:4] {
		n.kill() // one of them is the one that it follows
		anchored(t, village, "without-"+n.name)
		n.start(t)
		c.settled(t)
	}
	village.kill()
	anchored(t, hospital, "meanwhile")
	setConfig(t, village, `"engine": "inside"`, `"engine": "child"`)
	village.start(t)
	c.settled(t)
	anchored(t, village, "v2")
	c.settled(t)
	seen := 0
	for _, n := range c.nodes {
		s, err := n.status(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range s.Members {
			switch {
			case m.Name == village.name && n != village && m.Connected:
				seen++
			case m.Votes && n != village && !m.Connected:
				t.Errorf("%s does not see %s", n.name, m.Name)
			}
		}
		n.sijil(t, 0, "audit", n.dir)
	}
	if seen == 0 {
		t.Error("nobody sees the clinic that they feed")
	}
}
