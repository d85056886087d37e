package policy

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sijil-health/sijil/verify"
)

// Limits of a token.
const (
	MaxToken        = 8 << 10 // bytes of the compact form
	DefaultLifetime = time.Hour
	MaxLifetime     = 24 * time.Hour
	MaxSkew         = 60 * time.Second // by which the clocks of issuer and node may differ
	MaxActor        = 256              // bytes
	maxID           = 128              // bytes
)

// Claims is what a token states.
type Claims struct {
	Actor   string // who acts, e.g. "Practitioner/17" or "huda@hospital.example"; printable, at most 256 bytes
	Role    Role
	Org     verify.OrgID // the organisation that issues the token and whose actor it is
	Purpose Purpose
	Chain   string // name of the chain, see verify.Genesis.Chain
	Chart   string // "Patient/ID" limits the token to that chart; required for the role Patient

	ID       string        // random if empty
	Issued   time.Time     // now if zero
	Lifetime time.Duration // DefaultLifetime if zero; at most MaxLifetime
}

// wire is the JSON form of the claims: the registered names of RFC 7519 section 4.1 and five of our own. The times are
// whole seconds; the node is the only issuer, so nothing else needs to be read.
type wire struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"`
	Role      string `json:"role"`
	Org       string `json:"org"`
	Purpose   string `json:"purpose"`
	Patient   string `json:"patient,omitempty"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	ID        string `json:"jti"`
}

// chartForm is a FHIR R4 literal reference to a patient; the identifier is the data type "id".
var chartForm = regexp.MustCompile(`^Patient/[A-Za-z0-9\-.]{1,64}$`)

// check enforces what does not depend on who verifies and when. It never quotes a claim: the error may be shown or logged.
func (w *wire) check() error {
	switch {
	case !printable(w.Subject, MaxActor):
		return fmt.Errorf("%w: sub", ErrClaims)
	case !printable(w.ID, maxID):
		return fmt.Errorf("%w: jti", ErrClaims)
	case !Role(w.Role).Known():
		return fmt.Errorf("%w: role", ErrClaims)
	case !Purpose(w.Purpose).Known():
		return fmt.Errorf("%w: purpose", ErrClaims)
	case w.Patient != "" && !chartForm.MatchString(w.Patient):
		return fmt.Errorf("%w: patient", ErrClaims)
	case Role(w.Role) == Patient && w.Patient == "":
		return fmt.Errorf("%w: the role patient needs the claim patient", ErrClaims)
	case w.Org != w.Issuer:
		return fmt.Errorf("%w: org is not the issuer", ErrClaims)
	case w.IssuedAt <= 0 || w.NotBefore < w.IssuedAt || w.Expires <= w.NotBefore:
		return fmt.Errorf("%w: iat, nbf and exp are not in order", ErrClaims)
	case w.Expires-w.IssuedAt > int64(MaxLifetime/time.Second):
		return fmt.Errorf("%w: lives longer than %v", ErrClaims, MaxLifetime)
	}
	return nil
}

// ActorAllowed tells whether a token may name somebody so: 1 to MaxActor bytes that show on one line, with no blank at either end.
func ActorAllowed(actor string) bool { return printable(actor, MaxActor) }

// ChartAllowed tells whether a token may be limited to a chart of that name: Patient/ID.
func ChartAllowed(chart string) bool { return chartForm.MatchString(chart) }

func (w *wire) access(org verify.OrgID) Access {
	return Access{
		Token:   w.ID,
		Actor:   w.Subject,
		Role:    Role(w.Role),
		Org:     org,
		Purpose: Purpose(w.Purpose),
		Chart:   w.Patient,
		Expires: time.Unix(w.Expires, 0),
	}
}

// printable admits what can be written into an entry and shown in one line.
func printable(s string, most int) bool {
	return s != "" && len(s) <= most && utf8.ValidString(s) && strings.TrimSpace(s) == s &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
