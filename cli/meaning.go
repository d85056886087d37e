package cli

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/demo"
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/vault"
)

// Errors of commands themselves.
var (
	errDataExists = errors.New("it holds a configuration")
	errToken      = errors.New("token refused") // by a FHIR gate, with 401 or 403
	errNoPatient  = errors.New("no such patient")
	errNoGate     = errors.New("no FHIR gate")
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
	{definition.ErrPackage, "package"},
	{node.ErrNoPackage, "no_package"},
	{node.ErrHistories, "histories"},
	{errToken, "token"},
	{errNoPatient, "no_patient"},
	{errNoGate, "no_gate"},
	{errNotTrust, "not_trust"},
	{backup.ErrNone, "backup_none"},
	{backup.ErrKit, "backup_kit"},
	{backup.ErrOtherNode, "backup_other"},
	{backup.ErrDestination, "backup_destination"},
	{custody.ErrNowhere, "nowhere"},
	{ledger.ErrOtherHistory, "other_history"},
	{ledger.ErrDown, "engine_down"},
	{vault.ErrPassphrase, "passphrase"},
	{node.ErrKeyStore, "key_store"},
	{journal.ErrUnhealed, "unhealed"},
	{vault.ErrNoVault, "no_keys"},
	{vault.ErrLocked, "in_use"},
	{journal.ErrLocked, "in_use"},
	{chain.ErrInUse, "in_use"},
	{chain.ErrElsewhere, "elsewhere"},
	{chain.ErrNoSignState, "sign_state"},
	{chain.ErrWedged, "wedged"},
	{peer.ErrUnreachable, "unreachable"},
	{syscall.EADDRINUSE, "port_taken"},
	{syscall.EADDRNOTAVAIL, "not_here"},
	{syscall.ECONNREFUSED, "unreachable"},
	{syscall.EHOSTUNREACH, "unreachable"},
	{syscall.ENETUNREACH, "unreachable"},
	{syscall.ENOSPC, "disk_full"},
	{syscall.EROFS, "read_only"},
	{syscall.EISDIR, "directory"},
	{syscall.ENOTDIR, "no_directory"},
	{fs.ErrPermission, "permission"},
	{fs.ErrExist, "file_exists"},
	{fs.ErrNotExist, "no_file"},
}

// kindsOfError are meanings of errors that are told by their type.
var kindsOfError = []struct {
	name string
	is   func(error) bool
}{
	{"backup_damage", is[*backup.DamageError]},
	{"damage", is[*journal.DamageError]},
	{"damage", is[*ledger.Damage]},
	{"damage", is[vault.ErrDamaged]},
}

// is tells whether there is an error of a type in err.
func is[T error](err error) bool { return errors.As(err, new(T)) }
