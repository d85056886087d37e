package policy

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// tokenType keeps a token from being taken for any other JWT signed with the same key (RFC 8725 section 3.11).
const tokenType = "sijil+jwt"

// KeyID names a token key: its JWK thumbprint (RFC 7638, for Ed25519 RFC 8037 appendix A.3), 43 characters.
func KeyID(key ed25519.PublicKey) string {
	jwk := jose.JSONWebKey{Key: key}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return "" // not a key of 32 bytes: names nothing, matches nothing
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// Mint signs a token in the compact form of RFC 7515. It refuses claims that [Authority.Authorize] would not accept, so
// that what is handed out works.
func Mint(key ed25519.PrivateKey, c Claims) (string, error) {
	if len(key) != ed25519.PrivateKeySize {
		return "", fmt.Errorf("mint token: the token key has %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	w := c.wire()
	if err := w.check(); err != nil {
		return "", fmt.Errorf("mint token: %w", err)
	}
	if w.Audience == "" {
		return "", fmt.Errorf("mint token: %w: aud", ErrClaims)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.EdDSA, Key: key},
		(&jose.SignerOptions{}).WithType(tokenType).WithHeader("kid", KeyID(key.Public().(ed25519.PublicKey))),
	)
	if err != nil {
		return "", fmt.Errorf("mint token: %w", err)
	}
	token, err := jwt.Signed(signer).Claims(w).Serialize()
	if err != nil {
		return "", fmt.Errorf("mint token: %w", err)
	}
	return token, nil
}

func (c Claims) wire() *wire {
	if c.ID == "" {
		c.ID = rand.Text()
	}
	if c.Issued.IsZero() {
		c.Issued = time.Now()
	}
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	iat := c.Issued.Unix()
	return &wire{
		Issuer:    c.Org.String(),
		Audience:  c.Chain,
		Subject:   c.Actor,
		Role:      string(c.Role),
		Org:       c.Org.String(),
		Purpose:   string(c.Purpose),
		Patient:   c.Chart,
		IssuedAt:  iat,
		NotBefore: iat,
		Expires:   iat + int64(c.Lifetime/time.Second),
		ID:        c.ID,
	}
}
