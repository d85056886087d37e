package cli

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/verify"
)

func (a *app) verify() *cobra.Command {
	var trust, resource string
	var keys int
	c := &cobra.Command{
		Use:   "verify RECEIPT --trust FILE [--resource FILE]",
		Short: "Check a receipt, without a network and without trusting who gave it",
		Long: `Checks a receipt from the entry up to the signatures of the organisations that keep the ledger. It needs the receipt and
the trust file of the ledger (every node has one: trust.json), and no network.

Exit codes: 0 it holds; 1 something does not hold, and the first such thing is named; 3 it holds but rests on fewer keys
than the trust file's policy asks (NOT WITNESSED).`,
		Example: "  sijil verify receipt.json --trust trust.json --resource observation.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.runVerify(args[0], trust, resource, keys)
		},
	}
	c.Flags().StringVar(&trust, "trust", "", "trust file: the genesis with cosigned checkpoints")
	c.Flags().StringVar(&resource, "resource", "", "also check that this file is what was recorded, as received or as served")
	c.Flags().IntVar(&keys, "keys", 0, "ask for at least this many distinct keys, instead of the trust file's policy")
	if err := c.MarkFlagRequired("trust"); err != nil {
		panic(err)
	}
	return a.jsonFlag(c)
}

func (a *app) runVerify(receiptFile, trustFile, resourceFile string, keys int) error {
	tb, err := os.ReadFile(trustFile)
	if err != nil {
		return misuse("%v", err)
	}
	trust, err := verify.ParseTrust(tb)
	if err != nil {
		return fmt.Errorf("%s: %w", trustFile, err)
	}
	rb, err := os.ReadFile(receiptFile)
	if err != nil {
		return misuse("%v", err)
	}
	opt := verify.Options{Keys: keys}
	if resourceFile != "" {
		if opt.Content, err = os.ReadFile(resourceFile); err != nil {
			return misuse("%v", err)
		}
	}
	receipt, err := verify.ReadReceipt(rb)
	var result *verify.Result
	if err == nil {
		result, err = verify.Verify(receipt, trust, opt)
	}
	return a.showVerified(result, err)
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
		if !target.Served.IsZero() {
			a.tell("verify.commitment", target.Served)
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
