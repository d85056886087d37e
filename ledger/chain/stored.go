package chain

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	cmtcfg "github.com/cometbft/cometbft/config"
	sm "github.com/cometbft/cometbft/state"
	cmtstore "github.com/cometbft/cometbft/store"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// stored is what CometBFT's databases and the state machine say of themselves.
type stored struct {
	base, blocks, chain, state int64
	sole                       bool // this node's key is the only validator
	key                        *signer
	offences                   []ledger.Evidence // of keys that are validators' still
}

func (c *Config) readChain() (*stored, error) {
	s, err := c.readBlocks()
	if err != nil || s.blocks == 0 && s.chain == 0 && !c.hasBlocks() {
		return s, err
	}
	return s, s.readState(filepath.Join(c.Dir, "state"))
}

func (c *Config) hasBlocks() bool {
	_, err := os.Stat(filepath.Join(c.comet().DBDir(), "blockstore.db"))
	return !errors.Is(err, os.ErrNotExist)
}

// readBlocks reads what CometBFT's databases say, and leaves the state machine's store alone.
func (c *Config) readBlocks() (s *stored, err error) {
	defer func() {
		if r := recover(); r != nil { // CometBFT panics on what it cannot decode
			err = fmt.Errorf("chain: read the blocks in %s: %w", filepath.Join(c.Dir, "data"), damageOf(r))
		}
	}()
	s = new(stored)
	if _, s.key, err = loadKeys(c.keys()); err != nil || !c.hasBlocks() {
		return s, err
	}
	cfg := c.comet()
	blocksDB, err := openDB(&cmtcfg.DBContext{ID: "blockstore", Config: cfg})
	if err != nil {
		return nil, fmt.Errorf("chain: open the blocks: %w", err)
	}
	blocks := cmtstore.NewBlockStore(blocksDB)
	s.base, s.blocks = blocks.Base(), blocks.Height()
	stateDB, err := openDB(&cmtcfg.DBContext{ID: "state", Config: cfg})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("chain: open the chain's state: %w", err), blocks.Close())
	}
	states := sm.NewStore(stateDB, sm.StoreOptions{})
	chain, err := states.Load()
	if err = errors.Join(err, states.Close(), blocks.Close()); err != nil {
		return nil, fmt.Errorf("chain: read the chain's state: %w", err)
	}
	s.chain = chain.LastBlockHeight
	if chain.Validators != nil {
		s.sole = chain.Validators.Size() == 1 && chain.Validators.HasAddress(s.key.GetAddress())
	}
	return s, nil
}

func (s *stored) readState(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	st, err := openStore(dir, pebbleLog{slog.New(slog.DiscardHandler), new(shortage)})
	if err != nil {
		return err
	}
	c, err := getAs[core](st, []byte{rowCore})
	if err == nil {
		s.state = c.Height
		err = s.readEvidence(st)
	} else if errors.Is(err, ledger.ErrNotFound) {
		err = nil
	}
	return errors.Join(err, st.close())
}

// readEvidence keeps the evidence that still concerns somebody: a key that was replaced is harmless.
func (s *stored) readEvidence(st *store) error {
	state, err := st.load()
	if err != nil {
		return err
	}
	for _, e := range state.evidence {
		if state.owner(e.Validator) != (verify.OrgID{}) {
			s.offences = append(s.offences, e)
		}
	}
	return nil
}

// signedTwice tells whose validator key was found to sign two different blocks, one finding for each key.
func (s *stored) signedTwice() (findings []Finding) {
	told := map[verify.Address]bool{}
	for _, e := range s.offences {
		if told[e.Validator] {
			continue
		}
		told[e.Validator] = true
		who, do := "The validator key of "+e.Org.String(), "Ask that member why. It should make a new key (`sijil rotate --new-validator`), and the members agree to that."
		if bytes.Equal(e.Validator[:], s.key.GetAddress()) {
			who = "This node's validator key"
			do = "Make sure that nobody else has the key and that no copy of this node runs; then make a new one with `sijil rotate --new-validator` and have the members agree to it."
		}
		findings = append(findings, Finding{
			Trouble: SignedTwice,
			What:    fmt.Sprintf("%s signed two different blocks at height %d; the evidence is in block %d.", who, e.Height, e.Recorded),
			Why:     "The key runs twice, in a copy of the machine or a restored backup, or somebody stole it.",
			Do:      do,
		})
	}
	return findings
}

// fromFirst tells whether the state can be made anew from the blocks kept here.
func (s *stored) fromFirst() bool { return s.base == 1 && s.blocks > 0 }
