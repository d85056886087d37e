package policy

import (
	"crypto/ed25519"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/sijil-health/sijil/verify"
)

const testChain = "sijil-0123456789abcdef0123456789abcdef"

// clock is the time that tests agree on.
var clock = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func testOrg(name string) verify.OrgID {
	return verify.OrgOf(verify.PublicKey(testKey(name).Public().(ed25519.PublicKey)))
}

func testClaims() Claims {
	return Claims{
		Actor: "Practitioner/17", Role: Clinician, Org: testOrg("hospital"), Purpose: Treatment, Chain: testChain,
		ID: "t-1", Issued: clock,
	}
}

func testAuthority(t testing.TB) *Authority {
	t.Helper()
	a, err := NewAuthority(testChain, testOrg("hospital"), testKey("token").Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	a.now = func() time.Time { return clock }
	return a
}

func mint(t testing.TB, c Claims) string {
	t.Helper()
	token, err := Mint(testKey("token"), c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
