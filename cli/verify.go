package cli

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/cli/document"
	"github.com/sijil-health/sijil/fhir/xml"
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
		Use:     "verify RECEIPT|DIR --trust FILE [--resource FILE]",
		Example: "  sijil verify receipt.json --trust trust.json --resource observation.json\n  curl … | sijil verify - --trust trust.json\n  sijil verify exported --trust trust.json",
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
	if info, err := os.Stat(q.receipt); err == nil && info.IsDir() {
		return a.verifyExport(q)
	}
	read, err := a.readInputs(q)
	if err != nil {
		return err
	}
	trust, err := a.parseTrust(q.trust, read.trust)
	if err != nil {
		return err
	}
	if err := a.checkInputs(q, read); err != nil {
		return err
	}
	receipt, err := verify.ReadReceipt(read.receipt)
	var result *verify.Result
	if err == nil {
		result, err = verifyResource(receipt, trust, verify.Options{Keys: q.keys, Content: read.resource})
	}
	return a.showVerified(result, err)
}

// verifyResource is verify.Verify with a resource that may be in XML: as it was sent to the node, or as the node gave it. The latter is not what a
// receipt commits to, but says the JSON that is.
func verifyResource(receipt *verify.Receipt, trust *verify.Trust, o verify.Options) (*verify.Result, error) {
	result, err := verify.Verify(receipt, trust, o)
	if step := (*verify.StepError)(nil); !errors.As(err, &step) || step.Step != verify.StepContent {
		return result, err
	}
	json, _, bad := xml.ToJSON(o.Content, xml.Limits{Bytes: len(o.Content), Nodes: len(o.Content)})
	if bad != nil {
		return result, err
	}
	o.Content = json
	return verify.Verify(receipt, trust, o)
}

// inputs are the files of a verification.
type inputs struct{ trust, receipt, resource []byte }

// readInputs reads the files; at most one of them is standard input.
func (a *app) readInputs(q *verifying) (read inputs, err error) {
	fromInput := 0
	for _, f := range []struct {
		name string
		to   *[]byte
	}{{q.trust, &read.trust}, {q.receipt, &read.receipt}, {q.resource, &read.resource}} {
		if f.name == "" && f.to == &read.resource {
			continue
		}
		if f.name == "-" {
			fromInput++
		}
		if fromInput > 1 {
			return read, a.misuse("usage.one_input")
		}
		if *f.to, err = a.readFile(f.name); is[misused](err) {
			return read, err
		} else if err != nil {
			return read, a.misuse("usage.file", err)
		}
	}
	return read, nil
}

// checkInputs refuses files that are something else than what they were given as: of such there is no verdict.
func (a *app) checkInputs(q *verifying, read inputs) error {
	switch kind, _ := document.Look(read.receipt); kind {
	case document.Receipt, document.Cut: // parsed next
	default:
		return a.mistaken("usage.no_receipt", q.receipt, read.receipt)
	}
	if q.resource == "" {
		return nil
	}
	switch kind, _ := document.Look(read.resource); kind {
	case document.Empty, document.Receipt, document.Trust, document.Genesis, document.Member, document.Kit, document.Outcome, document.Checkpoint, document.Request, document.Cosignature, document.Token:
		return a.mistaken("usage.no_resource", q.resource, read.resource)
	}
	return nil
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
		step := verify.StepReceipt // it could not even be read
		if failed := (*verify.StepError)(nil); errors.As(err, &failed) {
			step = failed.Step
		}
		a.tell("step." + strings.ReplaceAll(string(step), " ", "_"))
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
	if r.LocalOnly {
		a.tell("verify.local_only")
	} else if r.Custodians > 0 {
		a.tell("verify.held", r.Custodians)
	}
	a.tell("verify.rests", len(r.Keys), strings.Join(r.Keys, ", "))
}

// plain makes text that somebody else wrote safe to print: no control characters, nothing that turns the line around.
func plain(s string) string {
	q := strconv.QuoteToGraphic(s)
	return q[1 : len(q)-1]
}
