package chain

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/sijil-health/sijil/ledger"
)

const leaseFile = "validator.lease"

var (
	// ErrInUse says that another process on this machine uses the directory or the validator key. Returned by Open.
	ErrInUse = errors.New("chain: another process uses this node or its validator key; stop that one first")
	// ErrElsewhere says that the validator key was last used on another machine. Returned by Open.
	ErrElsewhere = errors.New("chain: this validator key was last used on another machine; where both run, the key signs twice, which the " +
		"other members see as fraud; make sure that the other one is gone for good, then run `sijil doctor`")
)

// errLease says that the lease file is damaged.
var errLease = fmt.Errorf("%w: where the validator key was last used cannot be read", ErrWedged)

// lease is what the lease file says of the process that holds, or last held, a validator key.
type lease struct {
	Host    string    `json:"host"` // "" where the machine has no identity
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// guard keeps a validator key from being used twice: by two processes in one directory (a locked file), by two copies of
// the key on one machine (a name that only one process can bind), by a directory copied to another machine (the host in
// the file). All are let go when the process ends, however it ends.
type guard struct {
	file *os.File
	name net.Listener
	more []net.Listener // of keys that wait to be taken up, or were
}

func holdKey(dir string, pv *signer) (*guard, error) {
	path := filepath.Join(dir, leaseFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("chain: lease: %w", err)
	}
	g := &guard{file: f}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w (%s)", ErrInUse, path), f.Close())
	}
	if err := g.claim(path, pv); err != nil {
		return nil, errors.Join(err, g.release())
	}
	return g, nil
}

func (g *guard) claim(path string, pv *signer) error {
	last, err := readLease(path)
	if err != nil {
		return err
	}
	host := hostID()
	if last.Host != "" && host != "" && last.Host != host {
		return fmt.Errorf("%w (%s)", ErrElsewhere, path)
	}
	if runtime.GOOS == "linux" {
		// An abstract name: no file is left behind, and other users of the machine see it too.
		g.name, err = net.Listen("unix", keyName(pv))
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("%w (validator %s)", ErrInUse, pv.Key.Address)
		}
		if err != nil {
			return fmt.Errorf("chain: lease: %w", err)
		}
	}
	b, err := json.Marshal(lease{Host: host, PID: os.Getpid(), Started: time.Now().UTC()})
	if err != nil {
		return fmt.Errorf("chain: lease: %w", err)
	}
	if err := errors.Join(g.file.Truncate(0), func() error { _, err := g.file.WriteAt(b, 0); return err }(), g.file.Sync()); err != nil {
		return fmt.Errorf("chain: lease: %w", err)
	}
	return nil
}

// keyName is an abstract name on this machine that stands for a key.
func keyName(pv *signer) string { return "@sijil/validator/" + pv.Key.Address.String() }

func (g *guard) release() error {
	var err error
	for _, l := range g.more {
		err = errors.Join(err, l.Close())
	}
	if g.name != nil {
		err = errors.Join(err, g.name.Close())
	}
	return errors.Join(err, g.file.Close())
}

// readLease reads a lease file; none, or one that a crash left empty, is no lease.
func readLease(path string) (lease, error) {
	var l lease
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(b) == 0 {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("chain: lease: %w", err)
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return l, errors.Join(errLease, &ledger.Damage{What: "the record of where the validator key is used", File: path, Detail: err.Error()})
	}
	return l, nil
}

// hostID names this machine without giving its identity away; "" when it has none, as in many containers.
func hostID() string {
	b, err := os.ReadFile("/etc/machine-id")
	id := strings.TrimSpace(string(b))
	if err != nil || id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("sijil/host/1\x00" + id))
	return hex.EncodeToString(sum[:8])
}
