package node

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// began tells whether the node was part of a ledger already: then a genesis that is not there is lost, and another one would end its record.
func (l Layout) began() bool {
	if _, err := os.Lstat(l.Trust()); err == nil {
		return true
	}
	for _, pattern := range []string{filepath.Join(l.Journal(), "*.segment"), filepath.Join(l.Chain(), "state", "*"), filepath.Join(l.Checkpoints(), "*.note")} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

func (l Layout) genesisGone() bool {
	_, err := os.Lstat(l.Genesis())
	return errors.Is(err, fs.ErrNotExist)
}

// noGenesis says what a genesis that is not there means.
func (l Layout) noGenesis() error {
	if l.began() {
		return lang.NewProblem("genesis_gone").In(l.Genesis()).Because(fs.ErrNotExist)
	}
	return lang.NewProblem("no_ledger").In(l.Genesis())
}

// genesisToStart reads the genesis. One that is gone is written again from the trust file, if that is whole and of the ledger that the
// checkpoints kept here are of: both were written by this node from the same file.
func genesisToStart(l Layout, log *slog.Logger) (*verify.Genesis, error) {
	g, err := ReadGenesis(l.Dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return g, err
	}
	t, trustErr := readTrust(l)
	if trustErr != nil {
		return nil, err
	}
	if err := l.sameLedger(&t.Genesis); err != nil {
		return nil, err
	}
	if err := writeJSON(l.Genesis(), &t.Genesis); err != nil {
		return nil, err
	}
	log.Warn("the genesis was gone; it was written again from the trust file", "file", l.Genesis(), "from", l.Trust(), "chain", t.Genesis.Chain())
	return &t.Genesis, nil
}

// sameLedger refuses a genesis that the latest checkpoint kept here is not of.
func (l Layout) sameLedger(g *verify.Genesis) error {
	s, err := ledger.OpenCheckpoints(l.Checkpoints())
	if err != nil {
		return err
	}
	_, head, err := s.Latest()
	if err == nil && head != nil && head.Origin != verify.OriginOf(g.Chain()) {
		err = fmt.Errorf("%w: the trust file is of the ledger %s, the checkpoints kept here are of %s", l.noGenesis(), g.Chain(), head.Origin)
	}
	return err
}
