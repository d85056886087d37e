//go:build real && linux

package real_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRealJoin takes a fifth organisation into a ledger that runs, and lets it go again.
func TestRealJoin(t *testing.T) {
	t.Parallel() // it mostly waits for five nodes to agree
	at := loopback(t, 5)
	c := prepare(t, at[:4])
	c.start(t)
	hospital := c.nodes[0]
	hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	for i := range 20 {
		id := fmt.Sprintf("o%d", i)
		hospital.ask(t, http.StatusCreated, "clinician PUT /Observation/"+id, observation(id, "p1", i))
	}
	ministry := c.add(t, "ministry", at[4])
	old := filepath.Join(c.dir, "old-trust.json")
	b, err := os.ReadFile(filepath.Join(hospital.dir, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, old, b)
	joins(t, c, ministry)
	knowsToday(t, c, old)

	// It is a member like the others: it writes, what it writes is proven to whom trusts the genesis, and it keeps copies.
	a := ministry.ask(t, http.StatusCreated, "clinician PUT /Patient/p2", patient("p2", "Ali"))
	if ack := a.header.Get("Sijil-Ack"); ack != "anchored" {
		t.Errorf("the newcomer's write: Sijil-Ack %q", ack)
	}
	receipt := filepath.Join(c.dir, "receipt.json")
	var seen string
	await(t, "the newcomer's receipt to hold: the members of before sign the beginning of its epoch", func() bool {
		write(t, receipt, ministry.ask(t, http.StatusOK, "clinician GET /Patient/p2/_history/1/$receipt", "").body)
		var code int
		seen, code = ministry.run(t, "verify", receipt, "--trust", filepath.Join(hospital.dir, "trust.json"))
		return code == 0
	}, &seen)
	c.settled(t)
	ministry.sijil(t, 0, "audit", ministry.dir)

	s, err := ministry.status(t)
	if err != nil {
		t.Fatal(err)
	}
	agree(t, c.nodes[:4], "leave", s.Org)
	await(t, "the members to be four again", known(t, hospital, 4, 2), nil)
	leaves(t, ministry)
	c.nodes = c.nodes[:4]
	a = hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p3", patient("p3", "Omar"))
	if ack := a.header.Get("Sijil-Ack"); ack != "anchored" {
		t.Errorf("after it left: Sijil-Ack %q", ack)
	}
	c.settled(t)
	hospital.sijil(t, 0, "audit", hospital.dir)
	hospital.sijil(t, 0, "verify", receipt, "--trust", filepath.Join(hospital.dir, "trust.json"))

	// It asks again, and is taken in with what it wrote in the meantime.
	request := filepath.Join(c.dir, "again.json")
	ministry.sijil(t, 0, "join", "--genesis", filepath.Join(c.dir, "genesis.json"), "--dir", ministry.dir, "--out", request)
	agree(t, c.nodes[:3], "join", request)
	await(t, "the members to be five again", known(t, hospital, 5, 3), nil)
	ministry.start(t)
	c.nodes = append(c.nodes, ministry)
	c.settled(t)
	anchored(t, ministry, "p5")
	if s, err := ministry.status(t); err != nil || s.VotedOut != 0 {
		t.Errorf("it is a member again: %+v, %v", s, err)
	}
	ministry.sijil(t, 0, "audit", ministry.dir)
}

// knowsToday checks that the trust files name the newcomer without anybody asking for a checkpoint, and that a member restored with a file
// from before asks the newcomer too for what it holds.
func knowsToday(t *testing.T, c *cluster, old string) {
	t.Helper()
	epochs := func(dir string) int {
		var trust struct {
			Epochs []json.RawMessage `json:"epochs"`
		}
		b, err := os.ReadFile(filepath.Join(dir, "trust.json"))
		if err = errors.Join(err, json.Unmarshal(b, &trust)); err != nil {
			t.Fatal(err)
		}
		return len(trust.Epochs)
	}
	for _, n := range c.nodes[:4] {
		await(t, "the trust file of "+n.name+" to be renewed", func() bool { return epochs(n.dir) == 1 }, nil)
	}
	hospital, dir := c.nodes[0], filepath.Join(c.dir, "restored")
	hospital.stop()
	kit := filepath.Join(hospital.dir, "recovery-kit.json")
	c.nodes[1].sijil(t, 0, "restore", "--from-custodians", "--trust", old, "--kit", kit, "--dir", dir)
	if got := epochs(dir); got != 1 {
		t.Errorf("restored with a trust file from before the newcomer, the node knows %d epochs", got)
	}
	hospital.start(t)
	c.settled(t)
}

// leaves checks that a member that was voted out is told so, goes on for itself, and is told after a restart too.
func leaves(t *testing.T, n *member) {
	t.Helper()
	told := func() bool {
		s, err := n.status(t)
		return err == nil && s.VotedOut > 0 && slices.ContainsFunc(s.Warnings, func(w struct{ Code string }) bool { return w.Code == "voted-out" })
	}
	await(t, "it to know that it was voted out", told, nil)
	n.ask(t, http.StatusOK, "clinician GET /Patient/p2", "")
	a := n.ask(t, http.StatusCreated, "clinician PUT /Patient/p4", patient("p4", "Zaid"))
	if ack := a.header.Get("Sijil-Ack"); ack != "journalled" {
		t.Errorf("voted out, it writes: Sijil-Ack %q", ack)
	}
	n.sijil(t, 2, "doctor", "--dir", n.dir)
	n.stop()
	n.start(t)
	await(t, "it to know after a restart", told, nil)
	n.kill()
	if told := strings.Count(n.said(), "voted this organisation out"); told != 2 {
		t.Errorf("its log says so %d times in two runs", told)
	}
	n.sijil(t, 0, "audit", n.dir)
}

// joins has three of the first four members vote a newcomer in, which is more than two thirds, starts it and waits until it is one of them.
func joins(t *testing.T, c *cluster, newcomer *member) {
	t.Helper()
	genesis, request := filepath.Join(c.dir, "genesis.json"), filepath.Join(c.dir, newcomer.name+"-request.json")
	newcomer.sijil(t, 0, "join", "--genesis", genesis, "--dir", newcomer.dir, "--out", request)
	agree(t, c.nodes[:3], "join", request)
	await(t, "the members to be five", known(t, c.nodes[0], 5, 1), nil)
	newcomer.start(t)
	await(t, "the newcomer to know all five", known(t, newcomer, 5, 1), nil)
	c.settled(t)
}

// agree has members agree to a change, each once it knows of the proposal that the first of them makes.
func agree(t *testing.T, members []*member, change ...string) {
	t.Helper()
	for i, n := range members {
		want := "agreed"
		if i == 0 {
			want = "proposed"
		}
		var seen string
		await(t, n.name+" to have "+want, func() bool {
			if s, err := n.status(t); err != nil || i > 0 && len(s.Pending) == 0 {
				return false
			}
			var code int
			seen, code = n.run(t, append(change, "--json", "--dir", n.dir)...)
			return code == 0
		}, &seen)
		if !strings.Contains(seen, `"`+want+`"`) {
			t.Errorf("%s: %s, want %s", n.name, head([]byte(seen)), want)
		}
	}
}

// known tells whether a node sees so many members, in this epoch or a later one.
func known(t *testing.T, n *member, members int, epoch uint64) func() bool {
	return func() bool {
		s, err := n.status(t)
		return err == nil && len(s.Members) == members && s.Epoch >= epoch
	}
}
