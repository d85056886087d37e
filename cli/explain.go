package cli

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/policy"
)

// explained is what is said of an error: a line on what happened, perhaps one on what to do next, perhaps the technical cause.
type explained struct {
	code             string // names the error for machines
	text, hint, rest string
}

// explain says in the person's language what went wrong and what to do, then the technical cause, and gives the exit code. Where JSON was asked
// for and none was written yet, the same goes to standard output as JSON, in English.
func (a *app) explain(c *cobra.Command, err error) int {
	code := exitFailed
	if errors.As(err, new(misused)) || errors.Is(err, errNotTrust) || errors.Is(err, policy.ErrClaims) {
		code = exitMisuse
	}
	e := explanation(a.say, err)
	a.complain(e.text)
	if e.hint != "" {
		fmt.Fprintln(a.err, e.hint)
	}
	if errors.As(err, new(misused)) {
		fmt.Fprintf(a.err, "%s\n  %s --help\n", a.say.T("usage.more"), c.CommandPath())
	}
	if e.rest != "" {
		fmt.Fprintln(a.err, a.say.T("cause", e.rest))
	}
	if a.json && !a.printed {
		_ = a.printJSON(failed{failedError{e.code, err.Error(), explanation(lang.For(lang.English), err).hint}, code}) // the exit code says it too
	}
	return code
}

// failed is what a command that was to print JSON prints when it fails before that.
type failed struct {
	Error failedError `json:"error"`
	Exit  int         `json:"exit"`
}

type failedError struct {
	Code string `json:"code"` // the same in all versions of a message
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// explanation finds the messages for an error in one language.
func explanation(say *lang.Catalogue, err error) explained {
	if m := (misused{}); errors.As(err, &m) {
		return explained{code: strings.ReplaceAll(m.key, ".", "_"), text: say.T(m.key, m.in(say)...)}
	}
	if p := lang.ProblemIn(err); p != nil {
		return explained{code: p.Name, text: say.Problem(p), rest: beyond(p, err)}
	}
	if name := meaning(err); name != "" {
		return explained{code: name, text: say.T("error." + name), hint: say.T("hint." + name), rest: err.Error()}
	}
	return explained{code: "failed", text: say.T("failed", err)}
}

// beyond is what an error says more than the problem in it: its cause.
func beyond(p *lang.Problem, err error) string {
	bare, text := p.Because(nil).Error(), err.Error()
	if i := strings.Index(text, bare); i >= 0 {
		return strings.TrimPrefix(text[i+len(bare):], ": ")
	}
	return text
}

// said gives an error on one line, in the person's language where there is a message for it.
func (a *app) said(err error) string {
	if err == nil {
		return ""
	}
	if p := lang.ProblemIn(err); p != nil {
		return a.say.Problem(p)
	}
	return err.Error()
}

// meaning names the messages for an error, "" where there are none.
func meaning(err error) string {
	for _, m := range meanings {
		if errors.Is(err, m.err) {
			return m.name
		}
	}
	for _, k := range kindsOfError {
		if k.is(err) {
			return k.name
		}
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() || errors.As(err, new(*net.DNSError)) {
		return "unreachable"
	}
	return ""
}

// complain writes to standard error, after the program's name as is the custom.
func (a *app) complain(text string) { fmt.Fprintf(a.err, "sijil: %s\n", a.say.Isolate(text)) }
