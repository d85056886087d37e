package cli

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/node"
)

func (a *app) status() *cobra.Command {
	c := &cobra.Command{
		Use:  "status --dir DIR",
		Args: a.args(0, 0),
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
	for _, r := range s.Reindexing {
		a.tell("status.reindexing", r.Type, r.Done, r.Total)
	}
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
