package policy

import "errors"

// Why a token was refused. [Bearer] and [Authority.Authorize] return errors that wrap exactly one of these; all of them
// are answered with 401. [Mint] wraps ErrClaims only.
var (
	// ErrNoToken: the request carries no Authorization header.
	ErrNoToken = errors.New("no access token; send one as \"Authorization: Bearer …\"")
	// ErrMalformed: the header or the token is not in the expected form.
	ErrMalformed = errors.New("access token is malformed")
	// ErrOversize: the token is longer than MaxToken.
	ErrOversize = errors.New("access token is too long")
	// ErrSignature: the token is not signed with EdDSA by a token key of this node.
	ErrSignature = errors.New("access token is not signed by this node")
	// ErrIssuer: the token was issued by another organisation.
	ErrIssuer = errors.New("access token was issued by another organisation")
	// ErrAudience: the token was made for another chain.
	ErrAudience = errors.New("access token is for another chain")
	// ErrExpired: the token's time is over; ask for a new one.
	ErrExpired = errors.New("access token has expired; ask for a new one")
	// ErrNotYet: the token's time has not come. The clocks of issuer and node may disagree.
	ErrNotYet = errors.New("access token is not valid yet; compare the clocks of issuer and node")
	// ErrClaims: a claim is missing, unknown or outside its limits.
	ErrClaims = errors.New("access token has a claim that is missing or not allowed")
)
