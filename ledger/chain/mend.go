package chain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
)

// ErrNotMendable says that a finding can only be dealt with as its Do says. Returned by Mend.
var ErrNotMendable = errors.New("chain: this is not for the doctor to mend")

// Mend mends what Diagnose found. For a finding that is not Safe the caller vouches that the operator made sure of what
// its Do asks for. Nothing is deleted but old files of the consensus log: what is replaced is put aside in the directory
// put-aside. The trouble is diagnosed again first: a finding grown stale mends nothing.
func Mend(cfg Config, f Finding) error {
	if !f.Mendable {
		return fmt.Errorf("%w: %s %s", ErrNotMendable, f.What, f.Do)
	}
	now, err := Diagnose(cfg)
	if err != nil {
		return err
	}
	found := false
	for _, n := range now {
		found = found || n == f
	}
	if !found {
		return fmt.Errorf("%w: it is no longer as it was found; look again", ErrNotMendable)
	}
	if f.Trouble == Elsewhere { // the key cannot be held before this is mended
		return cfg.putAside(cfg.keys(), leaseFile)
	}
	_, pv, err := loadKeys(cfg.keys())
	if err != nil {
		return err
	}
	g, err := holdKey(cfg.keys(), pv)
	if err != nil {
		return err
	}
	return errors.Join(cfg.mend(f), g.release())
}

func (c *Config) mend(f Finding) error {
	switch f.Trouble {
	case LogTooLarge:
		return trimLog(c.Dir)
	case StateAhead:
		s, err := c.readChain()
		if err != nil {
			return err
		}
		return c.startOver(s.base <= 1)
	case BadState:
		s, err := c.readBlocks()
		return c.startOver(err == nil && s.fromFirst())
	case StateBehind, BadBlocks:
		return c.startOver(false)
	case BadEvidence:
		return c.putAside(filepath.Join(c.Dir, "data"), "evidence.db")
	case LostLog:
		return c.setBack(f.Height)
	}
	return ErrNotMendable
}

// startOver puts the state aside, for it to be made anew from the blocks; where these are not enough, they go too, and the node begins from
// the others' blocks or from a snapshot of theirs.
func (c *Config) startOver(blocksStay bool) error {
	for _, name := range []string{"state", "data"} {
		if name == "data" && blocksStay {
			break
		}
		if _, err := os.Lstat(filepath.Join(c.Dir, name)); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := c.putAside(c.Dir, name); err != nil {
			return err
		}
	}
	return nil
}

// setBack makes the validator key ready to sign a height from its first step on.
func (c *Config) setBack(height int64) error {
	file := filepath.Join(c.keys(), signStateFile)
	s, err := readSignState(file)
	if err != nil {
		return err
	}
	if s.Height != height {
		return fmt.Errorf("%w: the key signed height %d since", ErrNotMendable, s.Height)
	}
	old, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("chain: signing state: %w", err)
	}
	aside, err := c.asideDir()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(aside, signStateFile), old, 0o600); err != nil {
		return fmt.Errorf("chain: signing state: %w", err)
	}
	s.Round, s.Step, s.Signature, s.SignBytes = 0, 0, nil, nil
	return s.write(file)
}

// asideDir makes a directory for what is replaced.
func (c *Config) asideDir() (string, error) {
	dir := filepath.Join(c.Dir, "put-aside", time.Now().UTC().Format("20060102T150405.000"))
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("chain: put aside: %w", err)
	}
	return dir, nil
}

func (c *Config) putAside(dir, name string) error {
	aside, err := c.asideDir()
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, name), filepath.Join(aside, name)); err != nil {
		return fmt.Errorf("chain: put aside: %w", err)
	}
	return nil
}
