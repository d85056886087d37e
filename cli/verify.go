package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/verify"
)

// verifying is what `sijil verify` is asked for: names of files, and how many keys there must be; 0 leaves that to the trust file.
type verifying struct {
	receipt, trust, resource string
	keys                     int
}

func (a *app) verify() *cobra.Command {
	var q verifying
	c := &cobra.Command{
		Use:     "verify RECEIPT --trust FILE [--resource FILE]",
		Example: "  sijil verify receipt.json --trust trust.json --resource observation.json\n  curl … | sijil verify - --trust trust.json",
		Args:    a.args(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			q.receipt = args[0]
			if c.Flags().Changed("keys") && q.keys < 1 {
				return a.misuse("usage.keys", q.keys)
			}
			return a.runVerify(&q)
		},
	}
	c.Flags().StringVar(&q.trust, "trust", "", "")
	c.Flags().StringVar(&q.resource, "resource", "", "")
	c.Flags().IntVar(&q.keys, "keys", 0, "")
	return a.jsonFlag(c)
}

func (a *app) runVerify(q *verifying) error {
	if q.trust == "" {
		return a.misuse("usage.trust")
	}
	var read [3][]byte
	inputs := 0
	for i, name := range []string{q.trust, q.receipt, q.resource} {
		if name == "-" {
			inputs++
		}
		if inputs > 1 {
			return a.misuse("usage.one_input")
		}
		if name == "" && i == 2 {
			continue
		}
		b, err := a.readFile(name)
		if err != nil {
			return a.misuse("usage.file", err)
		}
		read[i] = b
	}
	trust, err := parseTrust(q.trust, read[0])
	if err != nil {
		return err
	}
	receipt, err := verify.ReadReceipt(read[1])
	var result *verify.Result
	if err == nil {
		result, err = verify.Verify(receipt, trust, verify.Options{Keys: q.keys, Content: read[2]})
	}
	return a.showVerified(result, err)
}

// maxInput bounds what is read from standard input: a resource is never larger.
const maxInput = 64 << 20

// readFile reads a file, or standard input for "-".
func (a *app) readFile(name string) ([]byte, error) {
	if name != "-" {
		return os.ReadFile(name)
	}
	b, err := io.ReadAll(io.LimitReader(a.in, maxInput+1))
	if err == nil && len(b) > maxInput {
		err = fmt.Errorf("standard input gives more than %d bytes", maxInput)
	}
	return b, err
}

// verified is what `sijil verify --json` prints.
type verified struct {
	Verdict string         `json:"verdict"` // "holds", "not witnessed", "fails"
	Step    verify.Step    `json:"step,omitempty"`
	Error   string         `json:"error,omitempty"`
	Proven  *verify.Result `json:"proven,omitempty"`
}

func (a *app) showVerified(r *verify.Result, err error) error {
	unwitnessed := errors.Is(err, verify.ErrNotWitnessed) && r != nil
	if a.json {
		v := verified{Verdict: "holds", Proven: r}
		if err != nil {
			v.Verdict, v.Error = "fails", err.Error()
			if unwitnessed {
				v.Verdict = "not witnessed"
			}
			if step := (*verify.StepError)(nil); errors.As(err, &step) {
				v.Step = step.Step
			}
		}
		if err := a.printJSON(v); err != nil {
			return err
		}
	} else {
		a.sayVerified(r, err)
	}
	switch {
	case unwitnessed:
		return exit{exitUnwitnesed}
	case err != nil:
		return exit{exitFailed}
	}
	return nil
}

func (a *app) sayVerified(r *verify.Result, err error) {
	switch {
	case r == nil:
		a.tell("verify.fails", err)
		return
	case errors.Is(err, verify.ErrNotWitnessed):
		a.tell("verify.unwitnessed", len(r.Keys), r.Wanted)
		if len(r.Cosigned) == 0 {
			a.tell("verify.not_yet")
		}
	case err != nil:
		a.tell("verify.fails", err)
		return
	default:
		a.tell("verify.holds")
	}
	a.tell("verify.organisation", r.Organisation, r.Org)
	a.tell("verify.kind", a.say.T("kind."+r.Kind))
	a.tell("verify.who", plain(r.Actor), plain(r.Role))
	a.tell("verify.purpose", plain(r.Purpose))
	for _, target := range r.Targets {
		a.tell("verify.what", target.Ref, target.Version)
		if !target.Content.IsZero() {
			a.tell("verify.commitment", target.Content)
		}
	}
	if r.Height > 0 {
		a.tell("verify.when", r.Time.Time().UTC().Format(time.RFC3339Nano))
	}
	if r.Content != nil {
		a.tell("verify.content")
		a.tell("verify.sha256", r.Content.SHA256)
	}
	a.tell("verify.rests", len(r.Keys), strings.Join(r.Keys, ", "))
}

// plain makes text that somebody else wrote safe to print: no control characters, nothing that turns the line around.
func plain(s string) string {
	q := strconv.QuoteToGraphic(s)
	return q[1 : len(q)-1]
}
