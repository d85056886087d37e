package cli

import (
	"net/http"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sijil-health/sijil/node"
)

func (a *app) status() *cobra.Command {
	c := &cobra.Command{
		Use:   "status --dir DIR",
		Short: "Show how a running node does, and what needs attention",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var s node.Status
			if err := node.Ask(c.Context(), a.dir, http.MethodGet, "/status", nil, &s); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(s)
			}
			a.sayStatus(&s)
			return nil
		},
	}
	return a.jsonFlag(a.dirFlag(c))
}

func (a *app) sayStatus(s *node.Status) {
	a.tell("status.node", s.Name, s.Org)
	a.tell("status.ledger", s.Chain)
	a.printf("  %s\n", s.FHIR)
	a.tell("status.entries", s.Entries, s.Unanchored)
	a.tell("status.chain", s.Height, s.LogSize)
	if s.Snapshot > 0 {
		a.tell("status.snapshot", s.Snapshot)
	}
	a.tell("status.copies", s.Copies)
	if c := s.Custody; c != nil {
		a.tell("status.custody", c.Lag, len(c.Short), c.PagesBehind)
		held := int64(0)
		for _, k := range c.Kept {
			held += k.Bytes
		}
		a.tell("status.kept", held, len(c.Kept))
	}
	for _, m := range s.Members {
		key := "status.member"
		if !m.Connected {
			key = "status.member_away"
		}
		a.tell(key, m.Name, m.Org)
	}
	for _, p := range s.Pending {
		a.tell("status.pending", p.Change, p.Name, p.Yes, p.Voters)
	}
	for _, w := range s.Warnings {
		a.sayWarning(&w)
	}
}

// sayWarning gives a warning's title and text in the person's language; of a node newer than this program, its English text.
func (a *app) sayWarning(w *node.Warning) {
	key := "warning." + w.Code
	if !a.say.Has(key + ".text") {
		a.tell("status.warning", w.Text)
		return
	}
	args := make([]any, len(w.Args))
	for i, arg := range w.Args {
		args[i] = arg
	}
	a.tell("status.warning", a.say.T(key))
	a.printf("    %s\n", a.say.T(key+".text", args...))
}

func (a *app) token() *cobra.Command {
	var q node.TokenRequest
	c := &cobra.Command{
		Use:   "token --dir DIR --actor WHO --role ROLE --purpose PURPOSE",
		Short: "Mint a short-lived bearer token",
		Long: `Asks the running node for a bearer token, which says who acts, as what and why. The node notes that it was minted.
Roles: clinician, nurse, laboratory, radiology, patient (with --patient), auditor, privacy-officer, administrator, system.
Purposes are codes of HL7 v3-ActReason: TREAT, ETREAT, BTG, HPAYMT, HOPERAT, HRESCH, CLINTRCH, PUBHLTH, PATRQT, …`,
		Example: "  curl -H \"Authorization: Bearer $(sijil token --actor huda --role clinician)\" http://127.0.0.1:8080/fhir/Patient",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if q.Actor == "" {
				return misuse("--actor is needed: who will act with the token?")
			}
			var got struct {
				Token string `json:"token"`
			}
			if err := node.Ask(c.Context(), a.dir, http.MethodPost, "/token", &q, &got); err != nil {
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
	f.StringVar(&q.Actor, "actor", "", "who acts, e.g. Practitioner/17 or huda@hospital.example")
	f.StringVar(&q.Role, "role", "clinician", "role of the actor")
	f.StringVar(&q.Purpose, "purpose", "TREAT", "purpose of use")
	f.StringVar(&q.Chart, "patient", "", "limit the token to one chart, as Patient/ID")
	f.DurationVar(&q.Lifetime, "lifetime", 0, "how long it is good for, at most 24h (default 1h)")
	return a.jsonFlag(a.dirFlag(c))
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
