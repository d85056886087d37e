package node

import (
	"crypto/ed25519"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/verify"
)

func listener(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestTheBaseIsTheNodesOwn: the URL that references are recognised by comes from the configuration, or from a loopback address.
func TestTheBaseIsTheNodesOwn(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	authority, err := policy.NewAuthority("chain", verify.OrgID{1}, key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	token, err := policy.Mint(key, policy.Claims{Chain: "chain", Org: verify.OrgID{1}, Actor: "huda", Role: policy.Clinician, Purpose: policy.Treatment, Lifetime: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	lo, wide := listener(t, "127.0.0.1:0"), listener(t, "0.0.0.0:0")
	for _, c := range []struct {
		at      net.Listener
		base    string
		host    string // that a request came with
		want    string
		missing bool
	}{
		{lo, "", "localhost:8080", "http://" + lo.Addr().String() + "/fhir", false},
		{lo, "", "[::1]:8080", "http://" + lo.Addr().String() + "/fhir", false},
		{lo, "", "records.example", "http://" + lo.Addr().String() + "/fhir", true},
		{lo, "https://records.example/fhir/", "records.example", "https://records.example/fhir", false},
		{wide, "", "127.0.0.1", "", true},
		{wide, "https://records.example/fhir", "evil.example", "https://records.example/fhir", false},
	} {
		n := &Node{config: &Config{Base: c.base}, fhir: c.at}
		auth := authorizer{authority, &n.renamed}
		stranger := httptest.NewRequest("GET", "/fhir/Patient", nil)
		stranger.Host = "evil.example"
		if _, err := auth.Authorize(stranger); err == nil || n.renamed.Load() {
			t.Errorf("a request without a token gives this node a name: %v", err)
		}
		r := httptest.NewRequest("GET", "/fhir/Patient", nil)
		r.Host = c.host
		r.Header.Set("Authorization", "Bearer "+token)
		if _, err := auth.Authorize(r); err != nil {
			t.Fatal(err)
		}
		if n.base() != c.want || n.baseMissing() != c.missing {
			t.Errorf("%s %q %s: base %q, missing %v", c.at.Addr(), c.base, c.host, n.base(), n.baseMissing())
		}
	}
}

func TestABaseThatIsNoURLIsRefused(t *testing.T) {
	for base, good := range map[string]bool{
		"": true, "https://records.example/fhir": true, "http://10.0.0.1:8080/fhir": true, "records.example/fhir": false, "ftp://records.example": false,
		"https:///fhir": false, "https://u@records.example/fhir": false, "https://records.example/fhir?x": false, "https://records.example/#": false,
	} {
		c := DefaultConfig("x")
		c.Base = base
		if err := c.Check(); (err == nil) != good {
			t.Errorf("%q: %v", base, err)
		}
	}
}
