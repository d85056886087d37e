package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/sijil-health/sijil/verify"
)

// What somebody outside has cosigned stays cosigned. A later checkpoint that a witness did not see must not take its signature out
// of receipts, so the store keeps each witness's last one beside the latest.

func witnessFile(k verify.NoteKey) string { return witnessNote(k.ID()) }

func witnessNote(id uint32) string { return fmt.Sprintf("witness-%08x%s", id, noteSuffix) }

// readKept reads the kept notes. One that is damaged is passed over: the audit finds it, and the next cosignature replaces it.
func (s *Checkpoints) readKept() error {
	names, err := s.files()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != quorumFile && !strings.HasPrefix(name, "witness-") {
			continue
		}
		n, c, err := s.read(name)
		if damage := (*Damage)(nil); errors.As(err, &damage) {
			continue
		}
		if err != nil {
			return err
		}
		s.kept[name] = &storedNote{filepath.Join(s.dir, name), n, c}
	}
	return nil
}

// keepCosigned keeps a note for each witness that signed it, unless a later one of that witness is there. The caller holds s.mu.
func (s *Checkpoints) keepCosigned(n *verify.Note, c *verify.Checkpoint) error {
	for _, x := range n.Signatures {
		if ofWitness(x, c) {
			if err := s.keep(witnessNote(x.ID), n, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// putQuorum keeps a note that more than two thirds of the voting members signed.
func (s *Checkpoints) putQuorum(n *verify.Note, c *verify.Checkpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keep(quorumFile, n, c)
}

func (s *Checkpoints) keep(name string, n *verify.Note, c *verify.Checkpoint) error {
	if old := s.kept[name]; old != nil {
		if err := verify.CheckHeads(old.checkpoint, c); err != nil {
			return err
		}
		if old.checkpoint.Height > c.Height || old.checkpoint.Size > c.Size {
			return nil
		}
		if n = merge(old.note, n); n.Encode() == old.note.Encode() {
			return nil
		}
	}
	if err := s.write(name, n); err != nil {
		return err
	}
	s.kept[name] = &storedNote{filepath.Join(s.dir, name), n, c}
	return nil
}

// Cosigned gives the last checkpoint stored that a witness cosigned; nil when there is none. The caller must not change it.
func (s *Checkpoints) Cosigned(witness verify.NoteKey) (*verify.Note, *verify.Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.kept[witnessFile(witness)]; k != nil {
		return k.note, k.checkpoint
	}
	if s.latest != nil && slices.ContainsFunc(s.latest.Signatures, func(x verify.NoteSignature) bool { return x.ID == witness.ID() && x.Name == witness.Name() }) {
		return s.latest, s.head
	}
	return nil, nil
}

// ofWitness tells whether a signature on a checkpoint is a witness's: members sign under the name of the log.
func ofWitness(x verify.NoteSignature, c *verify.Checkpoint) bool {
	return !strings.HasPrefix(x.Name, c.Origin+"/")
}

// signerOf names whose signature it is, so that the keys of one member count as one.
func signerOf(x verify.NoteSignature, c *verify.Checkpoint) string {
	if ofWitness(x, c) {
		return fmt.Sprintf("%s+%08x", x.Name, x.ID)
	}
	return x.Name
}

// heads gives the latest checkpoint and those kept, one of each text with the signatures of all its copies; the largest first.
func (s *Checkpoints) heads() []storedNote {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []storedNote
	add := func(n *verify.Note, c *verify.Checkpoint) {
		if i := slices.IndexFunc(out, func(h storedNote) bool { return h.note.Text == n.Text }); i >= 0 {
			out[i].note = merge(out[i].note, n)
			return
		}
		out = append(out, storedNote{note: n, checkpoint: c})
	}
	if s.latest != nil {
		add(s.latest, s.head)
	}
	for _, k := range s.kept {
		add(k.note, k.checkpoint)
	}
	slices.SortFunc(out, func(a, b storedNote) int {
		return cmp.Or(cmp.Compare(b.checkpoint.Size, a.checkpoint.Size), cmp.Compare(b.checkpoint.Height, a.checkpoint.Height))
	})
	return out
}

// covering chooses checkpoints that cover an anchor and together bear the signatures of all who signed any that do: first the one with
// most signers, then whichever adds most, the later of equals. Almost always that is one. A checkpoint of an epoch whose beginning is
// not stored is left out: no reader could follow it there.
func (s *Checkpoints) covering(index uint64) ([]storedNote, error) {
	heads := s.heads()
	var failed error
	heads = slices.DeleteFunc(heads, func(h storedNote) bool {
		if h.checkpoint.Size <= index || h.checkpoint.Epoch == 0 {
			return h.checkpoint.Size <= index
		}
		begin, err := s.Epoch(h.checkpoint.Epoch)
		failed = errors.Join(failed, err)
		return begin == nil
	})
	var chosen []storedNote
	signed := make(map[string]bool)
	for {
		best, most := -1, 0
		for i, h := range heads {
			if added := adds(&h, signed); added > most {
				best, most = i, added
			}
		}
		if best < 0 {
			return chosen, failed
		}
		chosen = append(chosen, heads[best])
		for _, x := range heads[best].note.Signatures {
			signed[signerOf(x, heads[best].checkpoint)] = true
		}
	}
}

// adds counts the signers of a checkpoint that are not among those who signed already.
func adds(h *storedNote, signed map[string]bool) int {
	fresh := make(map[string]bool)
	for _, x := range h.note.Signatures {
		if who := signerOf(x, h.checkpoint); !signed[who] {
			fresh[who] = true
		}
	}
	return len(fresh)
}

// Uncovered counts the entries of the journal that a tree of the global log of that size does not cover.
// Errors: *Damage, those of the engine; ErrNotFound while lost plans are made again.
func (a *Anchorer) Uncovered(ctx context.Context, size uint64) (uint64, error) {
	end := a.opt.Journal.End().Entry
	head, ok, err := a.opt.Engine.Head(ctx, a.opt.Org)
	if err != nil || !ok {
		return end, err
	}
	var failed error
	seq := uint64(sort.Search(int(head.Seq)+1, func(i int) bool {
		an, err := a.opt.Engine.Anchor(ctx, a.opt.Org, uint64(i))
		failed = errors.Join(failed, err)
		return err != nil || an.Index >= size
	}))
	if failed != nil || seq == 0 {
		return end, failed
	}
	p, err := a.plans.Get(seq - 1)
	if err != nil {
		return 0, err
	}
	return end - p.End.Entry, nil
}
