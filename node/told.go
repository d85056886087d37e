package node

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/policy"
)

// Failure is an error of the node's as it crosses the operator's socket: its English text, and what the operator's program needs to say it
// in the operator's language.
type Failure struct {
	Error   string        `json:"error,omitempty"`
	Kind    string        `json:"kind,omitempty"`
	Problem *lang.Problem `json:"problem,omitempty"`
}

// kinds are the errors that come out of the socket as what they were; of others the text alone crosses it.
var kinds = []struct {
	name string
	err  error
}{
	{"claims", policy.ErrClaims},
	{"not-signed", ErrNotSigned},
	{"other-history", ledger.ErrOtherHistory},
	{"unreachable", peer.ErrUnreachable},
	{"down", ledger.ErrDown},
	{"backup-destination", backup.ErrDestination},
	{"backup-other", backup.ErrOtherNode},
	{"backup-none", backup.ErrNone},
	{"backup-kit", backup.ErrKit},
	{"no-directory", syscall.ENOTDIR},
	{"disk-full", syscall.ENOSPC},
	{"permission", fs.ErrPermission},
	{"exists", fs.ErrExist},
	{"no-file", fs.ErrNotExist},
}

// failure makes one of an error; the zero Failure of nil.
func failure(err error) (f Failure) {
	if err == nil {
		return f
	}
	f.Error, f.Problem = err.Error(), lang.ProblemIn(err)
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			f.Kind = k.name
			break
		}
	}
	return f
}

// Err gives the error back; nil where there was none.
func (f Failure) Err() error {
	if f.Error == "" {
		return nil
	}
	e := answered{text: f.Error}
	if f.Problem != nil && lang.For(lang.English).Knows(f.Problem) { // a node may be newer than this program
		e.is = append(e.is, f.Problem)
	}
	for _, k := range kinds {
		if k.name == f.Kind {
			e.is = append(e.is, k.err)
		}
	}
	return e
}

// answered is an error of the node's that came over the socket.
type answered struct {
	text string
	is   []error
}

// Error gives the node's text.
func (e answered) Error() string { return e.text }

// Unwrap gives what the error is known to be.
func (e answered) Unwrap() []error { return e.is }
