package cli

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/node"
)

func (a *app) scrub() *cobra.Command {
	c := &cobra.Command{
		Use:  "scrub --dir DIR",
		Args: a.args(0, 0),
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
		a.tell("scrub.damage", e.Damage, a.said(e.Err()))
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
	if err := e.Err(); err != nil {
		return err
	}
	if e.Damages > e.Repairs {
		return exit{exitDamage}
	}
	return nil
}
