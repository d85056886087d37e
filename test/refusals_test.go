//go:build real && linux

package real_test

import (
	"bytes"
	"crypto/ed25519"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// TestRealRefusals sends what must not be taken: the right status, an OperationOutcome, nothing stored, and the refusal on record.
func TestRealRefusals(t *testing.T) {
	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	other := lone(t, filepath.Join(t.TempDir(), "other"))
	n.ask(t, http.StatusCreated, "clinician PUT /Patient/p1", patient("p1", "Hassan"))
	n.ask(t, http.StatusCreated, "clinician PUT /Observation/gone", observation("gone", "p1", 1))
	n.ask(t, http.StatusNoContent, "clinician DELETE /Observation/gone", "")
	clinician := n.token(t, "clinician")
	limited := strings.TrimSpace(n.sijil(t, 0, "token", "--dir", n.dir, "--actor", "p9", "--role", "patient", "--purpose", "PATRQT", "--patient", "Patient/p9"))
	const fine = `{"resourceType":"Patient","id":"x1"}`
	for _, c := range []struct {
		name, token, request, body, header string
		status                             int
		has                                string // in the answer
		stranger                           bool   // not authenticated
	}{
		{"malformed JSON", clinician, "PUT /Patient/x1", "{\n \"resourceType\":\"Patient\",\n \"id\":\"x1\",\n \"name\":[{\"given\":[x]}]}", "", 400, `issue-line","valueInteger":4`, false},
		{"wrong type", clinician, "PUT /Patient/x1", `{"resourceType":"Patient","id":"x1","meta":[]}`, "", 400, `"expression":["Patient.meta"]`, false},
		{"wrong type deeper", clinician, "PUT /Observation/x1", `{"resourceType":"Observation","id":"x1","code":{"coding":[{"code":7}]}}`, "", 400, "Observation.code.coding[0].code", false},
		{"wrong type of what is not indexed", clinician, "PUT /Patient/x1", `{"resourceType":"Patient","id":"x1","birthDate":7,"gender":{}}`, "", 400, "Patient.birthDate", false},
		{"unknown element", clinician, "PUT /Patient/x1", `{"resourceType":"Patient","id":"x1","nickname":"x"}`, "", 400, "Patient.nickname", false},
		{"wrong type in a transaction", clinician, "POST /", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Patient","id":"x1","active":"yes"},"request":{"method":"PUT","url":"Patient/x1"}}]}`, "", 400, "Bundle.entry[0].resource.active", false},
		{"deep", clinician, "PUT /Patient/x1", `{"resourceType":"Patient","id":"x1","x":` + strings.Repeat("[", 90) + strings.Repeat("]", 90) + `}`, "", 400, "deeper", false},
		{"oversized", clinician, "PUT /Patient/x1", `{"resourceType":"Patient","id":"x1","x":"` + strings.Repeat("x", 5<<20) + `"}`, "", 413, "too-long", false},
		{"unknown type", clinician, "POST /Patiently", `{"resourceType":"Patiently"}`, "", 404, "not-supported", false},
		{"unknown address", clinician, "GET /a/b/c/d/e", "", "", 404, "not-found", false},
		{"not there", clinician, "GET /Patient/none", "", "", 404, "not-found", false},
		{"deleted", clinician, "GET /Observation/gone", "", "", 410, "deleted", false},
		{"method", clinician, "POST /Patient/p1", fine, "", 405, "not-supported", false},
		{"Turtle wanted", clinician, "GET /Patient/p1", "", "Accept: text/turtle", 406, "application/fhir+json", false},
		{"Turtle sent", clinician, "PUT /Patient/x1", fine, "Content-Type: text/turtle", 415, "not-supported", false},
		{"stale", clinician, "PUT /Patient/p1", patient("p1", "Stale"), `If-Match: W/"7"`, 412, "conflict", false},
		{"no such version", clinician, "PUT /Patient/x1", fine, `If-Match: W/"1"`, 412, "conflict", false},
		{"no right", n.token(t, "auditor"), "PUT /Patient/x1", fine, "", 403, "forbidden", false},
		{"no right to read", n.token(t, "administrator"), "GET /Patient/p1", "", "", 403, "forbidden", false},
		{"another's chart", limited, "GET /Patient/p1", "", "", 403, "forbidden", false},
		{"transaction with one bad entry", clinician, "POST /", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":` + fine + `,"request":{"method":"PUT","url":"Patient/x1"}},{"request":{"method":"PUT","url":"Patient/x2"}}]}`, "", 400, "Bundle.entry[1]", false},
		{"no token", "", "PUT /Patient/x1", fine, "", 401, "login", true},
		{"bad token", clinician[:len(clinician)-6] + "AAAAAA", "PUT /Patient/x1", fine, "", 401, "login", true},
		{"no signature", "eyJhbGciOiJub25lIn0.eyJyb2xlIjoiY2xpbmljaWFuIn0.", "PUT /Patient/x1", fine, "", 401, "login", true},
		{"other chain's token", other.token(t, "clinician"), "PUT /Patient/x1", fine, "", 401, "login", true},
	} {
		f := strings.Fields(c.request)
		a, err := n.try(t.Context(), c.token, f[0], f[1], []byte(c.body), headers(c.header)...)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if a.status != c.status || !strings.Contains(string(a.body), c.has) {
			t.Errorf("%s: %d, want %d and %q: %s", c.name, a.status, c.status, c.has, head(a.body))
			continue
		}
		outcomeOf(t, a)
		if c.stranger && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", c.name)
		}
		if err := refusal(t, n, a); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, ref := range []string{"/Patient/x1", "/Patient/x2", "/Observation/x1"} {
		n.ask(t, http.StatusNotFound, "clinician GET "+ref, "")
	}
	if a := n.ask(t, http.StatusOK, "clinician GET /Patient/p1", ""); a.header.Get("ETag") != `W/"1"` || !strings.Contains(string(a.body), "Hassan") {
		t.Errorf("Patient/p1 was changed: %s", a.body)
	}
}

// TestRealTokenExpires holds tokens that the node's own key signed long ago against the clock: the skew that is allowed counts, and no more.
func TestRealTokenExpires(t *testing.T) {
	n := lone(t, filepath.Join(t.TempDir(), "lone"))
	s, err := n.status(t)
	if err != nil {
		t.Fatal(err)
	}
	var org verify.OrgID
	if err := org.UnmarshalText([]byte(s.Org)); err != nil {
		t.Fatal(err)
	}
	n.stop()
	key := tokenKey(t, n)
	n.start(t)
	mint := func(ended time.Duration) string {
		const lifetime = time.Minute
		token, err := policy.Mint(key, policy.Claims{
			Actor: "brief", Role: policy.Clinician, Purpose: "TREAT", Org: org, Chain: s.Chain,
			Issued: time.Now().Add(-lifetime - ended), Lifetime: lifetime,
		})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for _, c := range []struct {
		ended  time.Duration // before now
		status int
	}{{-30 * time.Second, http.StatusNotFound}, {policy.MaxSkew / 4, http.StatusNotFound}, {policy.MaxSkew + time.Second, http.StatusUnauthorized}, {24 * time.Hour, http.StatusUnauthorized}} {
		a, err := n.try(t.Context(), mint(c.ended), http.MethodGet, "/Patient/none", nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.status != c.status {
			t.Fatalf("a token that ended %v ago: %d, want %d: %s", c.ended, a.status, c.status, head(a.body))
		}
		outcomeOf(t, a)
		if err := refusal(t, n, a); err != nil {
			t.Error(err)
		}
	}
}

// tokenKey takes the key that signs tokens from the key store of a node that does not run.
func tokenKey(t *testing.T, n *member) ed25519.PrivateKey {
	t.Helper()
	passphrase, err := os.ReadFile(filepath.Join(n.dir, "passphrase"))
	if err != nil {
		t.Fatal(err)
	}
	root, err := vault.OpenPassphraseRoot(filepath.Join(n.dir, "root.key"), bytes.TrimSpace(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(filepath.Join(n.dir, "keys"), root, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	seed, err := v.Secret("token")
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seed)
}
