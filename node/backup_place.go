package node

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/lang"
)

// place opens the destination for one backup or check at a time; unlock ends that.
func (h *holdings) place(q *BackupRequest) (store backup.Store, unlock func(), err error) {
	if unlock, err = h.alone(q); err != nil {
		return nil, nil, err
	}
	if store, err = backup.Open(q.To, q.S3); err != nil {
		unlock()
		return nil, nil, err
	}
	return store, unlock, nil
}

// alone keeps a second backup of this node from running beside, and a backup from going into what it backs up.
func (h *holdings) alone(q *BackupRequest) (unlock func(), err error) {
	if backup.IsFolder(q.To) {
		dir, err := filepath.Abs(h.Dir)
		if err != nil {
			return nil, err
		}
		if rel, err := filepath.Rel(dir, q.To); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			return nil, lang.NewProblem("backup_inside", q.To)
		}
	}
	f, err := os.OpenFile(filepath.Join(h.Dir, "backup.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(lang.NewProblem("backup_running"), f.Close())
	}
	return func() { f.Close() }, nil
}

// lineage names this copy of the node. It is not backed up: what is restored from a backup is another copy.
func (h *holdings) lineage() (string, error) {
	var l struct {
		Lineage string `json:"lineage"`
	}
	file := filepath.Join(h.Dir, "backup.json")
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		l.Lineage = rand.Text()
		return l.Lineage, writeJSON(file, l)
	}
	if err == nil {
		err = json.Unmarshal(b, &l)
	}
	if err == nil && l.Lineage == "" {
		err = lang.NewProblem("no_lineage")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return l.Lineage, nil
}
