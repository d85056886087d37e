package record

import (
	"errors"
	"fmt"

	"github.com/sijil-health/sijil/index"
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

// everywhere tells whether an access may do this to whatever there is.
func everywhere(a *Access, act policy.Action) bool {
	return policy.Everywhere(policy.Access{Actor: a.Actor, Role: policy.Role(a.Role), Purpose: policy.Purpose(a.Purpose), Chart: a.Chart}, act)
}

// May asks the policy whether an access may do this at all, within the chart it is for, before anything more is known of the request.
func (a *Access) May(act policy.Action) error { return permit(a, act, a.Chart, "") }

// MayOf asks the policy whether an access may do this with a type's resources that belong to no chart.
func (a *Access) MayOf(act policy.Action, typ string) error { return permit(a, act, "", typ) }

// mayKnow asks the policy about what a look-up found, or failed to find. Whoever may not see the resource is told just that, and not
// whether it is, was, or in how many versions. Otherwise it gives the look-up's own error.
func mayKnow(a *Access, act policy.Action, typ, id string, v *index.Version, err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	chart := v.Chart
	if v.Number == 0 {
		chart = nowhere
		if typ == "Patient" {
			chart = "Patient/" + id
		}
	}
	if p := permit(a, act, chart, typ); p != nil {
		return p
	}
	return err
}

// nowhere is the chart of what is not there: one that an access which is limited to a chart is not for.
const nowhere = "?"

// mayAudit is mayKnow for the look-up of an entry.
func mayAudit(a *Access, act policy.Action, o *opened, err error) error {
	chart := nowhere
	if err == nil {
		chart = o.entry.Chart
	}
	if p := permit(a, act, chart, ""); p != nil {
		return p
	}
	return err
}
