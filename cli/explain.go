package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/demo"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/vault"
)

// Errors of commands themselves.
var (
	errDataExists = errors.New("it holds a configuration")
	errToken      = errors.New("token refused") // by a FHIR gate, with 401 or 403
	errNotTrust   = errors.New("not a trust file")
)

// meanings are the errors that a person can do something about: the first that an error is decides which messages, error.NAME and hint.NAME,
// are said of it. What is more particular stands before what it may wrap.
var meanings = []struct {
	err  error
	name string
}{
	{demo.ErrForeign, "demo_foreign"},
	{demo.ErrPorts, "demo_ports"},
	{node.ErrNoNode, "no_data"},
	{errDataExists, "data_exists"},
	{node.ErrNotRunning, "not_running"},
	{node.ErrNotSigned, "not_signed"},
	{node.ErrMissing, "missing"},
	{errToken, "token"},
	{errNotTrust, "not_trust"},
	{vault.ErrPassphrase, "passphrase"},
	{node.ErrKeyStore, "key_store"},
	{vault.ErrLocked, "in_use"},
	{chain.ErrInUse, "in_use"},
	{chain.ErrElsewhere, "elsewhere"},
	{chain.ErrWedged, "wedged"},
	{peer.ErrUnreachable, "unreachable"},
	{syscall.EADDRINUSE, "port_taken"},
	{syscall.ECONNREFUSED, "unreachable"},
	{syscall.EHOSTUNREACH, "unreachable"},
	{syscall.ENETUNREACH, "unreachable"},
	{syscall.ENOSPC, "disk_full"},
	{fs.ErrPermission, "permission"},
	{fs.ErrExist, "file_exists"},
	{fs.ErrNotExist, "no_file"},
}

// meaning names the messages for an error, "" where there are none.
func meaning(err error) string {
	for _, m := range meanings {
		if errors.Is(err, m.err) {
			return m.name
		}
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() || errors.As(err, new(*net.DNSError)) {
		return "unreachable"
	}
	return ""
}

// explain says in the person's language what went wrong and what to do, then the technical cause, and gives the exit code.
func (a *app) explain(c *cobra.Command, err error) int {
	misused := errors.As(err, new(misused))
	switch name := meaning(err); {
	case misused:
		a.complain(err.Error())
		fmt.Fprintf(a.err, "%s\n  %s --help\n", a.say.T("usage.more"), c.CommandPath())
	case name != "":
		a.complain(a.say.Explain(name))
		fmt.Fprintln(a.err, a.say.T("cause", err))
	default:
		a.complain(a.say.T("failed", err))
	}
	if misused || errors.Is(err, errNotTrust) || errors.Is(err, policy.ErrClaims) {
		return exitMisuse
	}
	return exitFailed
}

// complain writes to standard error, after the program's name as is the custom.
func (a *app) complain(text string) { fmt.Fprintf(a.err, "sijil: %s\n", a.say.Isolate(text)) }
