package policy

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAuthorize(t *testing.T) {
	a := testAuthority(t)
	c := testClaims()
	c.Chart = "Patient/b1"
	want := Access{
		Token: "t-1", Actor: "Practitioner/17", Role: Clinician, Org: testOrg("hospital"), Purpose: Treatment,
		Chart: "Patient/b1", Expires: time.Unix(clock.Add(DefaultLifetime).Unix(), 0),
	}
	token := mint(t, c)
	for _, pass := range []string{"first", "cached"} {
		got, err := a.Authorize(token)
		if err != nil {
			t.Fatalf("%s: %v", pass, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", pass, d)
		}
	}
}

func TestAuthorizeTime(t *testing.T) {
	for _, c := range []struct {
		name string
		now  time.Duration // after the token was issued
		want error
	}{
		{"just issued", 0, nil},
		{"issuer's clock a little ahead", -MaxSkew, nil},
		{"issuer's clock far ahead", -MaxSkew - time.Second, ErrNotYet},
		{"last second with skew", DefaultLifetime + MaxSkew - time.Second, nil},
		{"expired", DefaultLifetime + MaxSkew, ErrExpired},
		{"long expired", 100 * DefaultLifetime, ErrExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, token := testAuthority(t), mint(t, testClaims())
			if _, err := a.Authorize(token); err != nil { // now it is in the cache
				t.Fatal(err)
			}
			cold := testAuthority(t)
			for _, auth := range []*Authority{a, cold} {
				auth.now = func() time.Time { return clock.Add(c.now) }
				got, err := auth.Authorize(token)
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if err != nil && got != (Access{}) {
					t.Error("an access came with the refusal")
				}
			}
		})
	}
}

// forge signs any header and claims with the right key, to get past the signature check.
func forge(header, claims map[string]any) string {
	return sign(header, claims, func(input string) []byte { return ed25519.Sign(testKey("token"), []byte(input)) })
}

func sign(header, claims map[string]any, signature func(string) []byte) string {
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	input := part(header) + "." + part(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature(input))
}

func rightHeader() map[string]any {
	return map[string]any{"alg": "EdDSA", "typ": tokenType, "kid": KeyID(testKey("token").Public().(ed25519.PublicKey))}
}

func rightClaims() map[string]any {
	org := testOrg("hospital").String()
	return map[string]any{
		"iss": org, "aud": testChain, "sub": "Practitioner/17", "role": "clinician", "org": org, "purpose": "TREAT",
		"iat": clock.Unix(), "nbf": clock.Unix(), "exp": clock.Add(time.Hour).Unix(), "jti": "t-1",
	}
}

func with(m map[string]any, key string, value any) map[string]any {
	m = maps.Clone(m)
	if m[key] = value; value == nil {
		delete(m, key)
	}
	return m
}

func TestAuthorizeRefusesClaims(t *testing.T) {
	a := testAuthority(t)
	if _, err := a.Authorize(forge(rightHeader(), rightClaims())); err != nil {
		t.Fatalf("the unaltered token: %v", err)
	}
	for _, c := range []struct {
		claim string
		value any
		want  error
	}{
		{"aud", "sijil-ffffffffffffffffffffffffffffffff", ErrAudience},
		{"aud", nil, ErrAudience},
		{"aud", []string{testChain}, ErrMalformed},
		{"iss", testOrg("clinic").String(), ErrIssuer},
		{"iss", nil, ErrIssuer},
		{"org", testOrg("clinic").String(), ErrClaims},
		{"org", nil, ErrClaims},
		{"sub", nil, ErrClaims},
		{"sub", "a\nb", ErrClaims},
		{"sub", strings.Repeat("a", MaxActor+1), ErrClaims},
		{"role", "root", ErrClaims},
		{"role", nil, ErrClaims},
		{"role", "patient", ErrClaims}, // without the claim patient
		{"purpose", "CURIOSITY", ErrClaims},
		{"purpose", nil, ErrClaims},
		{"patient", "Observation/1", ErrClaims},
		{"patient", "Patient/../x", ErrClaims},
		{"jti", nil, ErrClaims},
		{"iat", nil, ErrClaims},
		{"nbf", nil, ErrClaims},
		{"exp", nil, ErrClaims},
		{"exp", clock.Unix(), ErrClaims},
		{"exp", clock.Add(MaxLifetime + time.Second).Unix(), ErrClaims},
		{"exp", int64(1) << 62, ErrClaims},
		{"iat", int64(-1) << 62, ErrClaims},
		{"exp", 1e300, ErrMalformed},
		{"exp", "tomorrow", ErrMalformed},
		{"nbf", clock.Add(-time.Minute).Unix(), ErrClaims},
	} {
		t.Run(fmt.Sprintf("%s=%.20v", c.claim, c.value), func(t *testing.T) {
			_, err := a.Authorize(forge(rightHeader(), with(rightClaims(), c.claim, c.value)))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAuthorizeRefusesForgery(t *testing.T) {
	public := testKey("token").Public().(ed25519.PublicKey)
	right := forge(rightHeader(), rightClaims())
	parts := strings.Split(right, ".")
	other := func(input string) []byte { return ed25519.Sign(testKey("other"), []byte(input)) }
	otherKid := KeyID(testKey("other").Public().(ed25519.PublicKey))
	none := func(string) []byte { return nil }
	hs256 := func(input string) []byte { // the public key taken for a shared secret
		m := hmac.New(sha256.New, public)
		m.Write([]byte(input))
		return m.Sum(nil)
	}
	jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(testKey("other").Public().(ed25519.PublicKey))}
	for _, c := range []struct {
		name, token string
		want        error
	}{
		{"alg none", sign(with(rightHeader(), "alg", "none"), rightClaims(), none), ErrSignature},
		{"alg None", sign(with(rightHeader(), "alg", "None"), rightClaims(), none), ErrSignature},
		{"alg HS256 with the public key", sign(with(rightHeader(), "alg", "HS256"), rightClaims(), hs256), ErrSignature},
		{"alg ES256", forge(with(rightHeader(), "alg", "ES256"), rightClaims()), ErrSignature},
		{"no alg", forge(with(rightHeader(), "alg", nil), rightClaims()), ErrSignature},
		{"signature left out", sign(rightHeader(), rightClaims(), none), ErrSignature},
		{"another key under our kid", sign(rightHeader(), rightClaims(), other), ErrSignature},
		{"another key and its kid", sign(with(rightHeader(), "kid", otherKid), rightClaims(), other), ErrSignature},
		{"wrong kid", forge(with(rightHeader(), "kid", otherKid), rightClaims()), ErrSignature},
		{"no kid", forge(with(rightHeader(), "kid", nil), rightClaims()), ErrSignature},
		{"its own key along", sign(with(rightHeader(), "jwk", jwk), rightClaims(), other), ErrMalformed},
		{"jku", forge(with(rightHeader(), "jku", "http://127.0.0.1/keys"), rightClaims()), ErrMalformed},
		{"x5u", forge(with(rightHeader(), "x5u", "http://127.0.0.1/cert"), rightClaims()), ErrMalformed},
		{"unknown crit", forge(with(with(rightHeader(), "crit", []string{"x"}), "x", 1), rightClaims()), ErrMalformed},
		{"another type", forge(with(rightHeader(), "typ", "JWT"), rightClaims()), ErrMalformed},
		{"no type", forge(with(rightHeader(), "typ", nil), rightClaims()), ErrMalformed},
		{"claims exchanged", parts[0] + "." + strings.Split(forge(rightHeader(), with(rightClaims(), "role", "administrator")), ".")[1] + "." + parts[2], ErrSignature},
		{"claim twice", twice(t), ErrMalformed},
		{"cut short", right[:len(right)-4], ErrSignature},
		{"two parts", parts[0] + "." + parts[1], ErrMalformed},
		{"four parts", right + ".AA", ErrMalformed},
		{"empty", "", ErrMalformed},
		{"JSON form", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, ErrMalformed},
		{"oversize", right + strings.Repeat("A", MaxToken), ErrOversize},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := testAuthority(t)
			got, err := a.Authorize(c.token)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if got != (Access{}) {
				t.Error("an access came with the refusal")
			}
			if len(a.seen.young) != 0 {
				t.Error("a refused token is in the cache")
			}
			if err != nil && len(c.token) > 40 && strings.Contains(err.Error(), c.token[:40]) {
				t.Error("the error quotes the token")
			}
		})
	}
}

// twice gives a token whose claims name the role two times: readers disagree on which one counts.
func twice(t *testing.T) string {
	t.Helper()
	claims, err := json.Marshal(rightClaims())
	if err != nil {
		t.Fatal(err)
	}
	header, err := json.Marshal(rightHeader())
	if err != nil {
		t.Fatal(err)
	}
	doubled := strings.TrimSuffix(string(claims), "}") + `,"role":"administrator"}`
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString([]byte(doubled))
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(testKey("token"), []byte(input)))
}

// TestAuthorizeOneSpelling alters the bits of the last character that stand for nothing: 64 bytes of signature end in one of 4 bits too many.
func TestAuthorizeOneSpelling(t *testing.T) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	token := forge(rightHeader(), rightClaims())
	last := strings.IndexByte(digits, token[len(token)-1])
	for other := range digits[:16] {
		if altered := token[:len(token)-1] + digits[last&^15|other:][:1]; altered != token {
			if _, err := testAuthority(t).Authorize(altered); !errors.Is(err, ErrMalformed) {
				t.Errorf("%q: %v", altered[len(altered)-1:], err)
			}
		}
	}
}

func TestAuthorizeReplayOnAnotherChain(t *testing.T) {
	token := mint(t, testClaims())
	for _, c := range []struct {
		name, chain string
		org         string
		want        error
	}{
		{"another chain of the same organisation", "sijil-00000000000000000000000000000000", "hospital", ErrAudience},
		{"another member of the same chain with a copied key", testChain, "clinic", ErrIssuer},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := NewAuthority(c.chain, testOrg(c.org), testKey("token").Public().(ed25519.PublicKey))
			if err != nil {
				t.Fatal(err)
			}
			a.now = func() time.Time { return clock }
			if _, err := a.Authorize(token); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAuthorizeRotatedKey(t *testing.T) {
	old, next := testKey("token"), testKey("token 2")
	a, err := NewAuthority(testChain, testOrg("hospital"), next.Public().(ed25519.PublicKey), old.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	a.now = func() time.Time { return clock }
	for _, key := range []ed25519.PrivateKey{old, next} {
		token, err := Mint(key, testClaims())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Authorize(token); err != nil {
			t.Error(err)
		}
	}
}

func TestNewAuthorityRefuses(t *testing.T) {
	key := testKey("token").Public().(ed25519.PublicKey)
	for name, make := range map[string]func() (*Authority, error){
		"no chain":  func() (*Authority, error) { return NewAuthority("", testOrg("hospital"), key) },
		"no key":    func() (*Authority, error) { return NewAuthority(testChain, testOrg("hospital")) },
		"short key": func() (*Authority, error) { return NewAuthority(testChain, testOrg("hospital"), key[:31]) },
	} {
		if _, err := make(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzAuthorize(f *testing.F) {
	right := forge(rightHeader(), rightClaims())
	f.Add(right)
	f.Add(right[:len(right)-1])
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Add(`{"payload":"","signatures":[]}`)
	a := testAuthority(f)
	f.Fuzz(func(t *testing.T, token string) {
		access, err := a.Authorize(token)
		if err == nil && !strings.HasPrefix(token, strings.Join(strings.Split(right, ".")[:2], ".")+".") {
			t.Fatalf("accepted what was never signed: %q as %v", token, access)
		}
		if err != nil && access != (Access{}) {
			t.Fatal("an access came with the refusal")
		}
	})
}

func BenchmarkAuthorizeCached(b *testing.B) {
	a, token := testAuthority(b), mint(b, testClaims())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authorize(token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthorizeFirst(b *testing.B) {
	token := mint(b, testClaims())
	a := testAuthority(b)
	b.ReportAllocs()
	for b.Loop() {
		clear(a.seen.young)
		if _, err := a.Authorize(token); err != nil {
			b.Fatal(err)
		}
	}
}
