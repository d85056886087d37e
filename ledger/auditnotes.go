package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sijil-health/sijil/verify"
)

// storedNote is a checkpoint on disk, to be held against the recomputed log.
type storedNote struct {
	path       string
	note       *verify.Note
	checkpoint *verify.Checkpoint
}

// notes reads the stored checkpoints. Those that cannot be read are findings.
func (a *audit) notes(ctx context.Context) (map[uint64][]storedNote, error) {
	out := make(map[uint64][]storedNote)
	if a.opt.Notes == "" {
		return out, nil
	}
	if err := a.signedTree(ctx); err != nil {
		return nil, err
	}
	kept := &Checkpoints{dir: a.opt.Notes}
	names, err := kept.files()
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil // none were made yet
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		n, c, err := kept.read(name)
		if err != nil {
			if err := a.passable(ctx, "checkpoint", filepath.Join(a.opt.Notes, name), err); err != nil {
				return nil, err
			}
			continue
		}
		if n == nil {
			continue
		}
		out[c.Size] = append(out[c.Size], storedNote{filepath.Join(a.opt.Notes, name), n, c})
	}
	return out, nil
}

// signedTree reads what a Notary keeps of the largest tree that it signed; without it none begins.
func (a *audit) signedTree(ctx context.Context) error {
	path := (&Notary{opt: NotaryOptions{Store: &Checkpoints{dir: a.opt.Notes}}}).signedPath()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var tree signed
	if err == nil {
		err = json.Unmarshal(b, &tree)
	}
	if err == nil && a.opt.Engine != nil {
		root, rootErr := a.opt.Engine.LogRoot(ctx, tree.Size)
		switch {
		case errors.Is(rootErr, ErrNotFound) && a.report.ChainAbsent:
		case errors.Is(rootErr, ErrNotFound):
			err = fmt.Errorf("it is of %d anchors, the chain kept here has %d", tree.Size, a.total.AnchorsTotal)
		case rootErr == nil && root != tree.Root:
			err = fmt.Errorf("its root for %d anchors is not that of the chain", tree.Size)
		}
	}
	return a.passable(ctx, "the last tree signed", path, err)
}

// compare holds the checkpoints of a size against the log recomputed up to there.
func (w *chainWalk) compare(size uint64) error {
	notes := w.notes[size]
	if len(notes) == 0 {
		return nil
	}
	root := verify.BatchRoot(nil) // the checkpoints of the empty log come last, when the log has grown
	if size > 0 {
		var err error
		if root, err = w.root(); err != nil {
			return err
		}
	}
	for _, n := range notes {
		if why := w.note(&n, root); why != "" {
			w.damaged(Damage{What: "checkpoint", File: n.path, Detail: why})
			continue
		}
		w.report.Checkpoints++
	}
	delete(w.notes, size)
	return nil
}

// note says what is wrong with a stored checkpoint. Whose signatures it needs is for the reader of receipts to say;
// here it must be of this log, and signed by somebody who was a member.
func (w *chainWalk) note(n *storedNote, root verify.Hash) string {
	if n.checkpoint.Origin != verify.OriginOf(w.name) {
		return "it is of another ledger"
	}
	if n.checkpoint.Root != root {
		return fmt.Sprintf("%v: its root for %d anchors is not that of the chain", verify.ErrFork, n.checkpoint.Size)
	}
	keys, err := memberKeys(w.name, w.members.Members)
	if err == nil && n.checkpoint.Members == verify.MembersHash(w.members.Members) {
		var good []verify.Verified
		if good, err = n.note.Verify(keys); err == nil && len(good) == 0 && n.checkpoint.Epoch == 0 {
			return "no member signed it"
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
