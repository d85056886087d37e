package cli

import (
	"os"

	"github.com/sijil-health/sijil/bulk"
	"github.com/sijil-health/sijil/verify"
)

// exportedFiles is what `sijil verify DIR --json` prints of the files of $export.
type exportedFiles struct {
	Verdict   string          `json:"verdict"` // as exported.Verdict
	Resources int             `json:"resources"`
	Files     int             `json:"files"`
	Export    *verify.Result  `json:"export,omitempty"`
	Failures  []exportFailure `json:"failures,omitempty"`
}

// verifyFiles checks the files that $export gave, with the list and the receipt that belong to them.
func (a *app) verifyFiles(q *verifying, verifier *verify.Verifier) error {
	out := exportedFiles{Verdict: "holds"}
	checked, err := bulk.Check(os.DirFS(q.receipt), verifier, verify.Options{Keys: q.keys}, func(f bulk.Fault) {
		out.Failures = append(out.Failures, exportFailure{f.File, f.Err.Error()})
	})
	if err != nil {
		out.Failures = append(out.Failures, exportFailure{bulk.ListName, err.Error()})
	} else {
		out.Resources, out.Files, out.Export = checked.Resources, checked.Files, checked.Export
	}
	switch {
	case len(out.Failures) > 0:
		out.Verdict = "fails"
	case checked.NotWitnessed:
		out.Verdict = "not witnessed"
	}
	if a.json {
		err = a.printJSON(out)
	} else {
		err = nil
		for _, f := range out.Failures {
			a.tell("verify.dir.failure", plain(f.File), plain(f.Error))
		}
		switch out.Verdict {
		case "fails":
			a.tell("verify.files.fails", len(out.Failures))
		case "not witnessed":
			a.tell("verify.files.not_witnessed", out.Resources, out.Files)
		default:
			a.tell("verify.files.holds", out.Resources, out.Files)
		}
		if e := out.Export; e != nil {
			a.tell("verify.files.export", plain(e.Organisation), plain(e.Actor), e.Height)
		}
	}
	switch {
	case err != nil:
		return err
	case out.Verdict == "fails":
		return exit{exitFailed}
	case out.Verdict == "not witnessed":
		return exit{exitUnwitnesed}
	}
	return nil
}
