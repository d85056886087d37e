package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// Restoration says what is brought back, and where to.
type Restoration struct {
	Dir  string // must be empty or absent
	From string // a folder, or s3://bucket/prefix
	S3   backup.S3
	Kit  *Kit
	// Passphrase gives the passphrase of the new root key; a new one may be made into the directory that it is given.
	Passphrase func(dir string) ([]byte, error)
	// OldMachineDestroyed is the operator's word that the machine whose backup this is will never run again. Only then a lone node gets its
	// validator key back and goes on with its ledger.
	OldMachineDestroyed bool
	Log                 *slog.Logger
	Tell                func(backup.Progress) // nil for none
}

// What became of a restored node's validator key.
const (
	ValidatorBack  = "back"  // a lone node has its own again
	ValidatorDrill = "drill" // a lone node has a new one, which its ledger does not know: it reads and proves, and anchors nothing
	ValidatorNew   = "new"   // a member has a new one, and the others have to vote for it
)

// Restored is what a restore brought back.
type Restored struct {
	Dir       string        `json:"dir"`
	Member    verify.Member `json:"member"`
	Chain     string        `json:"chain"`
	Number    uint64        `json:"number"` // of the backup
	Time      time.Time     `json:"time"`   // of the backup: what came later is not in it
	Files     int           `json:"files"`
	Bytes     int64         `json:"bytes"`
	Entries   uint64        `json:"entries"`
	Height    int64         `json:"height,omitempty"`
	Validator string        `json:"validator"`
}

// ReadKit reads a recovery kit.
func ReadKit(path string) (*Kit, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k := new(Kit)
	if err := json.Unmarshal(b, k); err != nil {
		return nil, fmt.Errorf("%s is no recovery kit: %w", path, err)
	}
	if k.Format != kitFormat || len(k.Organisation) != seedSize || len(k.MLDSA) != seedSize || len(k.Backup) != backup.MasterSize || len(k.Escrow) == 0 {
		return nil, fmt.Errorf("%s is no recovery kit, or not whole", path)
	}
	if verify.OrgOf(k.public()) != k.Org {
		return nil, fmt.Errorf("%s: the signing key is not that of the organisation it names", path)
	}
	return k, nil
}

func (k *Kit) public() verify.PublicKey {
	return verify.PublicKey(ed25519.NewKeyFromSeed(k.Organisation).Public().(ed25519.PublicKey))
}

// maxDamages bounds how many damaged files one restore names.
const maxDamages = 20

// Restore makes a node in an empty directory from the latest backup. Everything is checked before the directory appears under its name; on
// any error nothing is left. Errors: backup.ErrNone, backup.ErrKit, *backup.DamageError for each damaged object, joined.
func Restore(ctx context.Context, q *Restoration) (_ *Restored, err error) {
	if err := freeDir(q.Dir); err != nil {
		return nil, err
	}
	store, err := backup.Open(q.From, q.S3)
	if err != nil {
		return nil, err
	}
	s, err := backup.Latest(ctx, store, q.Kit.Backup, q.Kit.public())
	if err != nil {
		return nil, err
	}
	if s.Org != q.Kit.Org {
		return nil, backup.ErrKit
	}
	stage := filepath.Clean(q.Dir) + ".restoring"
	if err := os.MkdirAll(filepath.Dir(stage), 0o700); err != nil {
		return nil, err
	}
	if err := os.Mkdir(stage, 0o700); err != nil {
		return nil, fmt.Errorf("%w; a restore was cut short, or is running: delete %s when none is", err, stage)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(stage))
		}
	}()
	r := restoring{Restoration: q, Layout: Layout{stage}, from: s}
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	if err := os.Remove(q.Dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := os.Rename(stage, q.Dir); err != nil {
		return nil, err
	}
	r.done.Dir = q.Dir
	return &r.done, syncDir(filepath.Dir(stage))
}

// freeDir refuses a directory with anything in it.
func freeDir(dir string) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && len(list) > 0 {
		err = fmt.Errorf("%s is not empty; restore into an empty or new directory", dir)
	}
	return err
}

type restoring struct {
	*Restoration
	Layout
	from     *backup.Snapshot
	facts    backupFacts
	progress backup.Progress
	damages  []error
	done     Restored
}

func (r *restoring) run(ctx context.Context) error {
	if err := cbor.Unmarshal(r.from.Facts, &r.facts); err != nil {
		return fmt.Errorf("the backup's notes are malformed: %w", err)
	}
	r.done = Restored{Chain: r.from.Chain, Number: r.from.Number, Time: time.UnixMilli(r.from.Time).UTC(), Files: len(r.from.Files)}
	for _, part := range []func(context.Context) error{r.files, r.keyStore, r.check, r.chain} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	m, err := ReadMember(r.Layout.Dir)
	if err != nil {
		return err
	}
	r.done.Member, r.done.Bytes = *m, r.progress.Bytes
	return nil
}

// files brings back all files. A damaged one does not end it: the operator shall learn of all.
func (r *restoring) files(ctx context.Context) error {
	blobs, err := vault.NewDirBlobs(r.Blobs())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.Journal(), 0o700); err != nil {
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
		r.progress.File = f.Path
		if r.progress.Bytes += f.Size; r.Tell != nil {
			r.Tell(r.progress)
		}
	}
	return errors.Join(r.damages...)
}

func (r *restoring) file(ctx context.Context, f *backup.File, blobs vault.Blobs) error {
	dir, name := path.Split(f.Path)
	switch {
	case dir == "journal/":
		number, err := strconv.ParseUint(strings.TrimSuffix(name, ".segment"), 10, 32)
		if err != nil || segmentFile("", uint32(number)) != name {
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
	case dir == "" || dir == "checkpoints/" || strings.HasPrefix(dir, "ledger/"):
		return r.plain(ctx, f)
	}
	return fmt.Errorf("the backup has a file %s that this version does not know; use the version that made it", f.Path)
}

func (r *restoring) plain(ctx context.Context, f *backup.File) error {
	name := filepath.Join(r.Layout.Dir, filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	w, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = r.from.Copy(ctx, f, w)
	return errors.Join(err, w.Sync(), w.Close(), syncDir(filepath.Dir(name)))
}

// keyStore makes the key store from its pages, under a new root key.
func (r *restoring) keyStore(ctx context.Context) error {
	var pages []vault.SealedPage
	for i := range r.from.Secrets {
		if r.from.Secrets[i].Name != backupPages {
			continue
		}
		b, err := r.from.Open(ctx, &r.from.Secrets[i])
		if err != nil {
			return err
		}
		var some []vault.SealedPage
		if err := cbor.Unmarshal(b, &some); err != nil {
			return fmt.Errorf("pages of the key store in the backup: %w", err)
		}
		pages = append(pages, some...)
	}
	return r.raiseKeys(pages)
}

func (r *restoring) raiseKeys(pages []vault.SealedPage) (err error) {
	passphrase, err := r.Passphrase(r.Layout.Dir)
	if err != nil {
		return err
	}
	root, err := vault.CreatePassphraseRoot(r.Root(), passphrase)
	if err != nil {
		return err
	}
	if err := vault.RestoreFromEscrow(r.Keys(), root, r.Kit.Escrow, pages); err != nil {
		return err
	}
	v, err := vault.Open(r.Keys(), root, vault.Options{})
	if err != nil {
		return err
	}
	seed, err := v.Secret(secretOrg)
	if err == nil && !bytes.Equal(seed, r.Kit.Organisation) {
		err = errors.New("the key store in the backup is another organisation's")
	}
	return errors.Join(err, v.Close())
}

// check reads the journal once more as a whole: each segment follows the one before it.
func (r *restoring) check(ctx context.Context) error {
	err := journal.Scan(r.Journal(), journal.Cursor{}, func(at journal.Located) error {
		r.done.Entries = at.Next.Entry
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	if r.done.Entries < r.facts.Entries {
		return fmt.Errorf("the journal has %d entries, the backup says %d", r.done.Entries, r.facts.Entries)
	}
	return nil
}

// chain gives the node keys for its ledger. The record of what the old validator key signed is in no backup: a key that came back with an old
// one could sign a height twice, which the members would see as fraud.
func (r *restoring) chain(ctx context.Context) error {
	dir := r.Layout.Chain()
	_, validator, err := chain.GenerateKeys(dir)
	if err != nil {
		return err
	}
	if r.facts.Chain {
		if r.done.Height, err = r.height(ctx); err != nil {
			return err
		}
		if r.done.Height < r.facts.Height {
			return fmt.Errorf("the ledger ends at block %d, the backup says %d", r.done.Height, r.facts.Height)
		}
	}
	if r.facts.Lone && !r.OldMachineDestroyed {
		r.done.Validator = ValidatorDrill
		return nil
	}
	if r.facts.Lone {
		key, err := r.secret(ctx, backupValidator)
		if err != nil {
			return err
		}
		r.done.Validator = ValidatorBack
		_, err = chain.ReviveValidator(dir, key, r.done.Height)
		return err
	}
	// The members' nodes admit this one by its p2p key, which signs nothing.
	key, err := r.secret(ctx, backupNode)
	if err != nil {
		return err
	}
	nodeID, err := chain.ReviveNode(dir, key)
	if err != nil {
		return err
	}
	m, err := ReadMember(r.Layout.Dir)
	if err != nil {
		return err
	}
	m.NodeID, r.done.Validator = nodeID, ValidatorNew
	if m.Power > 0 {
		m.Validator = validator
	}
	return writeJSON(r.Layout.Member(), m)
}

// height opens the restored ledger, with keys that it does not know and that sign nothing, and tells where it ends.
func (r *restoring) height(ctx context.Context) (int64, error) {
	c, err := ReadConfig(r.Layout.Config())
	if err != nil {
		return 0, err
	}
	g, err := ReadGenesis(r.Layout.Dir)
	if err != nil {
		return 0, err
	}
	if g.Chain() != r.from.Chain {
		return 0, fmt.Errorf("the genesis in the backup is of the ledger %s, the backup of %s", g.Chain(), r.from.Chain)
	}
	config := engineConfig(r.Layout, c, g)
	config.Log = r.Log
	engine, err := chain.Open(ctx, config)
	if err != nil {
		return 0, fmt.Errorf("the ledger in the backup does not open: %w", err)
	}
	s, err := engine.Status(ctx)
	if err := errors.Join(err, engine.Close()); err != nil {
		return 0, err
	}
	return s.Height, nil
}

func (r *restoring) secret(ctx context.Context, name string) ([]byte, error) {
	for i := range r.from.Secrets {
		if r.from.Secrets[i].Name == name {
			return r.from.Open(ctx, &r.from.Secrets[i])
		}
	}
	return nil, fmt.Errorf("the backup has no %s", name)
}
