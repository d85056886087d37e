package node

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// Backup makes a backup of the node in dir. A node that runs there makes it itself; otherwise its directory is opened for it, with the
// passphrase, which is not asked for else. tell is called from one goroutine.
func Backup(ctx context.Context, dir string, q *BackupRequest, passphrase func() ([]byte, error), log *slog.Logger, tell func(BackupEvent)) (*BackupReport, error) {
	last, err := askBackup(ctx, dir, "/backup", q, tell)
	switch {
	case errors.Is(err, ErrNotRunning):
		return backupStopped(ctx, dir, q, passphrase, log, tell)
	case err != nil:
		return nil, err
	case last.Report == nil:
		return nil, lang.NewProblem("backup_cut")
	}
	return last.Report, nil
}

// askBackup asks the running node and passes on what it tells. It gives the last event.
func askBackup(ctx context.Context, dir, path string, q *BackupRequest, tell func(BackupEvent)) (last BackupEvent, err error) {
	resp, err := AskRaw(ctx, dir, http.MethodPost, path, q)
	if err != nil {
		return last, err
	}
	defer resp.Body.Close()
	for d := json.NewDecoder(resp.Body); d.More(); {
		last = BackupEvent{}
		if err := d.Decode(&last); err != nil {
			return last, err
		}
		tell(last)
	}
	return last, last.Err()
}

// backupTellEvery is the pause between two lines of progress.
const backupTellEvery = 200 * time.Millisecond

func (n *Node) adminBackup(w http.ResponseWriter, r *http.Request) {
	answerBackup(w, r, func(q *BackupRequest, tell func(BackupEvent)) (done BackupEvent, err error) {
		done.Report, err = n.backup(r.Context(), q, tell)
		return done, err
	})
}

// answerBackup does what is asked for, and tells how far it has come.
func answerBackup(w http.ResponseWriter, r *http.Request, do func(*BackupRequest, func(BackupEvent)) (BackupEvent, error)) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	e := json.NewEncoder(w)
	tell := func(event BackupEvent) {
		_ = e.Encode(event) // whoever asked has gone; the backup ends with the request
		_ = http.NewResponseController(w).Flush()
	}
	var q BackupRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&q); err != nil {
		tell(BackupEvent{Failure: failure(err)})
		return
	}
	var last time.Time
	done, err := do(&q, func(event BackupEvent) {
		if now := time.Now(); now.Sub(last) >= backupTellEvery {
			last = now
			tell(event)
		}
	})
	if err != nil {
		tell(BackupEvent{Failure: failure(err)})
		return
	}
	tell(done)
}

// backup makes a backup of the running node.
func (n *Node) backup(ctx context.Context, q *BackupRequest, tell func(BackupEvent)) (*BackupReport, error) {
	h := holdings{
		Layout: n.Layout, org: n.org, chain: n.chain, keys: n.keys, vault: n.vault, journal: n.journal, blobs: n.blobs,
	}
	if m := n.roster.now.Load(); standsAlone(n.config, n.genesis) && (m == nil || len(m.Members) == 1) {
		h.lone = true
		h.still = func(ctx context.Context, to string) (height int64, err error) {
			engine, ok := n.engine.(*restable)
			if !ok {
				return 0, errRestless
			}
			err = engine.rest(ctx, func(at int64) error {
				height = at
				return copyStill(n.Layout.Chain(), to)
			})
			return height, err
		}
	}
	return h.run(ctx, q, tell)
}

// standsAlone tells whether nobody else has the ledger.
func standsAlone(c *Config, g *verify.Genesis) bool {
	return len(g.Members) == 1 && c.P2P == "" && c.Peer == ""
}

func backupStopped(ctx context.Context, dir string, q *BackupRequest, passphrase func() ([]byte, error), log *slog.Logger, tell func(BackupEvent)) (_ *BackupReport, err error) {
	h := holdings{Layout: Layout{dir}}
	c, err := ReadConfig(h.Config())
	if err != nil {
		return nil, err
	}
	g, err := ReadGenesis(dir)
	if err != nil {
		return nil, err
	}
	h.chain, h.lone = g.Chain(), standsAlone(c, g)
	if err := h.unlock(passphrase); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.vault.Close()) }()
	if h.blobs, err = vault.NewDirBlobs(h.Blobs()); err != nil {
		return nil, err
	}
	if h.journal, err = journal.Open(h.Journal(), journal.Options{Log: log}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.journal.Close()) }()
	if h.lone {
		config := engineConfig(h.Layout, c, g)
		config.Log = log
		h.still = func(ctx context.Context, to string) (int64, error) { return stillStopped(ctx, config, to) }
	}
	return h.run(ctx, q, tell)
}

// unlock opens the key store of a node that does not run.
func (h *holdings) unlock(passphrase func() ([]byte, error)) error {
	secret, err := passphrase()
	if err != nil {
		return err
	}
	root, err := vault.OpenPassphraseRoot(h.Root(), secret)
	if err != nil {
		return err
	}
	m, err := ReadMember(h.Dir)
	if err != nil {
		return err
	}
	h.org = m.Org
	if h.vault, err = vault.Open(h.Keys(), root, vault.Options{Escrow: m.Escrow}); err != nil {
		return err
	}
	if h.keys, err = loadSigners(h.vault); err != nil {
		return errors.Join(err, h.vault.Close())
	}
	return nil
}

// stillStopped copies the files of an engine that does not run. It is started for a moment, which brings them in order and tells its height.
func stillStopped(ctx context.Context, c chain.Config, to string) (int64, error) {
	engine, err := chain.Open(ctx, c)
	if err != nil {
		return 0, err
	}
	s, err := engine.Status(ctx)
	if err := errors.Join(err, engine.Close()); err != nil {
		return 0, err
	}
	return s.Height, copyStill(c.Dir, to)
}
