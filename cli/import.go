package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Limits of an import.
const (
	maxImported   = 1000             // files and directories named
	maxFaults     = 20               // lines of which it is said why they were refused
	slowestStatus = 5 * time.Second  // between two questions for the status, each of which is an entry
	outageBorne   = 10 * time.Minute // of the gate: an import goes on when the node is there again
)

func (a *app) fhirImport() *cobra.Command {
	x := importing{a: a}
	c := &cobra.Command{
		Use: "import FILE|DIR... --fhir URL --token TOKEN", Args: a.args(1, maxImported),
		RunE: func(c *cobra.Command, args []string) error {
			if err := x.check(a, "usage.import"); err != nil {
				return err
			}
			files, err := ndjsonFiles(args)
			if err != nil {
				return err
			}
			if len(files) == 0 {
				return a.misuse("usage.no_ndjson")
			}
			return x.run(c.Context(), files)
		},
	}
	c.Flags().StringVar(&x.fhir, "fhir", "", "")
	c.Flags().StringVar(&x.token, "token", "", "")
	return a.jsonFlag(c)
}

// importing is an import as its client sees it.
type importing struct {
	client
	a     *app
	lines *joined
	id    string
}

// imported is what became of an import.
type imported struct {
	Files     int     `json:"files"`
	Lines     int64   `json:"lines"`
	Created   int64   `json:"created"`
	Updated   int64   `json:"updated"`
	Unchanged int64   `json:"unchanged"`
	Refused   int64   `json:"refused"`
	Faults    []fault `json:"faults"`           // the first of the refused lines
	Status    string  `json:"status,omitempty"` // where there is more of them
}

// fault is why a line was refused.
type fault struct {
	File  string `json:"file"`
	Line  int64  `json:"line"`
	Code  string `json:"code"`
	Text  string `json:"text"`
	Path  string `json:"path,omitempty"` // FHIRPath of the element that is to blame
	whole int64  // the line among those of all files
}

// run sends the files, waits, and says what became of them.
func (x *importing) run(ctx context.Context, files []string) (err error) {
	if x.lines, err = newJoined(files); err != nil {
		return err
	}
	if err := x.send(ctx); err != nil {
		return err
	}
	result, names, err := x.wait(ctx)
	x.a.progressEnd()
	if err != nil {
		if ctx.Err() != nil {
			fmt.Fprintln(x.a.err, x.a.say.T("import.goes_on", x.at()))
		}
		return err
	}
	result.Files = len(files)
	for _, name := range names {
		if err := x.faults(ctx, name, result); err != nil {
			return err
		}
	}
	if result.Refused > int64(len(result.Faults)) {
		result.Status = x.at()
	} else if _, _, err := x.ask(ctx, http.MethodDelete, x.at()); err != nil { // all is told: the node keeps some imports of an actor only
		return err
	}
	if x.a.json {
		err = x.a.printJSON(result)
	} else {
		x.show(result)
	}
	if err == nil && result.Refused > 0 {
		return exit{exitDamage}
	}
	return err
}

// at is the address of the status. Of what the gate says only the id counts: the address stays the one that was named.
func (x *importing) at() string { return x.fhir + "/$import/" + x.id + "/status" }

// draw shows how far it is; whoever reads JSON is not interrupted.
func (x *importing) draw(key string, done, all int64) {
	if !x.a.json {
		x.a.progress(key, done, all)
	}
}

func (x *importing) show(r *imported) {
	x.a.tell("import.done", r.Files, r.Lines)
	x.a.tell("import.stored", r.Created, r.Updated, r.Unchanged)
	if r.Refused == 0 {
		return
	}
	x.a.tell("import.refused", r.Refused)
	for _, f := range r.Faults {
		x.a.printf("  %s:%d: %s\n", f.File, f.Line, strings.TrimPrefix(f.Path+": "+f.Text, ": "))
	}
	if r.Status != "" {
		x.a.tell("import.more", r.Refused-int64(len(r.Faults)), r.Status)
	}
}
