package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// AuditEvent is one line of what an audit tells while it runs; the last one has the report.
type AuditEvent struct {
	Progress *ledger.Progress    `json:"progress,omitempty"`
	Report   *ledger.AuditReport `json:"report,omitempty"`
	Failure
}

// Audit verifies again, from the genesis on, everything that the node in dir keeps. A node that runs there does it itself; otherwise its
// files are read where they lie, and nothing is written. No key is needed: nothing is opened but hashes. With the passphrase, or nil for none, an
// audit of files tells besides whether the keys of all entries are there, as a running node does. tell is called from one goroutine.
func Audit(ctx context.Context, dir string, passphrase []byte, tell func(AuditEvent)) error {
	resp, err := AskRaw(ctx, dir, http.MethodPost, "/audit", nil)
	if err == nil {
		defer resp.Body.Close()
		for d := json.NewDecoder(resp.Body); d.More(); {
			var e AuditEvent
			if err := d.Decode(&e); err != nil {
				return err
			}
			tell(e)
		}
		return nil
	}
	if !errors.Is(err, ErrNotRunning) {
		return err
	}
	return auditStopped(ctx, dir, passphrase, tell)
}

// auditStopped looks at the files of a node that does not run, and writes nothing: they may lie on a medium that cannot be written to. What
// is damaged keeps nothing else from being looked at.
func auditStopped(ctx context.Context, dir string, passphrase []byte, tell func(AuditEvent)) (err error) {
	l := Layout{dir}
	if err := l.there(); err != nil {
		return err
	}
	known, err := l.damagedFiles()
	if err != nil {
		return err
	}
	o := ledger.AuditOptions{Plans: l.Plans(), Notes: l.Checkpoints(), Blob: stillBlob(l.Blobs())}
	if m, err := ReadMember(dir); err == nil {
		o.Org = m.Org
	}
	config := chain.Config{Dir: l.Chain(), Keys: l.Chain()}
	if g, err := ReadGenesis(dir); err == nil {
		config.Genesis, o.Genesis = g, g
		o.Alone = alone(l, g)
	}
	books, err := custody.CheckBook(l.Held())
	if err != nil {
		return err
	}
	known = append(known, bookDamage(books)...)
	gone, err := custody.CheckHeld(l.Held())
	if err != nil {
		return err
	}
	known = append(known, heldDamage(gone)...)
	view, found, err := chain.Inspect(config)
	if errors.Is(err, chain.ErrInUse) {
		return lang.NewProblem("audit_in_use").Because(err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, view.Close()) }()
	for _, d := range found {
		if d.File == "" && d.What == "genesis" {
			d.File = l.Genesis()
		}
		known = append(known, d)
	}
	if view.Whole() && o.Org != (verify.OrgID{}) {
		o.Engine = view
	}
	j, damage, err := openStillJournal(l.Journal())
	if err != nil {
		return err
	}
	if damage != nil {
		known = append(known, ledger.Damage{What: "journal", File: damage.File, Detail: fmt.Sprintf("at byte %d: %s", damage.Offset, damage.Reason)})
	}
	o.Journal, o.Known = j, known
	v, err := l.stillKeys(passphrase)
	if errors.Is(err, vault.ErrPassphrase) {
		o.Known = append(o.Known, ledger.Damage{What: "root key", File: l.Root(), Detail: err.Error()})
	}
	if v == nil { // any other error is of a file that is damaged, and was found to be
		return audit(ctx, o, nil, tell)
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return audit(ctx, o, &lostKeys{vault: v, dir: l.Keys()}, tell)
}

// stillKeys opens the key store of a node that does not run, to look at it; nil without the passphrase.
func (l Layout) stillKeys(passphrase []byte) (*vault.Vault, error) {
	if passphrase == nil {
		return nil, nil
	}
	root, err := vault.OpenPassphraseRoot(l.Root(), passphrase)
	if err != nil {
		return nil, err
	}
	return vault.Open(l.Keys(), root, vault.Options{Still: true, Behind: true})
}

// alone tells whether a node has no other members, by what is kept here.
func alone(l Layout, g *verify.Genesis) bool { return len(known(l, g)) == 1 }

// bookDamage gives damage to the book of what is held for others as an audit lists it.
func bookDamage(books []custody.BookDamage) (found []ledger.Damage) {
	for _, d := range books {
		found = append(found, ledger.Damage{What: "book of what this node vouched for", File: d.File, Detail: d.Reason})
	}
	return found
}

// heldDamage gives what is held no more as an audit lists it.
func heldDamage(gone []journal.DamageError) (found []ledger.Damage) {
	for _, d := range gone {
		found = append(found, ledger.Damage{What: "copy held for another member", File: d.File, Detail: d.Reason})
	}
	return found
}

// there tells whether there is a node at all: a directory that is none is no damage.
func (l Layout) there() error {
	if _, err := os.ReadDir(l.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, path := range []string{l.Genesis(), l.Chain(), l.Member()} {
		if _, err := os.Lstat(path); err == nil {
			return nil
		}
	}
	if _, err := ReadConfig(l.Config()); err != nil {
		return err // no node, or none that ever belonged to a ledger
	}
	_, err := ReadGenesis(l.Dir)
	return err
}

func (n *Node) adminAudit(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	e := json.NewEncoder(w)
	tell := func(event AuditEvent) {
		_ = e.Encode(event) // whoever asked has gone; the audit ends with the request
		_ = http.NewResponseController(w).Flush()
	}
	known, err := n.damagedFiles()
	if err == nil {
		var keys []ledger.Damage // the engine read them at its start: the next one would find them
		keys, err = chain.CheckKeys(n.Chain())
		known = append(known, keys...)
	}
	if err == nil && n.keeper != nil {
		var books []custody.BookDamage
		books, err = n.keeper.CheckBook(r.Context())
		known = append(known, bookDamage(books)...)
	}
	if err == nil && n.keeper != nil {
		known = append(known, heldDamage(n.keeper.Gone())...)
	}
	if err == nil {
		var blocks []ledger.Damage
		blocks, err = n.damagedBlocks(r.Context())
		known = append(known, blocks...)
	}
	if err == nil {
		err = audit(r.Context(), ledger.AuditOptions{
			Org: n.org, Genesis: n.genesis, Engine: n.engine, Journal: n.journal, Plans: n.Plans(),
			Notes: n.Checkpoints(), Blob: blobCheck(n.blobs), Known: known,
			Alone: len(n.roster.members()) == 1,
		}, &lostKeys{vault: n.vault, dir: n.Keys()}, tell)
	}
	if err != nil {
		tell(AuditEvent{Failure: failure(err)})
	}
}

func blobCheck(blobs vault.Blobs) func(context.Context, uint64, verify.Hash) error {
	return func(ctx context.Context, _ uint64, h verify.Hash) error {
		_, err := blobs.Get(ctx, h)
		if damage := (vault.ErrDamaged{}); errors.As(err, &damage) {
			return &ledger.Damage{What: "ciphertext " + h.String(), File: damage.Path, Detail: "its content has another hash"}
		}
		return err
	}
}

// auditTellEvery is the pause between two lines of progress.
const auditTellEvery = 200 * time.Millisecond

// audit holds the journal against keys too, where they are at hand.
func audit(ctx context.Context, o ledger.AuditOptions, keys *lostKeys, tell func(AuditEvent)) error {
	if keys != nil {
		o.Journal = keyedJournal{o.Journal, keys}
	}
	var mu sync.Mutex
	var last time.Time
	report, err := ledger.Audit(ctx, o, func(p ledger.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last) >= auditTellEvery {
			last = now
			tell(AuditEvent{Progress: &p})
		}
	})
	if err != nil {
		return err
	}
	if keys != nil {
		report.Damages = append(report.Damages, keys.damages()...)
	}
	tell(AuditEvent{Report: report})
	return nil
}
