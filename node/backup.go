package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// BackupRequest says where to and how.
type BackupRequest struct {
	To       string    `json:"to"` // an absolute folder, or s3://bucket/prefix
	S3       backup.S3 `json:"s3"`
	KeepDays int       `json:"keep_days"` // after the end of a month, until its keys are destroyed
	TakeOver bool      `json:"take_over,omitempty"`
}

// BackupEvent is one line of what a backup tells while it runs; the last one has a report or an error.
type BackupEvent struct {
	backup.Progress
	Report *BackupReport `json:"report,omitempty"`
	Error  string        `json:"error,omitempty"`
}

// BackupReport says what a backup holds. It is kept as last-backup.
type BackupReport struct {
	To      string       `json:"to"`
	Number  uint64       `json:"number"`
	Time    time.Time    `json:"time"`
	Files   int          `json:"files"`
	Bytes   int64        `json:"bytes"`   // that the backup makes up
	Stored  int64        `json:"stored"`  // of them, stored this time
	Objects int          `json:"objects"` // stored this time
	Entries uint64       `json:"entries"`
	Chain   bool         `json:"chain"` // the ledger itself is in it
	Height  int64        `json:"height,omitempty"`
	Seconds float64      `json:"seconds"`
	Swept   backup.Swept `json:"swept"`
	Note    string       `json:"note,omitempty"` // what the operator should know
}

// backupFacts is what a backup notes for the next one, and for a restore.
type backupFacts struct {
	Entries uint64 `cbor:"1,keyasint"`
	Height  int64  `cbor:"2,keyasint"` // of the chain, if it is in the backup
	Chain   bool   `cbor:"3,keyasint"`
	Lone    bool   `cbor:"4,keyasint"` // the ledger had one member, whose validator key is in the backup
	Edition uint64 `cbor:"5,keyasint"` // of the key store: where the next backup's pages begin
}

// Names of the secrets in a backup.
const (
	backupPages     = "key store"
	backupNode      = "p2p key"
	backupValidator = "validator key"
	backupChain     = "ledger/chain"
)

// pagesPerSecret bounds one bundle of key-store pages to about 4 MiB.
const pagesPerSecret = 1000

// holdings is what is backed up: a node's parts, running or opened for it.
type holdings struct {
	Layout
	org     verify.OrgID
	chain   string
	keys    *signers
	vault   *vault.Vault
	journal *journal.Journal
	blobs   vault.Blobs
	lone    bool
	// still copies the engine's files, at rest, into a directory and gives the height; nil leaves the chain out.
	still func(ctx context.Context, to string) (height int64, err error)

	writer *backup.Writer
	facts  backupFacts
}

// run makes a backup. The order matters: what refers to something is read before what it refers to, so that whatever is written meanwhile
// leaves nothing in the backup that points at nothing: checkpoints, chain, plans, journal, ciphertexts, keys.
func (h *holdings) run(ctx context.Context, q *BackupRequest, tell func(BackupEvent)) (*BackupReport, error) {
	begin := time.Now()
	unlock, err := h.alone(q)
	if err != nil {
		return nil, err
	}
	defer unlock()
	store, err := backup.Open(q.To, q.S3)
	if err != nil {
		return nil, err
	}
	if err := h.begin(ctx, store, q, begin, tell); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{h.papers, h.ledger, h.plans, h.segments, h.ciphertexts, h.secrets} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	facts, err := cbor.Marshal(h.facts)
	if err != nil {
		return nil, err
	}
	m, p, err := h.writer.Commit(ctx, facts)
	if err != nil {
		return nil, err
	}
	r := &BackupReport{
		To: q.To, Number: m.Number, Time: time.UnixMilli(m.Time).UTC(), Files: len(m.Files), Bytes: p.Bytes, Stored: p.Stored, Objects: p.Objects,
		Entries: h.facts.Entries, Chain: h.facts.Chain, Height: h.facts.Height,
	}
	if _, err := h.writer.Last(); err != nil {
		r.Note = fmt.Sprintf("the backup before this one cannot be read, so everything was compared anew: %v", err)
	}
	if r.Swept, err = h.writer.Sweep(ctx, q.KeepDays); err != nil {
		r.Note = fmt.Sprintf("the backup is complete, but old ones could not be removed: %v", err)
	}
	r.Seconds = time.Since(begin).Seconds()
	return r, writeJSON(filepath.Join(h.Dir, "last-backup"), r)
}

// alone keeps a second backup of this node from running beside, and a backup from going into what it backs up.
func (h *holdings) alone(q *BackupRequest) (unlock func(), err error) {
	if backup.IsFolder(q.To) {
		dir, err := filepath.Abs(h.Dir)
		if err != nil {
			return nil, err
		}
		if rel, err := filepath.Rel(dir, q.To); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			return nil, fmt.Errorf("%s lies in the data directory; a backup there is lost with it. Choose another disk", q.To)
		}
	}
	f, err := os.OpenFile(filepath.Join(h.Dir, "backup.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errors.New("another backup of this node is running; wait for its end"), f.Close())
	}
	return func() { f.Close() }, nil
}

func (h *holdings) begin(ctx context.Context, s backup.Store, q *BackupRequest, now time.Time, tell func(BackupEvent)) error {
	master, err := h.vault.Secret(secretBackup)
	if err != nil {
		return err
	}
	lineage, err := h.lineage()
	if err != nil {
		return err
	}
	total := int64(0)
	for _, seg := range h.journal.Segments() {
		total += seg.Size
	}
	if err := h.blobs.Walk(ctx, func(_ verify.Hash, size int64) error { total += size; return nil }); err != nil {
		return err
	}
	h.writer, err = backup.Begin(ctx, s, backup.Options{
		Master: master, Org: h.org, Chain: h.chain, Public: h.keys.public(), Sign: h.keys.sign, Lineage: lineage, TakeOver: q.TakeOver, Now: now,
		Tell: func(p backup.Progress) { p.Total = max(total, p.Bytes); tell(BackupEvent{Progress: p}) },
	})
	return err
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
		err = errors.New("it names no lineage; delete the file")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return l.Lineage, nil
}

// papers are the small public files, and the checkpoints.
func (h *holdings) papers(ctx context.Context) error {
	for _, name := range []string{h.Config(), h.Genesis(), h.Member(), h.Trust()} {
		if err := h.file(ctx, filepath.Base(name), name); err != nil {
			return err
		}
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
		name := filepath.Base(segmentFile("", s.Number))
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
			return fmt.Errorf("journal segment %s is damaged, and damage is not backed up; run `sijil scrub`", name)
		}
	}
	return nil
}

func segmentFile(dir string, number uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%010d.segment", number))
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
			return fmt.Errorf("%w; damage is not backed up: run `sijil scrub`", err)
		}
		_, err = h.writer.Add(ctx, as, bytes.NewReader(b))
		return err
	})
}

// secrets are what must die with the month's key: the key store's pages as custodians get them, and the node's own keys.
func (h *holdings) secrets(ctx context.Context) error {
	since := uint64(0)
	if last, _ := h.writer.Last(); last != nil {
		var facts backupFacts
		if err := cbor.Unmarshal(last.Facts, &facts); err == nil && h.writer.Carry(backupPages) {
			since = facts.Edition
		}
	}
	for {
		pages, next, err := h.vault.EscrowPages(since)
		if err != nil {
			return err
		}
		for rest := pages; len(rest) > 0; {
			n := min(len(rest), pagesPerSecret)
			b, err := cbor.Marshal(rest[:n])
			if err == nil {
				err = h.writer.Secret(ctx, backupPages, b)
			}
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		since, h.facts.Edition = next, next
		if len(pages) < vault.MaxEscrowSet {
			break
		}
	}
	node, validator, err := chain.KeyCopies(h.Layout.Chain())
	if err != nil {
		return err
	}
	if err := h.writer.Secret(ctx, backupNode, node); err != nil {
		return err
	}
	if h.facts.Lone = h.lone; !h.lone {
		return nil // the others vote for a new one; a copy could only do harm
	}
	return h.writer.Secret(ctx, backupValidator, validator)
}
