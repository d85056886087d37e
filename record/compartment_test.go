package record_test

import (
	"context"
	"testing"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
)

// TestCompartmentsOfResources: a resource is sealed under the compartment it is for, and under none that is for something else.
func TestCompartmentsOfResources(t *testing.T) {
	s := newSite(t)
	defer s.close()
	for c := range vault.Compartment(80) {
		of := change(record.OpCreate, "o"+c.String(), "Patient/"+c.String(), "body")
		of.Compartment = c
		_, err := s.store.Write(context.Background(), clinician, []record.Change{of})
		_, sealed := s.vault.Lookup(of.Chart, c)
		want := false
		switch c {
		case record.General, record.Labs, record.Imaging, record.Medications, record.Mental, record.Sexual, record.Genomic:
			want = true
		}
		if (err == nil) != want || sealed != want {
			t.Errorf("%s: %v, key made: %v", c, err, sealed)
		}
	}
}
