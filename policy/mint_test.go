package policy

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestMintRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		alter func(*Claims)
	}{
		{"no actor", func(c *Claims) { c.Actor = "" }},
		{"actor of blanks", func(c *Claims) { c.Actor = "  " }},
		{"actor with a line break", func(c *Claims) { c.Actor = "a\nb" }},
		{"actor that turns the text round", func(c *Claims) { c.Actor = "a\u202eb" }},
		{"long actor", func(c *Claims) { c.Actor = strings.Repeat("x", MaxActor+1) }},
		{"unknown role", func(c *Claims) { c.Role = "owner" }},
		{"unknown purpose", func(c *Claims) { c.Purpose = "TREATMENT" }},
		{"no chain", func(c *Claims) { c.Chain = "" }},
		{"patient without a chart", func(c *Claims) { c.Role, c.Purpose = Patient, PatientRequest }},
		{"chart that is none", func(c *Claims) { c.Chart = "17" }},
		{"too long", func(c *Claims) { c.Lifetime = MaxLifetime + time.Second }},
		{"backwards", func(c *Claims) { c.Lifetime = -time.Hour }},
		{"less than a second", func(c *Claims) { c.Lifetime = time.Millisecond }},
	} {
		t.Run(c.name, func(t *testing.T) {
			claims := testClaims()
			c.alter(&claims)
			token, err := Mint(testKey("token"), claims)
			if !errors.Is(err, ErrClaims) || token != "" {
				t.Errorf("got %q, %v; want ErrClaims", token, err)
			}
		})
	}
	if _, err := Mint(testKey("token")[:32], testClaims()); err == nil {
		t.Error("half a key was accepted")
	}
}

func TestMintDefaults(t *testing.T) {
	c := testClaims()
	c.ID, c.Issued = "", time.Time{}
	a := testAuthority(t)
	a.now = time.Now
	first, err := a.Authorize(mint(t, c))
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.Authorize(mint(t, c))
	if err != nil {
		t.Fatal(err)
	}
	if first.Token == second.Token {
		t.Error("two tokens of one identifier")
	}
}

// The key and thumbprint of RFC 8037, appendix A.
func TestKeyID(t *testing.T) {
	x, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := KeyID(ed25519.PublicKey(x)), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
