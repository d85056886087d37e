package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/verify"
)

// Options of a backup.
type Options struct {
	Master  []byte           // 32 bytes
	Org     verify.OrgID     // whose node it is
	Chain   string           // name of its ledger
	Public  verify.PublicKey // of the organisation
	Sign    func([]byte) verify.Signature
	Lineage string // names this copy of the node, so that two copies do not write to one place
	// TakeOver lets this copy go on where another wrote before.
	TakeOver bool
	Now      time.Time
	Tell     func(Progress) // nil for none
}

// Progress is how far a backup or a restore has come.
type Progress struct {
	File    string `json:"file,omitempty"`
	Bytes   int64  `json:"bytes"`   // dealt with
	Total   int64  `json:"total"`   // of them, as far as it is known
	Stored  int64  `json:"stored"`  // of them, put at the destination
	Objects int    `json:"objects"` // put at the destination
	Checked int64  `json:"checked"` // bytes of objects read back
	Share   int64  `json:"share"`   // bytes of objects that this backup reads back in all
}

// Writer is a backup under way. Nothing counts before Commit. It is for one goroutine.
type Writer struct {
	place
	opt      Options
	last     *Manifest // nil for the first, and where the last one cannot be read
	lastErr  error
	month    []byte
	stored   map[string]int64 // objects at the place
	bad      damages          // of them, and of those that should be there
	read     ReadBack
	manifest Manifest
	progress Progress
	piece    []byte
}

// Begin prepares a backup. Errors: ErrKit, ErrOtherNode, those of the place.
func Begin(ctx context.Context, s Store, o Options) (*Writer, error) {
	keys, err := expandMaster(o.Master)
	if err != nil {
		return nil, err
	}
	w := &Writer{place: place{s, keys, o.Public}, opt: o, stored: make(map[string]int64), bad: make(damages), piece: make([]byte, pieceSize)}
	w.manifest = Manifest{Org: o.Org, Chain: o.Chain, Time: o.Now.UnixMilli(), Month: monthOf(o.Now), Lineage: o.Lineage}
	if err := w.findLast(ctx); err != nil {
		return nil, err
	}
	if err := w.survey(ctx); err != nil {
		return nil, err
	}
	if err := w.openMonth(ctx); err != nil {
		return nil, err
	}
	w.miss()
	return w, w.readBack(ctx)
}

// findLast reads the backup before this one. One that is damaged is no reason not to make a new one.
func (w *Writer) findLast(ctx context.Context) error {
	last, _, err := w.latest(ctx)
	switch damage := (*DamageError)(nil); {
	case errors.Is(err, ErrNone):
		b, err := json.Marshal(repository{Format: repositoryFormat, ID: w.keys.id})
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		return w.Put(ctx, repositoryFile, append(b, '\n'))
	case errors.As(err, &damage) && damage.Object != repositoryFile:
		w.lastErr = err
		return nil
	case err != nil:
		return err
	}
	if last.Lineage != w.opt.Lineage {
		if !w.opt.TakeOver {
			return ErrOtherNode
		}
		last.Secrets = nil // the other copy's key store went its own way
	}
	w.last = last
	return nil
}

// survey learns what is at the place.
func (w *Writer) survey(ctx context.Context) error {
	note := func(name string, size int64) error {
		w.stored[name] = size
		if _, number, ok := parseManifestName(name); ok && number >= w.manifest.Number {
			w.manifest.Number = number + 1
		}
		return nil
	}
	for _, prefix := range []string{"objects/", "epoch/"} {
		if err := w.List(ctx, prefix, note); err != nil {
			return err
		}
	}
	return nil
}

// openMonth gets the key of this month, or makes it. One that does not open any more opens nothing: another takes its place, and this
// backup stores what was under it again.
func (w *Writer) openMonth(ctx context.Context) (err error) {
	w.month, err = w.place.month(ctx, w.manifest.Month)
	if damage := (*DamageError)(nil); !errors.Is(err, ErrNotFound) && !errors.As(err, &damage) {
		return err
	}
	w.month = newKey()
	name := epochFile(w.manifest.Month)
	return w.Put(ctx, name, seal(w.keys.epochs, name, w.month))
}

// Last is the backup that this one builds on; nil for none. The error says why the one there is cannot be built on.
func (w *Writer) Last() (*Manifest, error) { return w.last, w.lastErr }

// Keep takes a file that never changes over from the last backup, unread, if it is there whole: the same name, size and hash. known is what
// Known gave. It tells whether it did.
func (w *Writer) Keep(path string, size int64, hash verify.Hash, known map[string]*File) bool {
	f := known[path]
	if f == nil || f.Size != size || f.Hash != hash {
		return false
	}
	for i, h := range f.pieces() {
		if !w.there(w.keys.object(h), f.size(i)) {
			return false
		}
	}
	w.manifest.Files = append(w.manifest.Files, *f)
	w.tell(path, size)
	return true
}

// Known gives the files of the last backup by name, for Keep.
func (w *Writer) Known() map[string]*File {
	if w.last == nil {
		return nil
	}
	known := make(map[string]*File, len(w.last.Files))
	for i := range w.last.Files {
		known[w.last.Files[i].Path] = &w.last.Files[i]
	}
	return known
}

// Add backs up what r gives as a file; pieces that are at the place already are not stored again.
func (w *Writer) Add(ctx context.Context, path string, r io.Reader) (verify.Hash, error) {
	f, whole := File{Path: path}, sha256.New()
	for {
		n, err := io.ReadFull(r, w.piece)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return f.Hash, fmt.Errorf("backup: read %s: %w", path, err)
		}
		if n == 0 {
			break
		}
		b := w.piece[:n]
		whole.Write(b)
		f.Size += int64(n)
		h := verify.Hash(sha256.Sum256(b))
		f.Pieces = append(f.Pieces, h)
		if err := w.store(ctx, w.keys.piece, w.keys.object(h), b); err != nil {
			return f.Hash, err
		}
		w.tell(path, int64(n))
	}
	f.Hash = verify.Hash(whole.Sum(nil))
	if len(f.Pieces) == 1 {
		f.Pieces = nil
	}
	if err := f.check(); err != nil {
		return f.Hash, fmt.Errorf("%w: %w", ErrLimit, err)
	}
	w.manifest.Files = append(w.manifest.Files, f)
	return f.Hash, nil
}

// store puts an object unless it is there.
func (w *Writer) store(ctx context.Context, key []byte, name string, plain []byte) error {
	if w.there(name, int64(len(plain))) {
		return nil
	}
	sealed := seal(key, name, plain)
	if err := w.Put(ctx, name, sealed); err != nil {
		return err
	}
	w.stored[name] = int64(len(sealed))
	w.bad.mended(name)
	w.progress.Stored += int64(len(plain))
	w.progress.Objects++
	return nil
}

func (w *Writer) tell(path string, n int64) {
	w.progress.File = path
	w.progress.Bytes += n
	if w.opt.Tell != nil {
		w.opt.Tell(w.progress)
	}
}

// Secret backs up something that must not outlive the month.
func (w *Writer) Secret(ctx context.Context, name string, b []byte) error {
	h := verify.Hash(sha256.Sum256(b))
	object := secretName(w.manifest.Month, w.month, h)
	if err := w.store(ctx, w.month, object, b); err != nil {
		return err
	}
	w.manifest.Secrets = append(w.manifest.Secrets, Secret{Name: name, Object: object, Hash: h, Size: int64(len(b))})
	w.tell(name, int64(len(b)))
	return nil
}

// Carry takes the last backup's secrets of a name over, all or none, if they are of this month and there. It tells whether it did.
func (w *Writer) Carry(name string) bool {
	if w.last == nil || w.last.Month != w.manifest.Month {
		return false
	}
	var all []Secret
	for _, s := range w.last.Secrets {
		if s.Name != name {
			continue
		}
		if !w.there(s.Object, s.Size) {
			return false
		}
		all = append(all, s)
	}
	w.manifest.Secrets = append(w.manifest.Secrets, all...)
	return len(all) > 0
}

// Commit completes the backup: manifest first, then the pointer to it.
func (w *Writer) Commit(ctx context.Context, facts []byte) (*Manifest, Progress, error) {
	w.manifest.Facts = facts
	b, err := cbor.Marshal(&w.manifest)
	if err == nil {
		b, err = cbor.Marshal(signed{Manifest: b, Signature: w.opt.Sign(signedBytes(b))})
	}
	if err != nil {
		return nil, w.progress, fmt.Errorf("backup: manifest: %w", err)
	}
	if len(b)+overhead > maxObject {
		return nil, w.progress, fmt.Errorf("%w: a manifest of %d files takes %d bytes", ErrLimit, len(w.manifest.Files), len(b))
	}
	name := manifestName(w.manifest.Month, w.manifest.Number)
	if err := w.Put(ctx, name, seal(w.month, name, b)); err != nil {
		return nil, w.progress, err
	}
	w.stored[name] = int64(len(b) + overhead)
	if err := w.Put(ctx, latestFile, []byte(name+"\n")); err != nil {
		return nil, w.progress, err
	}
	got, err := w.Get(ctx, latestFile) // a place that says yes and keeps nothing shows here
	if err != nil || !bytes.Equal(bytes.TrimSpace(got), []byte(name)) {
		return nil, w.progress, fmt.Errorf("backup: %s reads back as %q: %w", latestFile, strings.TrimSpace(string(got)), errors.Join(err, errors.New("another program writes to the same place")))
	}
	return &w.manifest, w.progress, nil
}
