package node

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/lang"
)

// CheckReport says what a check of a place for backups found.
type CheckReport struct {
	To string `json:"to"`
	backup.Checked
	Seconds float64 `json:"seconds"`
}

// CheckBackup reads and opens all that is at the place of a node's backups, and writes nothing there. A node that runs does it itself;
// otherwise its key store is opened for it, with the passphrase. tell is called from one goroutine at a time.
func CheckBackup(ctx context.Context, dir string, q *BackupRequest, passphrase func() ([]byte, error), tell func(BackupEvent)) (_ *CheckReport, err error) {
	last, err := askBackup(ctx, dir, "/backup/check", q, tell)
	switch {
	case errors.Is(err, ErrNotRunning):
		h := holdings{Layout: Layout{dir}}
		if err := h.unlock(passphrase); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, h.vault.Close()) }()
		return h.check(ctx, q, tell)
	case err != nil:
		return nil, err
	case last.Check == nil:
		return nil, lang.NewProblem("check_cut")
	}
	return last.Check, nil
}

func (n *Node) adminCheckBackup(w http.ResponseWriter, r *http.Request) {
	answerBackup(w, r, func(q *BackupRequest, tell func(BackupEvent)) (done BackupEvent, err error) {
		h := holdings{Layout: n.Layout, keys: n.keys, vault: n.vault}
		done.Check, err = h.check(r.Context(), q, tell)
		return done, err
	})
}

// check looks at the place while no backup runs, which would change it meanwhile.
func (h *holdings) check(ctx context.Context, q *BackupRequest, tell func(BackupEvent)) (*CheckReport, error) {
	begin := time.Now()
	store, unlock, err := h.place(q)
	if err != nil {
		return nil, err
	}
	defer unlock()
	master, err := h.vault.Secret(secretBackup)
	if err != nil {
		return nil, err
	}
	found, err := backup.Check(ctx, store, master, h.keys.public(), func(p backup.Progress) { tell(BackupEvent{Progress: p}) })
	if err != nil {
		return nil, err
	}
	return &CheckReport{To: q.To, Checked: *found, Seconds: time.Since(begin).Seconds()}, nil
}
