package chain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/ledger"
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
	BadState    Trouble = "bad-state"     // files of the state machine's store are damaged
	BadBlocks   Trouble = "bad-blocks"    // files of CometBFT's blocks or state are damaged
	BadEvidence Trouble = "bad-evidence"  // files of CometBFT's pool of evidence are damaged
	BadKeys     Trouble = "bad-keys"      // files of keys are damaged
	OtherLedger Trouble = "other-ledger"  // the genesis is not that of the ledger kept here
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
	bad, err := cfg.damages()
	if len(bad) > 0 || err != nil { // what is damaged tells nothing more
		return append(findings, bad...), errors.Join(err, g.release())
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

// damages names the damaged files of blocks and state, one finding for each of the three parts that can be put aside.
func (c *Config) damages() ([]Finding, error) {
	chain, comet, err := checkComet(filepath.Join(c.Dir, "data"))
	if err != nil {
		return nil, err
	}
	if chain != "" && chain != c.Genesis.Chain() { // then neither tells what to make of the other
		return otherLedger(chain, c.Genesis.Chain()), nil
	}
	tables, err := checkState(filepath.Join(c.Dir, "state"))
	if err != nil {
		return nil, err
	}
	if len(tables) == 0 {
		if tables, err = c.stateOpens(); err != nil {
			return nil, err
		}
	}
	var blocks, evidence []ledger.Damage
	for _, d := range comet {
		if strings.HasPrefix(d.File, filepath.Join(c.Dir, "data", "evidence.db")) {
			evidence = append(evidence, d)
		} else {
			blocks = append(blocks, d)
		}
	}
	return slices.Concat(c.badState(tables, len(blocks) == 0), c.badBlocks(blocks), badEvidence(evidence)), nil
}

// stateOpens opens the state machine's store as a start does, and changes nothing.
func (c *Config) stateOpens() ([]ledger.Damage, error) {
	v := new(View)
	d, err := v.open(filepath.Join(c.Dir, "state"), c.Genesis)
	if err = errors.Join(err, v.Close()); d == nil || err != nil {
		return nil, err
	}
	return []ledger.Damage{*d}, nil
}

func otherLedger(kept, genesis string) []Finding {
	return []Finding{{
		Trouble: OtherLedger, What: fmt.Sprintf("The ledger kept here is %s, genesis.json is of %s.", kept, genesis),
		Why: "The genesis.json of another ledger was put in the place of this node's own, or blocks of another node were.",
		Do:  "Put back the genesis.json of the ledger kept here: every member of it has the same one, and every backup. Nothing else needs to be changed.",
	}}
}

const whyDamaged = "The disk or somebody changed bytes that were written and confirmed."

// badState says how a damaged state is made anew. blocks says that the blocks are whole.
func (c *Config) badState(found []ledger.Damage, blocks bool) []Finding {
	if len(found) == 0 {
		return nil
	}
	f := Finding{Trouble: BadState, What: "The ledger's state is damaged: " + told(found), Why: whyDamaged}
	s, err := c.readBlocks()
	switch {
	case blocks && err == nil && s.fromFirst():
		f.Safe, f.Mendable = true, true
		f.Do = "Let this be mended: the state is put aside and made anew from the blocks, which are all here."
	case c.others():
		f.Safe, f.Mendable = true, true
		f.Do = "Let this be mended: blocks and state are put aside, and the node begins from a snapshot of the other members."
	default:
		f.Do = "The first blocks are no longer kept and there is no other member to bring the state: restore the backup (`sijil restore`)."
	}
	return []Finding{f}
}

func (c *Config) badBlocks(found []ledger.Damage) []Finding {
	if len(found) == 0 {
		return nil
	}
	f := Finding{Trouble: BadBlocks, What: "The blocks are damaged: " + told(found), Why: whyDamaged}
	if c.others() {
		f.Safe, f.Mendable = true, true
		f.Do = "Let this be mended: blocks and state are put aside, and the node fetches them from the other members."
	} else {
		f.Do = "There is no other member to fetch them from: restore the backup (`sijil restore`)."
	}
	return []Finding{f}
}

func badEvidence(found []ledger.Damage) []Finding {
	if len(found) == 0 {
		return nil
	}
	return []Finding{{
		Trouble: BadEvidence, What: "Evidence that waits for a block is damaged: " + told(found), Why: whyDamaged,
		Do:   "Let this be mended: the file's database is put aside. What other members saw, they bring again; what is in a block stays there.",
		Safe: true, Mendable: true,
	}}
}

// told names damaged files in one line.
func told(found []ledger.Damage) string {
	var parts []string
	for _, d := range found {
		parts = append(parts, fmt.Sprintf("%s (%s)", d.File, d.Detail))
	}
	return strings.Join(parts, "; ")
}

// others tells whether there are members to fetch from: by the state or, where it is damaged, by the genesis and by what the operator named.
func (c *Config) others() bool {
	v := new(View)
	defer v.Close() //nolint:errcheck // read only
	if d, err := v.open(filepath.Join(c.Dir, "state"), c.Genesis); err == nil && d == nil {
		return len(v.state.roster.Members) > 1
	}
	return len(c.Genesis.Members) > 1 || len(c.Peers) > 0
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
