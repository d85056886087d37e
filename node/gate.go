package node

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/sijil-health/sijil/fhir"
	"github.com/sijil-health/sijil/policy"
)

// authorizer turns a bearer token into an access for the FHIR gate. What the access may do is the record's to ask.
type authorizer struct{ *policy.Authority }

// Authorize checks the request's token. Without a valid one nothing else is looked at.
func (a authorizer) Authorize(r *http.Request) (fhir.Access, error) {
	token, err := policy.Bearer(r)
	if err != nil {
		return fhir.Access{}, errors.Join(fhir.ErrUnauthenticated, err)
	}
	access, err := a.Authority.Authorize(token)
	if err != nil {
		return fhir.Access{}, fmt.Errorf("%w: %w", fhir.ErrUnauthenticated, err)
	}
	return fhir.Access{
		Actor: access.Actor, Role: string(access.Role), Purpose: string(access.Purpose),
		Org: access.Org.String(), Chart: access.Chart,
	}, nil
}
