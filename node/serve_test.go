package node

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestANodeWhoseGateFailsStops: Serve ends what still serves, so that Close has nothing to wait for.
func TestANodeWhoseGateFailsStops(t *testing.T) {
	n, _ := lone(t)
	n.fhir.Close()
	if err := n.Serve(t.Context()); err == nil {
		t.Fatal("served without a listener")
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("unix", n.Dir+"/node.sock"); err == nil {
		c.Close()
		t.Error("the operator's socket is still open")
	}
}

func TestTheNodeKnowsItsBase(t *testing.T) {
	c := DefaultConfig("Lone Clinic")
	c.Base = "https://records.example/fhir"
	n, _ := found(t, c)
	s, err := n.status(t.Context())
	if err != nil || s.FHIR != c.Base {
		t.Errorf("status says %q, %v", s.FHIR, err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+n.Address()+"/fhir/metadata", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	n.gate.Handler.ServeHTTP(w, r)
	if got := w.Body.String(); !strings.Contains(got, `"url":"https://records.example/fhir"`) {
		t.Errorf("%s", got)
	}
	for _, warning := range s.Warnings {
		if warning.Code == "base" {
			t.Errorf("%+v", warning)
		}
	}
}
