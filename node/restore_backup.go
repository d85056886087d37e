package node

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// maxDamages bounds how many damaged files one restore names.
const maxDamages = 20

// openBackup finds the latest backup and reads its notes.
func (r *restoring) openBackup(ctx context.Context) error {
	store, err := backup.Open(r.From, r.S3)
	if err != nil {
		return err
	}
	if r.from, err = backup.Latest(ctx, store, r.Kit.Backup, r.Kit.public()); err != nil {
		return err
	}
	if r.from.Org != r.Kit.Org {
		return backup.ErrKit
	}
	if err := cbor.Unmarshal(r.from.Facts, &r.facts); err != nil {
		return fmt.Errorf("the backup's notes are malformed: %w", err)
	}
	r.done.Chain, r.done.Number, r.done.Time, r.done.Files = r.from.Chain, r.from.Number, time.UnixMilli(r.from.Time).UTC(), len(r.from.Files)
	return nil
}

// files brings back all files. A damaged one does not end it: the operator shall learn of all.
func (r *restoring) files(ctx context.Context) error {
	blobs, err := vault.NewDirBlobs(r.Blobs())
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(r.Journal(), 0o700); err != nil {
		return err
	}
	for i := range r.from.Files {
		r.progress.Total += r.from.Files[i].Size
	}
	for i := range r.from.Files {
		f := &r.from.Files[i]
		err := r.file(ctx, f, blobs)
		if damage := (*backup.DamageError)(nil); errors.As(err, &damage) {
			if r.damages = append(r.damages, damage); len(r.damages) == maxDamages {
				break
			}
			continue
		}
		if err != nil {
			return err
		}
		r.tell(f.Path, f.Size)
	}
	return errors.Join(r.damages...)
}

func (r *restoring) file(ctx context.Context, f *backup.File, blobs vault.Blobs) error {
	dir, name := path.Split(f.Path)
	switch {
	case dir == "journal/":
		number, err := strconv.ParseUint(strings.TrimSuffix(name, ".segment"), 10, 32)
		if err != nil || journal.SegmentFile("", uint32(number)) != name {
			return fmt.Errorf("the backup has a file %s, which is no segment of a journal", f.Path)
		}
		in, out := io.Pipe()
		go func() { out.CloseWithError(r.from.Copy(ctx, f, out)) }()
		err = journal.Restore(r.Journal(), uint32(number), in)
		in.Close() // ends the copying where the journal refused what it got
		return err
	case dir == "blobs/":
		h, err := hex.DecodeString(name)
		if err != nil || len(h) != len(f.Hash) {
			return fmt.Errorf("the backup has a file %s, which is no ciphertext", f.Path)
		}
		var b bytes.Buffer
		if err := r.from.Copy(ctx, f, &b); err != nil {
			return err
		}
		return blobs.Put(ctx, verify.Hash(h), b.Bytes())
	case dir == "" || dir == "checkpoints/" || dir == "fhir/packages/" || strings.HasPrefix(dir, "ledger/"):
		return r.plain(ctx, f)
	}
	return fmt.Errorf("the backup has a file %s that this version does not know; use the version that made it", f.Path)
}

func (r *restoring) plain(ctx context.Context, f *backup.File) error {
	name := filepath.Join(r.Layout.Dir, filepath.FromSlash(f.Path))
	if err := durable.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	w, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = r.from.Copy(ctx, f, w)
	return errors.Join(err, w.Sync(), w.Close(), durable.SyncDir(filepath.Dir(name)))
}

// backupKeys gives the pages of the key store in the backup.
func (r *restoring) backupKeys(ctx context.Context) (pages []vault.SealedPage, err error) {
	for i := range r.from.Secrets {
		if r.from.Secrets[i].Name != backupPages {
			continue
		}
		b, err := r.from.Open(ctx, &r.from.Secrets[i])
		if err != nil {
			return nil, err
		}
		var some []vault.SealedPage
		if err := cbor.Unmarshal(b, &some); err != nil {
			return nil, fmt.Errorf("pages of the key store in the backup: %w", err)
		}
		pages = append(pages, some...)
	}
	return pages, nil
}

func (r *restoring) secret(ctx context.Context, name string) ([]byte, error) {
	for i := range r.from.Secrets {
		if r.from.Secrets[i].Name == name {
			return r.from.Open(ctx, &r.from.Secrets[i])
		}
	}
	return nil, fmt.Errorf("the backup has no %s", name)
}
