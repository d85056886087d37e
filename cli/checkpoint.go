package cli

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/cli/document"
	"github.com/sijil-health/sijil/demo"
	"github.com/sijil-health/sijil/node"
)

func (a *app) checkpoint() *cobra.Command {
	c := &cobra.Command{
		Use:  "checkpoint --dir DIR",
		Args: a.noCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			var report node.CheckpointReport
			if err := node.Ask(c.Context(), a.dir, http.MethodPost, "/checkpoint", nil, &report); err != nil {
				return err
			}
			return a.sayCheckpoint(&report)
		},
	}
	a.dirFlag(c)
	c.AddCommand(a.checkpointRequest(), a.checkpointAccept())
	return a.jsonFlag(c)
}

// sayCheckpoint prints a checkpoint, and on standard error who did not cosign it. It fails where a witness has cosigned another history.
func (a *app) sayCheckpoint(report *node.CheckpointReport) (err error) {
	for _, u := range report.Unanswered {
		if u.OtherHistory {
			fmt.Fprintln(a.err, a.say.T("checkpoint.fork", u.Witness, u.Reason))
			err = exit{exitFailed}
			continue
		}
		fmt.Fprintln(a.err, a.say.T("checkpoint.unanswered", u.Witness, u.Reason))
	}
	if a.json {
		return errors.Join(a.printJSON(report.Trust), err)
	}
	if len(report.Checkpoints) > 0 {
		a.printf("%s", report.Checkpoints[0]) // the latest; those after it are what witnesses cosigned before
	}
	return err
}

func (a *app) checkpointRequest() *cobra.Command {
	var code string
	c := &cobra.Command{
		Use: "request NAME --dir DIR", Args: a.args(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			var got node.WitnessExchange
			if err := node.Ask(c.Context(), a.dir, http.MethodPost, "/witness/request", node.WitnessExchange{Name: args[0]}, &got); err != nil {
				return err
			}
			return a.carry(got.Request, code)
		},
	}
	qrFlag(c, &code)
	return a.dirFlag(c)
}

func (a *app) checkpointAccept() *cobra.Command {
	c := &cobra.Command{
		Use: "accept NAME REQUEST ANSWER --dir DIR", Args: a.args(3, 3),
		RunE: func(c *cobra.Command, args []string) error {
			request, err := a.readNote(args[1], "usage.no_request", document.Request)
			if err != nil {
				return err
			}
			answer, err := a.readNote(args[2], "usage.no_answer", document.Cosignature, document.Checkpoint)
			if err != nil {
				return err
			}
			x := node.WitnessExchange{Name: args[0], Request: request, Answer: answer}
			if err := node.Ask(c.Context(), a.dir, http.MethodPost, "/witness/accept", x, &x); err != nil {
				return err
			}
			if x.Late && x.Covered < x.Anchors {
				a.tell("witness.behind", args[0], x.Covered, x.Anchors)
				a.printf("  sijil checkpoint request %s --dir %s > request\n", demo.Quote(args[0]), demo.Quote(a.dir))
				return nil
			}
			a.tell("witness.accepted", args[0])
			return nil
		},
	}
	return a.dirFlag(c)
}
