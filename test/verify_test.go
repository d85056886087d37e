//go:build real && linux

package real_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// checked is what $verify said of a resource: "number status" of each version, after whether all is well.
func checked(t *testing.T, n *member, ref string) string {
	t.Helper()
	var doc struct {
		Parameter []struct {
			Name         string
			ValueBoolean bool
			Part         []struct {
				Name, ValueID, ValueCode string
			}
		}
	}
	a := n.ask(t, http.StatusOK, "clinician GET /"+ref+"/$verify", "")
	if err := json.Unmarshal(a.body, &doc); err != nil {
		t.Fatal(err)
	}
	said := ""
	for _, p := range doc.Parameter {
		switch p.Name {
		case "result":
			said = map[bool]string{true: "whole", false: "not whole"}[p.ValueBoolean]
		case "version":
			for _, part := range p.Part {
				switch part.Name {
				case "versionId":
					said += "; " + part.ValueID
				case "status":
					said += " " + part.ValueCode
				}
			}
		}
	}
	if events := eventsOf(t, n, a.header.Get("X-Request-Id")); len(events) != 1 {
		t.Errorf("$verify left %d entries", len(events))
	}
	return said
}

// TestRealVerify holds all versions of a resource against the ledger at the gate, whole, alone and damaged.
func TestRealVerify(t *testing.T) {
	c := four(t)
	hospital := c.nodes[0]
	hospital.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	hospital.ask(t, http.StatusOK, "clinician PUT /Patient/p1", patient("p1", "Hussein"))
	hospital.ask(t, http.StatusNoContent, "clinician DELETE /Patient/p1", "")
	if said := checked(t, hospital, "Patient/p1"); said != "whole; 3 verified; 2 verified; 1 verified" {
		t.Error(said)
	}
	hospital.ask(t, http.StatusNotFound, "clinician GET /Patient/nobody/$verify", "")
	hospital.ask(t, http.StatusForbidden, "administrator GET /Patient/p1/$verify", "")

	alone := lone(t, filepath.Join(t.TempDir(), "lone"))
	large := strings.Replace(patient("p2", "Hassan"), `{"family"`, `{"text":"`+strings.Repeat("ا", 100<<10)+`","family"`, 1)
	alone.ask(t, http.StatusCreated, "clinician PUT /Patient/p2", large)
	alone.ask(t, http.StatusOK, "clinician PUT /Patient/p2", patient("p2", "Hassan"))
	if said := checked(t, alone, "Patient/p2"); said != "whole; 2 not-witnessed; 1 not-witnessed" {
		t.Error(said)
	}
	for _, blob := range all(t, filepath.Join(alone.dir, "blobs", "??", "??", "*")) {
		spoil(t, blob, []float64{0.5})
	}
	if said := checked(t, alone, "Patient/p2"); said != "not whole; 2 not-witnessed; 1 damaged" {
		t.Error(said)
	}
}
