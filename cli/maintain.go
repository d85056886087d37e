package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/node"
)

func (a *app) audit() *cobra.Command {
	c := &cobra.Command{
		Use:   "audit DATA_DIR",
		Short: "Verify again, from the genesis on, everything that a node holds",
		Long: `Re-verifies the chain of anchors, the journal against it, every ciphertext, and the files that a start reads, without any key. A node
that runs in DATA_DIR does it itself. One that does not is read where it lies: nothing is written, and the medium may be read-only.

Exit codes: 0 all is well; 2 something is damaged, and each damage is named; 1 the audit could not be made.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var last node.AuditEvent
			begin := time.Now()
			err := node.Audit(c.Context(), args[0], func(e node.AuditEvent) {
				last = e
				if p := e.Progress; p != nil && !a.json {
					a.progress("audit.progress", int64(p.Entries+p.Anchors), int64(p.EntriesTotal+p.AnchorsTotal))
				}
			})
			a.progressEnd()
			if err != nil {
				return err
			}
			if last.Error != "" {
				return errors.New(last.Error)
			}
			return a.sayAudit(&last, time.Since(begin))
		},
	}
	return a.jsonFlag(c)
}

func (a *app) sayAudit(e *node.AuditEvent, took time.Duration) error {
	r := e.Report
	if r == nil {
		return errors.New("the audit ended without a report")
	}
	if a.json {
		if err := a.printJSON(r); err != nil {
			return err
		}
	} else {
		done := "audit.done"
		if len(r.Damages) > 0 {
			done = "audit.damaged"
		}
		a.tell(done, r.Entries, r.Anchors, r.Blobs, took.Round(time.Millisecond))
		if r.Snapshot > 0 {
			a.tell("audit.snapshot", r.Snapshot)
		}
		for _, d := range r.Damages {
			what := d.What
			if d.File != "" {
				what += " (" + d.File + ")"
			}
			a.tell("audit.damage", what, d.Detail)
		}
	}
	if len(r.Damages) > 0 {
		return exit{exitDamage}
	}
	return nil
}

func (a *app) scrub() *cobra.Command {
	c := &cobra.Command{
		Use:   "scrub --dir DIR",
		Short: "Read everything stored, find damage, and heal it from custodians' copies",
		Long: `Asks the running node to read everything it holds, its own and other members', and to compare it with its hashes. What is damaged is
replaced by a custodian's copy.

Exit codes: 0 nothing is damaged any more; 2 something is and could not be healed.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			resp, err := node.AskRaw(c.Context(), a.dir, http.MethodPost, "/scrub", nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			var last node.ScrubEvent
			for d := json.NewDecoder(resp.Body); d.More(); {
				var e node.ScrubEvent
				if err := d.Decode(&e); err != nil {
					return err
				}
				last = e
				a.sayScrub(&e)
			}
			return a.endScrub(&last)
		},
	}
	return a.jsonFlag(a.dirFlag(c))
}

func (a *app) sayScrub(e *node.ScrubEvent) {
	switch {
	case a.json || e.Done:
	case e.Damage == "":
		a.progress("scrub.progress", e.Bytes, e.Total)
	case e.Healed:
		a.progressEnd()
		a.tell("scrub.healed", e.Damage)
	default:
		a.progressEnd()
		a.tell("scrub.damage", e.Damage, e.Error)
	}
}

func (a *app) endScrub(e *node.ScrubEvent) error {
	a.progressEnd()
	if !e.Done {
		return errors.New("the node ended the scrub before it was done")
	}
	if a.json {
		if err := a.printJSON(e); err != nil {
			return err
		}
	} else {
		a.tell("scrub.done", e.Bytes, e.Damages, e.Repairs)
	}
	switch {
	case e.Error != "":
		return errors.New(e.Error)
	case e.Damages > e.Repairs:
		return exit{exitDamage}
	}
	return nil
}

func (a *app) doctor() *cobra.Command {
	var mend bool
	c := &cobra.Command{
		Use:   "doctor --dir DIR",
		Short: "Explain what is wrong with a node that does not start or move on, and mend what is safe",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var s node.Status
			err := node.Ask(c.Context(), a.dir, http.MethodGet, "/status", nil, &s)
			if err == nil {
				return a.sayRunning(&s)
			}
			if !errors.Is(err, node.ErrNotRunning) {
				return err
			}
			found, err := node.Doctor(a.dir, mend)
			if err != nil {
				return err
			}
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
	c.Flags().BoolVar(&mend, "mend", false, "apply what is safe to apply")
	return a.jsonFlag(a.dirFlag(c))
}

// troubles are the warnings of a running node that the doctor's exit code tells of. The others concern duties of the operator.
var troubles = []string{"damage", "wedged", "engine", "disk", "anchoring", "evidence", "quorum", "alarm", "voted-out"}

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

// progress draws how far long work has come, on a terminal only.
func (a *app) progress(key string, done, all int64) {
	f, ok := a.out.(*os.File)
	if !ok || !isTerminal(f) {
		return
	}
	percent := int64(100)
	if all > 0 {
		percent = min(100, 100*done/all)
	}
	a.drawing = true
	fmt.Fprintf(a.out, "\r%s", a.say.T(key, fmt.Sprintf("%d%%", percent)))
}

// progressEnd leaves the line that progress draws on.
func (a *app) progressEnd() {
	if a.drawing {
		fmt.Fprintln(a.out)
		a.drawing = false
	}
}

func (a *app) engine() *cobra.Command {
	c := &cobra.Command{
		Use:    "engine --dir DIR",
		Short:  "Run the consensus engine for a node (started by serve)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log, err := a.logger("info")
			if err != nil {
				return err
			}
			return node.ServeEngine(c.Context(), a.dir, log)
		},
	}
	return a.dirFlag(c)
}
