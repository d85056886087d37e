package node

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/backup"
	"github.com/sijil-health/sijil/journal"
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
	Check  *CheckReport  `json:"check,omitempty"`
	Failure
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
	// ReadBack is the part of the place that was read back and opened.
	ReadBack backup.ReadBack `json:"read_back"`
	Note     string          `json:"note,omitempty"` // what the operator should know
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
	store, unlock, err := h.place(q)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := h.begin(ctx, store, q, begin, tell); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{h.papers, h.plans, h.ledger, h.segments, h.ciphertexts, h.secrets} {
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
		Entries: h.facts.Entries, Chain: h.facts.Chain, Height: h.facts.Height, ReadBack: h.writer.ReadBack(),
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
