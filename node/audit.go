package node

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// AuditEvent is one line of what an audit tells while it runs; the last one has the report.
type AuditEvent struct {
	Progress *ledger.Progress    `json:"progress,omitempty"`
	Report   *ledger.AuditReport `json:"report,omitempty"`
	Error    string              `json:"error,omitempty"`
}

// Audit verifies again, from the genesis on, everything that the node in dir keeps. A node that runs there does it itself; otherwise its
// engine and journal are opened for it. No key is needed: nothing is opened but hashes. tell is called from one goroutine.
func Audit(ctx context.Context, dir string, log *slog.Logger, tell func(AuditEvent)) error {
	resp, err := AskRaw(ctx, dir, http.MethodPost, "/audit", nil)
	if err == nil {
		defer resp.Body.Close()
		for d := json.NewDecoder(resp.Body); d.More(); {
			var e AuditEvent
			if err := d.Decode(&e); err != nil {
				return err
			}
			tell(e)
		}
		return nil
	}
	if !errors.Is(err, ErrNotRunning) {
		return err
	}
	return auditStopped(ctx, dir, log, tell)
}

func auditStopped(ctx context.Context, dir string, log *slog.Logger, tell func(AuditEvent)) (err error) {
	l := Layout{dir}
	c, err := ReadConfig(l.Config())
	if err != nil {
		return err
	}
	g, err := ReadGenesis(dir)
	if err != nil {
		return err
	}
	m, err := ReadMember(dir)
	if err != nil {
		return err
	}
	config := engineConfig(l, c, g)
	config.Log = log
	engine, err := chain.Open(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	j, err := journal.Open(l.Journal(), journal.Options{Log: log})
	if damage := (*journal.DamageError)(nil); errors.As(err, &damage) {
		tell(AuditEvent{Report: &ledger.AuditReport{Damages: []ledger.Damage{{What: "journal", File: damage.File, Detail: damage.Reason}}}})
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	blobs, err := vault.NewDirBlobs(l.Blobs())
	if err != nil {
		return err
	}
	checkpoints, err := ledger.OpenCheckpoints(l.Checkpoints())
	if err != nil {
		return err
	}
	return audit(ctx, ledger.AuditOptions{
		Org: m.Org, Genesis: g, Engine: engine, Journal: j, Plans: l.Plans(), Checkpoints: checkpoints, Blob: blobCheck(blobs),
	}, tell)
}

func (n *Node) adminAudit(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	e := json.NewEncoder(w)
	tell := func(event AuditEvent) {
		_ = e.Encode(event) // whoever asked has gone; the audit ends with the request
		_ = http.NewResponseController(w).Flush()
	}
	err := audit(r.Context(), ledger.AuditOptions{
		Org: n.org, Genesis: n.genesis, Engine: n.engine, Journal: n.journal, Plans: n.Plans(),
		Checkpoints: n.checkpoints, Blob: blobCheck(n.blobs),
	}, tell)
	if err != nil {
		tell(AuditEvent{Error: err.Error()})
	}
}

func blobCheck(blobs vault.Blobs) func(context.Context, uint64, verify.Hash) error {
	return func(ctx context.Context, _ uint64, h verify.Hash) error {
		_, err := blobs.Get(ctx, h)
		return err
	}
}

// auditTellEvery is the pause between two lines of progress.
const auditTellEvery = 200 * time.Millisecond

func audit(ctx context.Context, o ledger.AuditOptions, tell func(AuditEvent)) error {
	var mu sync.Mutex
	var last time.Time
	report, err := ledger.Audit(ctx, o, func(p ledger.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last) >= auditTellEvery {
			last = now
			tell(AuditEvent{Progress: &p})
		}
	})
	if err != nil {
		return err
	}
	tell(AuditEvent{Report: report})
	return nil
}
