package policy

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/sijil-health/sijil/verify"
)

// Authority checks the tokens of one organisation on one chain. It is safe for concurrent use.
type Authority struct {
	chain string
	org   verify.OrgID
	keys  map[string]ed25519.PublicKey // by KeyID
	now   func() time.Time
	seen  *cache
}

// NewAuthority accepts tokens for chain that org issued under one of keys. More than one key is for rotating: give the
// new and the old one until the tokens of the old one have expired, MaxLifetime at most.
func NewAuthority(chain string, org verify.OrgID, keys ...ed25519.PublicKey) (*Authority, error) {
	if chain == "" || len(keys) == 0 {
		return nil, errors.New("token authority: needs the chain's name and at least one key")
	}
	a := &Authority{
		chain: chain,
		org:   org,
		keys:  make(map[string]ed25519.PublicKey, len(keys)),
		now:   time.Now,
		seen:  newCache(cacheSize),
	}
	for _, key := range keys {
		if len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("token authority: a key has %d bytes, want %d", len(key), ed25519.PublicKeySize)
		}
		a.keys[KeyID(key)] = key
	}
	return a, nil
}

// Authorize checks a token and tells who is asking. The signature of a token seen before is not checked again; its times
// are, at every call. Errors wrap one of the sentinels of this package and never quote the token.
func (a *Authority) Authorize(token string) (Access, error) {
	if len(token) > MaxToken {
		return Access{}, fmt.Errorf("%w: %d bytes, at most %d", ErrOversize, len(token), MaxToken)
	}
	now, sum := a.now(), sha256.Sum256([]byte(token))
	v, ok := a.seen.get(sum)
	if !ok {
		w, err := a.open(token)
		if err != nil {
			return Access{}, err
		}
		v = verified{access: w.access(a.org), from: time.Unix(w.NotBefore, 0)}
		a.seen.put(sum, v)
	}
	if err := v.current(now); err != nil {
		return Access{}, err
	}
	return v.access, nil
}

// open checks everything about a token that does not change with time.
func (a *Authority) open(token string) (*wire, error) {
	// The algorithm is pinned here: "none" and the HMAC family never get as far as a key.
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err == nil && !exact(token) {
		return nil, ErrMalformed
	}
	if unexpected := new(jose.ErrUnexpectedSignatureAlgorithm); errors.As(err, &unexpected) {
		return nil, fmt.Errorf("%w: its algorithm is not EdDSA", ErrSignature)
	}
	if err != nil || len(parsed.Headers) != 1 {
		return nil, ErrMalformed
	}
	h := &parsed.Headers[0]
	// A token that brings its own key, or a place to fetch one from, is not one of ours.
	if h.JSONWebKey != nil || len(h.ExtraHeaders) != 1 || h.ExtraHeaders[jose.HeaderType] != tokenType {
		return nil, fmt.Errorf("%w: header", ErrMalformed)
	}
	key, ok := a.keys[h.KeyID]
	if !ok {
		return nil, fmt.Errorf("%w: its key is unknown", ErrSignature)
	}
	w := new(wire)
	if err := parsed.Claims(key, w); errors.Is(err, jose.ErrCryptoFailure) {
		return nil, ErrSignature
	} else if err != nil {
		return nil, fmt.Errorf("%w: claims", ErrMalformed)
	}
	switch {
	case w.Audience != a.chain:
		return nil, ErrAudience
	case w.Issuer != a.org.String():
		return nil, ErrIssuer
	}
	return w, w.check()
}

// verified is a token whose signature and claims hold; only time can still end it.
type verified struct {
	access Access
	from   time.Time
}

// current tells whether now is within the token's time, give or take MaxSkew.
func (v *verified) current(now time.Time) error {
	switch {
	case now.Before(v.from.Add(-MaxSkew)):
		return ErrNotYet
	case !now.Before(v.access.Expires.Add(MaxSkew)):
		return ErrExpired
	}
	return nil
}
