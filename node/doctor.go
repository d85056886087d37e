package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/vault"
)

// Finding is something the doctor found. Mend, when there is one, was offered or applied.
type Finding struct {
	Part    string `json:"part"` // engine, journal, disk, configuration
	What    string `json:"what"`
	Why     string `json:"why"`
	Do      string `json:"do"`
	Safe    bool   `json:"safe"`             // can be mended without asking anybody
	Mended  bool   `json:"mended,omitempty"` //
	Problem string `json:"problem,omitempty"`
	mend    func() error
}

// Doctor examines a node that does not run, or does not move on. With the passphrase, or nil for none, it opens the key store to look at it.
// With mend it applies what is safe. Errors: the examination itself failed.
func Doctor(ctx context.Context, dir string, passphrase []byte, mend bool) ([]Finding, error) {
	l := Layout{dir}
	if err := l.there(); err != nil {
		return nil, err
	}
	files, err := l.damagedFiles()
	if err != nil {
		return nil, err
	}
	var all []Finding
	for _, d := range files {
		if _, err := readTrust(l); d.File == l.Genesis() && l.genesisGone() && err == nil {
			all = append(all, Finding{
				Part: "files", What: "the genesis is missing: " + d.File, Why: "Somebody deleted it, or the disk lost it.",
				Do: "Start the node: it writes it again from trust.json, if that is of the same ledger. Found or join nothing with this directory.",
			})
			continue
		}
		all = append(all, Finding{
			Part: "files", What: fmt.Sprintf("the %s is damaged: %s", d.What, told(d)), Why: "The disk or somebody changed bytes that were written and confirmed.",
			Do: "Put this file back from the backup (the genesis: from any member), or restore the node: `sijil restore`.",
		})
	}
	all = append(all, examineKeys(ctx, l, passphrase, len(files) == 0)...)
	all = append(all, examineRoom(l)...)
	engine, err := examineEngine(l)
	if err != nil {
		return nil, err
	}
	all = append(all, engine...)
	notes, err := examineNotes(l)
	if err != nil {
		return nil, err
	}
	all = append(all, notes...)
	all = append(all, examineJournal(l)...)
	all = append(all, examinePlans(l)...)
	held, err := examineHeld(l)
	if err != nil {
		return nil, err
	}
	all = append(all, held...)
	all = append(all, examineFiles(l)...)
	if !mend {
		return all, nil
	}
	for i := range all {
		if !all[i].Safe || all[i].mend == nil {
			continue
		}
		if err := all[i].mend(); err != nil {
			all[i].Problem = err.Error()
			continue
		}
		all[i].Mended = true
	}
	return all, nil
}

// told names a file and what is wrong with it; many errors begin with the file already.
func told(d ledger.Damage) string {
	if strings.Contains(d.Detail, d.File) {
		return d.Detail
	}
	return d.File + ": " + d.Detail
}

// examineEngine asks the engine. Where its configuration or its genesis are damaged, and that was said, it cannot be asked.
func examineEngine(l Layout) (all []Finding, err error) {
	c, configErr := ReadConfig(l.Config())
	g, genesisErr := ReadGenesis(l.Dir)
	if configErr != nil || genesisErr != nil {
		return nil, nil
	}
	config := engineConfig(l, c, g)
	found, err := chain.Diagnose(config)
	if errors.Is(err, chain.ErrInUse) {
		return nil, fmt.Errorf("the node is running, or starts or stops just now, or another copy of it runs on this machine. `sijil status --dir %s` tells "+
			"how it does; stop it to have its files examined: %w", l.Dir, err)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return []Finding{{
			Part: "engine", What: fmt.Sprintf("the ledger's engine cannot be examined, for the disk is full: %v", err),
			Do: "Make room, then run the doctor again.",
		}}, nil
	}
	if err != nil && len(found) == 0 {
		all = append(all, Finding{
			Part: "engine", What: fmt.Sprintf("the ledger's engine cannot be examined: %v", err),
			Do: "Run `sijil audit " + l.Dir + "`: it names every damaged file. If they cannot be put back, restore the node from its backup into a new " +
				"directory (`sijil restore`); one of several members can from the others (`sijil restore --from-custodians`).",
		})
	}
	for _, f := range found {
		all = append(all, Finding{
			Part: "engine", What: f.What, Why: f.Why, Do: f.Do, Safe: f.Safe,
			mend: func() error { return chain.Mend(config, f) },
		})
	}
	return all, nil
}

// examineNotes names every damaged checkpoint. They are held against the history kept here, where there is one.
func examineNotes(l Layout) (all []Finding, err error) {
	g, err := ReadGenesis(l.Dir)
	if err != nil {
		return nil, nil //nolint:nilerr // that was said
	}
	view, err := chain.History(chain.Config{Dir: l.Chain(), Keys: l.Chain(), Genesis: g})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	var history ledger.NotesChain
	if view.Whole() {
		history = view
	}
	found, err := ledger.CheckNotes(context.Background(), l.Checkpoints(), g, history)
	for _, d := range found {
		all = append(all, Finding{
			Part: "checkpoints", What: fmt.Sprintf("the %s is damaged: %s", d.What, told(d)), Why: "The disk or somebody changed bytes that were written and confirmed.",
			Do: noteRemedy(d.File),
		})
	}
	return all, err
}

// noteRemedy says what brings a checkpoint back.
func noteRemedy(path string) string {
	if filepath.Base(path) == "signed.json" {
		return "It keeps this node from signing a second history, and is in no backup. Mend all else that `sijil doctor` and `sijil audit` name first; when they find " +
			"nothing but this file, move it away: the node then begins with what its ledger holds."
	}
	return "Put this file back from the backup, or move it away: the members sign the next checkpoint within minutes once the node runs, and every other member " +
		"keeps those that begin an epoch. What a witness cosigned last is also with the witness."
}

// examineKeys opens the key store as a start does, and holds the journal against it. Damaged files, unless whole, were named already.
func examineKeys(ctx context.Context, l Layout, passphrase []byte, whole bool) []Finding {
	v, err := l.stillKeys(passphrase)
	switch {
	case errors.Is(err, vault.ErrPassphrase):
		return []Finding{{
			Part: "configuration", What: err.Error(), Why: "A node does not start without the passphrase of its root key.",
			Do: "Give the right one with --passphrase-file. Without the passphrase only the recovery kit opens the record: `sijil restore`.",
		}}
	case err != nil && whole:
		return []Finding{{Part: "files", What: err.Error(), Why: "The disk or somebody changed bytes that were written and confirmed.", Do: mendKeysHow}}
	case v == nil:
		return nil
	}
	lost := &lostKeys{vault: v, dir: l.Keys()}
	err = lost.scan(ctx, l.Journal(), journal.Cursor{}, journalEnd(l.Journal()).Segment)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, journal.ErrCursor) {
		err = nil // that is for whoever examines the journal to say
	}
	if err := errors.Join(err, v.Close()); err != nil {
		return []Finding{{Part: "journal", What: err.Error(), Do: "Check the disk and its rights."}}
	}
	if lost.count() == 0 {
		return nil
	}
	return []Finding{{Part: "files", What: lost.detail(), Why: "The key store is older than the journal, or was changed.", Do: mendKeysHow}}
}

const mendKeysHow = "Start the node: one among several brings its keys back from the others. One that stands alone, or cannot, needs its backup: `sijil restore`."

// examineJournal reads the whole journal and names every damaged segment.
func examineJournal(l Layout) (all []Finding) {
	from := journal.Cursor{}
	for {
		err := journal.Scan(l.Journal(), from, func(journal.Located) error { return nil })
		damage := (*journal.DamageError)(nil)
		switch {
		case err == nil:
			return all
		case !errors.As(err, &damage):
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, journal.ErrCursor) {
				return all
			}
			return append(all, Finding{Part: "journal", What: err.Error(), Do: "Check the disk and its rights."})
		}
		all = append(all, Finding{
			Part: "journal", What: damage.Error(), Why: "The disk or somebody changed bytes that were written and confirmed.",
			Do: "Start the node: a custodian's copy repairs it where it is needed, and everywhere with `sijil scrub`. A lone node needs its backup: `sijil restore`.",
		})
		from = journal.Cursor{Segment: damage.Segment + 1}
	}
}

// examinePlans names every damaged file of batch plans.
func examinePlans(l Layout) (all []Finding) {
	err := ledger.CheckPlans(l.Plans(), func(d *ledger.Damage) {
		all = append(all, Finding{
			Part: "plans", What: d.Error(), Why: "The disk or somebody changed bytes that were written and confirmed.",
			Do: "Start the node and run `sijil scrub`: they are made again from the journal and the ledger.",
		})
	})
	if err != nil {
		all = append(all, Finding{Part: "plans", What: err.Error(), Do: "Check the disk and its rights."})
	}
	return all
}

// examineHeld names damage to the book of what is held for others.
func examineHeld(l Layout) (all []Finding, err error) {
	books, err := custody.CheckBook(l.Held())
	for _, d := range books {
		f := Finding{
			Part: "custody", What: d.Error(), Why: "The disk or somebody changed bytes that were written and confirmed. It concerns copies held for other members only.",
			Do: "Start the node: it puts the book aside and makes again what it can.",
		}
		if d.Aside {
			f.What = fmt.Sprintf("the book of what this node vouched for was lost, and is kept as %s", d.File)
			f.Do = "Tell the other members that alarms about them are lost here. Then move this directory to another place."
		}
		all = append(all, f)
	}
	if err != nil {
		return all, err
	}
	gone, err := custody.CheckHeld(l.Held())
	for _, d := range gone {
		all = append(all, Finding{
			Part: "custody", What: fmt.Sprintf("%s: %s", d.File, d.Reason), Why: "Somebody deleted a copy that is held for another member, or the disk lost it.",
			Do: "Start the node: the member it belongs to brings it again.",
		})
	}
	return all, err
}

func examineFiles(l Layout) (all []Finding) {
	for _, path := range []string{l.Root(), filepath.Join(l.Dir, "passphrase"), filepath.Join(l.Dir, "recovery-kit.json")} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 == 0 {
			continue
		}
		all = append(all, Finding{
			Part: "configuration", What: fmt.Sprintf("others on this machine may read %s", path),
			Why: "Its mode is too wide.", Do: "chmod 600", Safe: true, mend: func() error { return os.Chmod(path, 0o600) },
		})
	}
	return all
}
