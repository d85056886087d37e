package cli

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sijil-health/sijil/node"
)

func (a *app) doctor() *cobra.Command {
	var mend bool
	var passphraseFile string
	c := &cobra.Command{
		Use:  "doctor --dir DIR",
		Args: a.args(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			var s node.Status
			err := node.Ask(c.Context(), a.dir, http.MethodGet, "/status", nil, &s)
			if err == nil {
				return a.sayRunning(&s)
			}
			if !errors.Is(err, node.ErrNotRunning) {
				return err
			}
			passphrase, missing := a.foundPassphrase(a.dir, passphraseFile)
			found, err := node.Doctor(c.Context(), a.dir, passphrase, mend)
			if err != nil {
				return err
			}
			found = append(found, a.noPassphrase(passphrase, missing)...)
			if a.json {
				return a.printJSON(map[string]any{"findings": found})
			}
			if len(found) == 0 {
				a.tell("doctor.well")
				return nil
			}
			left := 0
			for _, f := range found {
				a.tell("doctor.finding", f.Part, f.What)
				a.printf("    %s\n    %s\n", f.Why, f.Do)
				switch {
				case f.Mended:
					a.printf("    %s\n", a.say.T("doctor.mended"))
				case f.Safe && !mend:
					a.printf("    %s\n", a.say.T("doctor.offer"))
					left++
				default:
					left++
				}
				if f.Problem != "" {
					a.printf("    %s\n", f.Problem)
				}
			}
			if left > 0 {
				return exit{exitDamage}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&mend, "mend", false, "")
	return a.passphraseFlag(a.jsonFlag(a.dirFlag(c)), &passphraseFile)
}

// noPassphrase tells that `serve`, called alike, would not start for want of a passphrase.
func (a *app) noPassphrase(passphrase []byte, missing error) []node.Finding {
	what := a.say.T("doctor.passphrase")
	switch {
	case missing != nil:
		what = missing.Error()
	case passphrase != nil || term.IsTerminal(int(os.Stdin.Fd())):
		return nil
	}
	return []node.Finding{{Part: "configuration", What: what, Why: a.say.T("doctor.passphrase.why"), Do: a.say.T("doctor.passphrase.do")}}
}

// troubles are the warnings of a running node that the doctor's exit code tells of. The others concern duties of the operator.
var troubles = []string{"damage", "wedged", "engine", "engine-silent", "engine-damage", "disk", "anchoring", "evidence", "quorum", "no-quorum", "alarm", "voted-out"}

// sayRunning says how a running node does by its own account: its files are its own while it runs.
func (a *app) sayRunning(s *node.Status) error {
	trouble := false
	for _, w := range s.Warnings {
		trouble = trouble || slices.Contains(troubles, w.Code)
	}
	if a.json {
		if err := a.printJSON(map[string]any{"running": true, "findings": []node.Finding{}, "warnings": s.Warnings}); err != nil {
			return err
		}
	} else {
		a.tell("doctor.running", fmt.Sprint(s.Height), a.dir)
		for _, w := range s.Warnings {
			args := make([]any, len(w.Args))
			for i := range w.Args {
				args[i] = w.Args[i]
			}
			a.tell("doctor.finding", w.Code, a.say.T("warning."+w.Code+".text", args...))
		}
	}
	if trouble {
		return exit{exitDamage}
	}
	return nil
}
