package policy

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Bearer takes the token from the Authorization header of a request (RFC 6750 section 2.1). Tokens in the URL or in a
// form are not looked at: they would end up in logs. It returns ErrNoToken, ErrMalformed or ErrOversize.
func Bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	switch len(headers) {
	case 0:
		return "", ErrNoToken
	case 1:
	default:
		return "", fmt.Errorf("%w: more than one Authorization header", ErrMalformed)
	}
	scheme, token, ok := strings.Cut(headers[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", fmt.Errorf("%w: want \"Authorization: Bearer …\"", ErrMalformed)
	}
	token = strings.TrimLeft(token, " ")
	if len(token) > MaxToken {
		return "", fmt.Errorf("%w: %d bytes, at most %d", ErrOversize, len(token), MaxToken)
	}
	if !compact(token) {
		return "", ErrMalformed
	}
	return token, nil
}

// Challenge is the WWW-Authenticate header to answer err with (RFC 6750 section 3). It names no detail that the
// sentinel errors do not name.
func Challenge(err error) string {
	const bare = `Bearer realm="sijil"`
	if errors.Is(err, ErrNoToken) {
		return bare
	}
	for _, known := range []error{
		ErrMalformed, ErrOversize, ErrSignature, ErrIssuer, ErrAudience, ErrExpired, ErrNotYet, ErrClaims,
	} {
		if errors.Is(err, known) {
			return fmt.Sprintf(`%s, error="invalid_token", error_description="%s"`, bare, known)
		}
	}
	return bare + `, error="invalid_token"`
}

// compact tells whether s is three parts of base64url joined by dots.
func compact(s string) bool {
	dots := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			dots++
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return dots == 2
}

// exact tells whether each part of a token is the one spelling of its bytes: unused bits of the last character are zero (RFC 4648, section 3.5).
func exact(token string) bool {
	for part := range strings.SplitSeq(token, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return false
		}
	}
	return true
}
