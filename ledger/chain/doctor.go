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

// ErrWedged says that the engine cannot start from what its directory holds. Returned by Open; ask Diagnose.
var ErrWedged = errors.New("chain: the engine cannot start from what is stored; run `sijil doctor`")

// Trouble names what a Finding is about.
type Trouble string

// The troubles that Diagnose knows.
const (
	LostLog     Trouble = "lost-log"      // the validator signed a step that its consensus log no longer knows of
	StateAhead  Trouble = "state-ahead"   // the state machine is ahead of the blocks
	StateBehind Trouble = "state-behind"  // the state machine is behind the blocks that are kept
	SignedAhead Trouble = "signed-ahead"  // the only validator signed heights that its blocks do not reach
	LogTooLarge Trouble = "log-too-large" // the consensus log takes more room than it needs
	SignedTwice Trouble = "signed-twice"  // a validator key of today has signed two different blocks at one height
	Elsewhere   Trouble = "elsewhere"     // the validator key was last used on another machine
	NoSignState Trouble = "no-sign-state" // the validator key is there, what it signed is not known
)

// Finding is one thing that is wrong with a node that stands still, in words for its operator.
type Finding struct {
	Trouble Trouble
	What    string // is wrong
	Why     string // it happens
	Do      string // about it
	// Safe says that Mend can mend it without anybody being asked. Mendable alone says that it can once the operator has
	// made sure of what Do asks for.
	Safe, Mendable bool
	// Height, Round and Step are what the validator key signed last, for LostLog: operators compare them.
	Height int64
	Round  int32
	Step   int8
}

// largeLog is from how many bytes on the consensus log is too large. A running node keeps it below 40 MB.
const largeLog = 64 << 20

// Diagnose looks for what keeps an engine from starting or from moving on. The engine must be stopped: ErrInUse
// otherwise. Of the configuration only Dir, Keys and Genesis count. No finding means that nothing known is wrong.
func Diagnose(cfg Config) ([]Finding, error) {
	g, findings, err := cfg.inspectKeys()
	if g == nil || err != nil {
		return findings, err
	}
	c, err := cfg.readChain()
	if err != nil {
		return findings, errors.Join(err, g.release())
	}
	findings = append(findings, c.heights()...)
	findings = append(findings, c.signedTwice()...)
	lost, err := cfg.lostLog(c)
	findings = append(findings, lost...)
	large, sizeErr := cfg.largeLog()
	return append(findings, large...), errors.Join(err, sizeErr, g.release())
}

// inspectKeys judges the keys and, when they are sound, holds them so that no engine starts meanwhile.
func (c *Config) inspectKeys() (*guard, []Finding, error) {
	_, pv, err := loadKeys(c.keys())
	if errors.Is(err, ErrNoSignState) {
		return nil, []Finding{{
			Trouble: NoSignState,
			What:    "The record of what the validator key signed is missing or damaged.",
			Why:     "It was deleted, or keys were restored from a backup without it. Without it the key could sign two blocks at one height.",
			Do:      "Make a new key with `sijil rotate --new-validator` and have the members agree to it. Do not restore the record.",
		}}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	g, err := holdKey(c.keys(), pv)
	if errors.Is(err, ErrElsewhere) {
		return nil, []Finding{{
			Trouble:  Elsewhere,
			What:     "The validator key was last used on another machine.",
			Why:      "The data directory was moved or copied here, or this machine was given a new identity.",
			Do:       "Make sure that the node on the other machine will never start again; then let this be mended.",
			Mendable: true,
		}}, nil
	}
	return g, nil, err
}

// stored is what CometBFT's databases and the state machine say of themselves.
type stored struct {
	base, blocks, chain, state int64
	sole                       bool // this node's key is the only validator
	key                        *signer
	offences                   []ledger.Evidence // of keys that are validators' still
}

func (c *Config) readChain() (s *stored, err error) {
	s = new(stored)
	if _, s.key, err = loadKeys(c.keys()); err != nil {
		return nil, err
	}
	cfg := c.comet()
	if _, err := os.Stat(filepath.Join(cfg.DBDir(), "blockstore.db")); errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
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
	return s, s.readState(filepath.Join(c.Dir, "state"))
}

func (s *stored) readState(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	st, err := openStore(dir, pebbleLog{slog.New(slog.DiscardHandler)})
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

// heights judges how far the state machine is against the blocks.
func (s *stored) heights() []Finding {
	switch {
	case s.state > s.blocks && s.blocks > 0:
		return []Finding{{
			Trouble: StateAhead,
			What:    fmt.Sprintf("The state is at block %d, the blocks end at %d.", s.state, s.blocks),
			Why:     "The blocks were restored from an older copy than the state, or the disk lost blocks that it had confirmed as written.",
			Do: "Restore blocks and state from one backup. Where other members hold the missing blocks, let this be mended instead: the state is put " +
				"aside and made anew from the blocks, or from a snapshot where the first blocks are pruned, and the rest is fetched from them. A lone " +
				"validator has nobody to fetch from.",
			Safe: !s.sole, Mendable: !s.sole,
		}}
	case s.state < s.base-1:
		return []Finding{{
			Trouble: StateBehind,
			What:    fmt.Sprintf("The state is at block %d, blocks are kept from %d on.", s.state, s.base),
			Why:     "The state was restored from an older copy than the blocks, or was deleted.",
			Do:      "Let this be mended: blocks and state are put aside, and the node begins from a snapshot of the other members.",
			Safe:    !s.sole, Mendable: !s.sole,
		}}
	}
	return nil
}

// largeLog judges the room that the consensus log takes.
func (c *Config) largeLog() ([]Finding, error) {
	files, err := logFiles(c.Dir)
	if err != nil {
		return nil, err
	}
	total := int64(0)
	for _, f := range files {
		info, err := os.Stat(filepath.Join(logDir(c.Dir), f))
		if err != nil {
			return nil, fmt.Errorf("chain: consensus log: %w", err)
		}
		total += info.Size()
	}
	if total < largeLog {
		return nil, nil
	}
	return []Finding{{
		Trouble: LogTooLarge,
		What:    fmt.Sprintf("The consensus log takes %d MiB.", total>>20),
		Why:     "CometBFT lets it grow to 1 GB; a running node drops old files each minute and was stopped before it could.",
		Do:      "Let this be mended: all but the latest files are deleted. A start needs only those.",
		Safe:    true, Mendable: true,
	}}, nil
}
