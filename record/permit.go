package record

import (
	"fmt"

	"github.com/sijil-health/sijil/policy"
)

// permit asks the policy. It stands in every method that writes or releases, under the search and not behind it: what may not be
// released is not found either.
func permit(a *Access, act policy.Action, chart, typ string) error {
	d := policy.Decide(policy.Access{
		Actor: a.Actor, Role: policy.Role(a.Role), Purpose: policy.Purpose(a.Purpose), Chart: a.Chart,
	}, act, policy.Object{Chart: chart, Type: typ})
	if d.Allow {
		return nil
	}
	return fmt.Errorf("%w: %s (%s)", ErrForbidden, d.Reason, d.Policy)
}
