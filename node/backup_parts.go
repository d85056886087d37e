package node

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// papers are the small public files, the packages of FHIR definitions, and the checkpoints.
func (h *holdings) papers(ctx context.Context) error {
	for _, name := range []string{h.Config(), h.Genesis(), h.Member(), h.Trust()} {
		if err := h.file(ctx, filepath.Base(name), name); err != nil {
			return err
		}
	}
	if err := h.folder(ctx, "fhir/packages", h.Packages(), func(name string) bool { return strings.HasSuffix(name, packageFile) }); err != nil {
		return err
	}
	return h.folder(ctx, "checkpoints", h.Checkpoints(), func(name string) bool { return strings.HasSuffix(name, ".note") })
}

// ledger is the chain itself, where nobody else has it.
func (h *holdings) ledger(ctx context.Context) (err error) {
	if h.still == nil {
		return nil
	}
	tmp := filepath.Join(h.Dir, "backup-chain.tmp")
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if h.facts.Height, err = h.still(ctx, tmp); err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	h.facts.Chain = true
	files, err := look(tmp)
	if err != nil {
		return err
	}
	for name := range files {
		if err := h.file(ctx, path.Join(backupChain, name), filepath.Join(tmp, name)); err != nil {
			return err
		}
	}
	return nil
}

func (h *holdings) plans(ctx context.Context) error {
	return h.folder(ctx, "ledger/plans", h.Plans(), func(name string) bool { return strings.HasSuffix(name, ".plans") })
}

// folder backs up the files of a directory that are wanted.
func (h *holdings) folder(ctx context.Context, as, dir string, want func(string) bool) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range list {
		if f.Type().IsRegular() && want(f.Name()) && !strings.HasPrefix(f.Name(), ".") {
			if err := h.file(ctx, path.Join(as, f.Name()), filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// file backs up a file as far as it reaches now: those that grow only ever get more at their end.
func (h *holdings) file(ctx context.Context, as, name string) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	_, err = h.writer.Add(ctx, as, io.LimitReader(f, info.Size()))
	return err
}

// segments are the journal: what is sealed once, the last one as far as it is durable.
func (h *holdings) segments(ctx context.Context) error {
	known := h.writer.Known()
	h.facts.Entries = h.journal.End().Entry // what becomes durable from here on may be in it too
	for _, s := range h.journal.Segments() {
		name := filepath.Base(journal.SegmentFile("", s.Number))
		as := path.Join("journal", name)
		if s.Sealed && h.writer.Keep(as, s.Size, s.Hash, known) {
			continue
		}
		f, err := os.Open(filepath.Join(h.Journal(), name))
		if err != nil {
			return err
		}
		hash, err := h.writer.Add(ctx, as, io.LimitReader(f, s.Size))
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		if s.Sealed && hash != s.Hash {
			return lang.NewProblem("backup_damage").In(name)
		}
	}
	return nil
}

// ciphertexts are the blobs outside the journal. They never change: only new ones are read.
func (h *holdings) ciphertexts(ctx context.Context) error {
	known := h.writer.Known()
	return h.blobs.Walk(ctx, func(hash verify.Hash, size int64) error {
		as := path.Join("blobs", hex.EncodeToString(hash[:]))
		if h.writer.Keep(as, size, hash, known) {
			return nil
		}
		b, err := h.blobs.Get(ctx, hash)
		if errors.Is(err, vault.ErrNotFound) {
			return nil // deleted since it was listed
		}
		if err != nil {
			return lang.NewProblem("backup_damage").Because(err)
		}
		_, err = h.writer.Add(ctx, as, bytes.NewReader(b))
		return err
	})
}
