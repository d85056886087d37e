//go:build real && linux

package real_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRealWithoutQuorum leaves one node of four alone. Care goes on: writes are journalled, reads are answered, and what waits is
// anchored when the others are back.
func TestRealWithoutQuorum(t *testing.T) {
	t.Parallel() // it mostly waits for blocks that do not come
	c := four(t)
	hospital := c.nodes[0]
	hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	c.settled(t) // nodes that have just started take a moment to find one another
	a := hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p2", patient("p2", "Hassan"))
	if ack := a.header.Get("Sijil-Ack"); ack != "anchored" {
		t.Fatalf("with all four: Sijil-Ack %q", ack)
	}
	for _, n := range c.nodes[1:] {
		n.kill()
	}
	for i := range 4 {
		begin := time.Now()
		id := fmt.Sprintf("o%d", i)
		a := hospital.ask(t, http.StatusCreated, "clinician PUT /Observation/"+id, observation(id, "p1", i))
		if ack := a.header.Get("Sijil-Ack"); ack != "journalled" {
			t.Errorf("alone: Sijil-Ack %q", ack)
		}
		if took := time.Since(begin); took > 10*time.Second { // 2 s by design; more would stop care
			t.Errorf("a write took %v", took)
		}
		if got := valueOf(t, hospital.ask(t, http.StatusOK, "clinician GET /Observation/"+id, "").body); got != i {
			t.Errorf("Observation/%s: %d", id, got)
		}
	}
	hospital.ask(t, http.StatusOK, "clinician GET /Observation?patient=p1", "")
	hospital.ask(t, http.StatusOK, "auditor GET /AuditEvent?patient=Patient/p1", "")
	s, err := hospital.status(t)
	if err != nil || s.Unanchored < 8 {
		t.Fatalf("8 entries at least wait to be anchored; status says %+v, %v", s, err)
	}
	await(t, "status to say that there is no quorum", func() bool {
		s, err := hospital.status(t)
		return err == nil && !s.Quorum
	}, nil)
	told := hospital.sijil(t, 0, "status", "--dir", hospital.dir)
	for _, n := range c.nodes[1:] {
		if !strings.Contains(told, n.name+" ("+n.peer+")") {
			t.Errorf("the status does not say that %s is not reached: %s", n.name, told)
		}
	}
	if strings.Contains(told, "sijil doctor") {
		t.Errorf("the status has the doctor look for a quorum: %s", told)
	}
	before := s.Height

	// Also a restart, alone, does not keep the node from serving.
	hospital.kill()
	hospital.start(t)
	for i := range 4 {
		if got := valueOf(t, hospital.ask(t, http.StatusOK, fmt.Sprintf("clinician GET /Observation/o%d", i), "").body); got != i {
			t.Errorf("after a restart, alone: Observation/o%d: %d", i, got)
		}
	}
	for _, n := range c.nodes[1:] {
		n.start(t)
	}
	c.settled(t)
	if s, err = hospital.status(t); err != nil || s.Height <= before || !s.Quorum {
		t.Errorf("after the others came back: %+v, %v", s, err)
	}
	hospital.sijil(t, 0, "audit", hospital.dir)
}
