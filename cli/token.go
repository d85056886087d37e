package cli

import (
	"errors"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/policy"
)

func (a *app) token() *cobra.Command {
	var q node.TokenRequest
	c := &cobra.Command{
		Use:     "token --dir DIR --actor WHO --role ROLE --purpose PURPOSE",
		Example: "  curl -H \"Authorization: Bearer $(sijil token --actor huda --role clinician)\" http://127.0.0.1:8080/fhir/Patient",
		Args:    a.args(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if q.Actor == "" {
				return a.misuse("usage.actor")
			}
			if c.Flags().Changed("lifetime") && q.Lifetime <= 0 {
				return a.misuse("usage.lifetime", q.Lifetime)
			}
			if role := policy.Role(q.Role); !role.Known() {
				return a.misuse("usage.role", q.Role, listed(policy.Roles()))
			}
			if purpose := policy.Purpose(q.Purpose); !purpose.Known() {
				return a.misuse("usage.purpose", q.Purpose, listed(policy.Purposes()))
			}
			if !policy.ActorAllowed(q.Actor) {
				return a.misuse("usage.actor_form", q.Actor, policy.MaxActor)
			}
			if q.Chart != "" && !policy.ChartAllowed(q.Chart) {
				return a.misuse("usage.patient", q.Chart)
			}
			if policy.Role(q.Role) == policy.Patient && q.Chart == "" {
				return a.misuse("usage.role_patient")
			}
			if q.Lifetime > policy.MaxLifetime {
				return a.misuse("usage.lifetime", q.Lifetime)
			}
			var got struct {
				Token string `json:"token"`
			}
			err := node.Ask(c.Context(), a.dir, http.MethodPost, "/token", &q, &got)
			if errors.Is(err, policy.ErrClaims) {
				return a.misuse("usage.token", err)
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(got)
			}
			a.printf("%s\n", got.Token)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&q.Actor, "actor", "", "")
	f.StringVar(&q.Role, "role", "clinician", "")
	f.StringVar(&q.Purpose, "purpose", "TREAT", "")
	f.StringVar(&q.Chart, "patient", "", "")
	f.DurationVar(&q.Lifetime, "lifetime", 0, "")
	return a.jsonFlag(a.dirFlag(c))
}

func listed[T ~string](names []T) string { return strings.Join(texts(names), ", ") }
