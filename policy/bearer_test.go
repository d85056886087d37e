package policy

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBearer(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []string
		want    string
		err     error
	}{
		{"none", nil, "", ErrNoToken},
		{"token", []string{"Bearer a.b.c"}, "a.b.c", nil},
		{"scheme in other case", []string{"bEARER a.b.c"}, "a.b.c", nil},
		{"more blanks", []string{"Bearer   a.b.c"}, "a.b.c", nil},
		{"two", []string{"Bearer a.b.c", "Bearer d.e.f"}, "", ErrMalformed},
		{"basic", []string{"Basic dXNlcjpwYXNz"}, "", ErrMalformed},
		{"scheme alone", []string{"Bearer"}, "", ErrMalformed},
		{"empty token", []string{"Bearer "}, "", ErrMalformed},
		{"no JWT", []string{"Bearer abc"}, "", ErrMalformed},
		{"trailing text", []string{"Bearer a.b.c d"}, "", ErrMalformed},
		{"comma list", []string{"Bearer a.b.c, Basic x"}, "", ErrMalformed},
		{"oversize", []string{"Bearer " + strings.Repeat("a", MaxToken+1)}, "", ErrOversize},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/fhir/Patient/1?access_token=a.b.c", nil)
			for _, h := range c.headers {
				r.Header.Add("Authorization", h)
			}
			got, err := Bearer(r)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestChallenge(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{ErrNoToken, `Bearer realm="sijil"`},
		{fmt.Errorf("%w: secret detail", ErrExpired), `Bearer realm="sijil", error="invalid_token", error_description="access token has expired; ask for a new one"`},
		{errors.New("secret detail"), `Bearer realm="sijil", error="invalid_token"`},
	} {
		if got := Challenge(c.err); got != c.want {
			t.Errorf("%v: got %s, want %s", c.err, got, c.want)
		}
	}
}

func FuzzBearer(f *testing.F) {
	f.Add("Bearer a.b.c")
	f.Add("bearer  ..")
	f.Add("Basic x")
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", header)
		token, err := Bearer(r)
		if err == nil && (len(token) > MaxToken || strings.ContainsAny(token, " \r\n\t,\"")) {
			t.Fatalf("accepted %q", token)
		}
	})
}
