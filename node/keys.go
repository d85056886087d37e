package node

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/vault"
)

// ErrKeyStore says that the key store is damaged, or lacks keys that were in use and never erased: the node does not start.
var ErrKeyStore = errors.New("the key store is damaged, or keys are missing from it")

// keysLookBack is how many segments of the journal, the last ones, a start holds against the key store: the store's own mark may lag behind
// by what a loss of power took from it, which is the last there was.
const keysLookBack = 2

// tellKeys logs what opening the key store found.
func (n *Node) tellKeys() {
	r := n.vault.Recovery()
	if r.TornLog > 0 {
		n.log.Warn("an unfinished change was cut off the key store's log; no key of it was in use", "bytes", r.TornLog)
	}
	if r.UnfinishedErasure {
		n.log.Warn("an erasure had begun when the node stopped; it was undone, and has to be asked for again")
	}
	if r.Mark != "" {
		n.log.Warn("the key store's mark of what was acknowledged is lost, which no crash explains; the whole journal is held against the keys",
			"dir", n.Keys(), "mark", r.Mark)
	}
}

// mendKeys has a key store that lacks what was acknowledged made whole from custodians: they had every page before anything rested on it.
func (n *Node) mendKeys(ctx context.Context) error {
	behind := n.vault.Behind()
	if behind == nil {
		return nil
	}
	n.log.Warn("the key store lacks keys that were acknowledged; they are brought back from custodians", "error", behind)
	if err := n.fetchKeys(ctx); err != nil {
		return fmt.Errorf("%w: %w; custodians could not mend it: %w", ErrKeyStore, behind, err)
	}
	n.log.Info("the key store is whole again")
	return nil
}

// fetchKeys puts the custodians' pages of the key store in place where they are newer.
func (n *Node) fetchKeys(ctx context.Context) error {
	if n.fetcher == nil {
		return errAlone
	}
	ctx, cancel := context.WithTimeout(ctx, damageLimit)
	defer cancel()
	h := helpers{fetcher: n.fetcher}
	pages, err := h.heldPages(ctx)
	if err != nil {
		return err
	}
	_, err = n.vault.Mend(pages)
	return err
}

// holdKeysAgainstJournal looks whether the newest entries name keys that are not there: then the key store is older than the journal. It must
// not be written to before that is known: custodians would take its pages for the newest.
func (n *Node) holdKeysAgainstJournal(ctx context.Context) error {
	from := journal.Cursor{}
	if last := n.journal.End().Segment; last >= keysLookBack && n.vault.Recovery().Mark == "" {
		from.Segment = last - keysLookBack + 1
	}
	lost, err := n.lostKeys(ctx, from)
	if err != nil || lost.count() == 0 {
		return err
	}
	n.log.Warn("the journal has entries whose keys are missing; they are brought back from custodians", "entries", lost.count(), "first", lost.first)
	fetchErr := n.fetchKeys(ctx)
	if lost, err = n.lostKeys(ctx, from); err != nil {
		return err
	}
	if lost.count() > 0 {
		return errors.Join(fmt.Errorf("%w: %s", ErrKeyStore, lost.detail()), fetchErr)
	}
	n.log.Info("the key store is whole again")
	return nil
}

// lostKeys reads the journal from a segment on.
func (n *Node) lostKeys(ctx context.Context, from journal.Cursor) (*lostKeys, error) {
	lost := &lostKeys{vault: n.vault, dir: n.Keys()}
	return lost, lost.scan(ctx, n.Journal(), from, n.journal.End().Segment)
}

// scan looks at a journal's segments. Those that are damaged are named by who reads them for their content.
func (l *lostKeys) scan(ctx context.Context, dir string, from journal.Cursor, last uint32) error {
	for {
		err := journal.Scan(dir, from, func(at journal.Located) error {
			l.look(at.Record)
			return ctx.Err()
		})
		damage := (*journal.DamageError)(nil)
		if !errors.As(err, &damage) {
			return err
		}
		if from = (journal.Cursor{Segment: damage.Segment + 1}); from.Segment > last {
			return nil
		}
	}
}

// lostKeys counts the entries whose keys are missing from a key store. Safe for concurrent use.
type lostKeys struct {
	vault *vault.Vault
	dir   string // of the key store
	mu    sync.Mutex
	seen  map[uint64]bool // entries
	first uint64
}

// look takes in a record, perhaps again.
func (l *lostKeys) look(r *journal.Record) {
	for i := range r.Entries {
		slot, _ := l.vault.OpenGuide(r.Entries[i].Tag, r.Entries[i].Guide)
		if !l.vault.Missing(slot) {
			continue
		}
		l.mu.Lock()
		n := r.First + uint64(i)
		if l.seen == nil {
			l.seen, l.first = make(map[uint64]bool), n
		}
		l.seen[n], l.first = true, min(l.first, n)
		l.mu.Unlock()
	}
}

func (l *lostKeys) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.seen)
}

func (l *lostKeys) detail() string {
	return fmt.Sprintf("%s lacks the keys of %d entries of the journal, entry %d the first, and no erasure explains it", l.dir, l.count(), l.first)
}

// damages gives what was found, for an audit.
func (l *lostKeys) damages() []ledger.Damage {
	if l.count() == 0 {
		return nil
	}
	return []ledger.Damage{{What: "key store", File: l.dir, Detail: l.detail()}}
}

// keyedJournal is a journal of which every record that is read is held against the key store.
type keyedJournal struct {
	ledger.Journal
	lost *lostKeys
}

// Follow implements ledger.Journal.
func (k keyedJournal) Follow(ctx context.Context, from journal.Cursor, fn func([]journal.Located) error) error {
	return k.Journal.Follow(ctx, from, func(batch []journal.Located) error {
		for i := range batch {
			k.lost.look(batch[i].Record)
		}
		return fn(batch)
	})
}
