package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

const (
	sealedSize   = 1 + 96 + 28         // bytes of a sealed entry of the smallest size (vault.SealEntry), which a read's is
	entrySize    = 56 + 1 + sealedSize // of an entry in the journal (journal.Entry)
	perRecord    = 64                  // entries of one record: what a transaction of 64 resources leaves
	appenders    = 8
	lead         = 1 << 18 // how many entries the journal may be ahead of the chain: what the node's memory is for is measured, not a backlog
	ledgerWithin = time.Minute
)

// ledgerNode is a node that does nothing but keep the ledger.
type ledgerNode struct {
	spec     ledgerSpec
	engine   ledger.Engine
	journal  *journal.Journal
	anchorer *ledger.Anchorer
	org      verify.OrgID
	entries  []journal.Entry // sealed already
}

// plainSealer is the vault's part in batches with keys of its own.
type plainSealer struct{}

// BatchKey implements ledger.Sealer.
func (plainSealer) BatchKey(run uint64) (ledger.BatchKey, error) {
	return sha256.Sum256(binary.BigEndian.AppendUint64(nil, run)), nil
}

func publicKey(seed []byte) verify.PublicKey {
	return verify.PublicKey(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

func openLedgerNode(s ledgerSpec) (role, error) {
	n := &ledgerNode{spec: s, org: verify.OrgOf(publicKey(s.Seed))}
	if err := n.open(context.Background()); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *ledgerNode) open(ctx context.Context) (err error) {
	dir := filepath.Join(n.spec.Dir, "chain")
	if n.engine, err = chain.Open(ctx, chain.Config{Dir: dir, Keys: dir, Genesis: n.spec.Genesis, Listen: n.spec.Listen, Keep: -1}); err != nil {
		return err
	}
	if n.journal, err = journal.Open(filepath.Join(n.spec.Dir, "journal"), journal.Options{}); err != nil {
		return err
	}
	key := ed25519.NewKeyFromSeed(n.spec.Seed)
	n.anchorer, err = ledger.OpenAnchorer(ctx, ledger.Options{
		Org: n.org, Chain: n.spec.Genesis.Chain(), Journal: n.journal, Engine: n.engine, Sealer: plainSealer{},
		Sign:  func(b []byte) verify.Signature { return verify.Signature(ed25519.Sign(key, b)) },
		Plans: filepath.Join(n.spec.Dir, "plans"), Copies: func() int { return 1 },
	})
	n.entries = make([]journal.Entry, 4096)
	for i := range n.entries {
		e := &n.entries[i]
		e.Envelope = make([]byte, sealedSize)
		for _, b := range [][]byte{e.Envelope[1:], e.Bind[:], e.Guide[:]} {
			_, _ = rand.Read(b) // never fails
		}
	}
	return err
}

func (n *ledgerNode) do(o order) (result, error) {
	switch o.Do {
	case "ready":
		return result{}, n.ready()
	case "load":
		return n.profiled(o.Do, func() (result, error) { return n.load(o.Seconds) })
	case "audit":
		return n.profiled(o.Do, n.audit)
	}
	return result{}, fmt.Errorf("unknown order %q", o.Do)
}

// profiled does something and writes down where its processor time goes, if that was asked for.
func (n *ledgerNode) profiled(what string, do func() (result, error)) (result, error) {
	if n.spec.Profile == "" {
		return do()
	}
	f, err := os.Create(n.spec.Profile + "-" + what + ".pprof")
	if err != nil {
		return result{}, err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return result{}, err
	}
	defer pprof.StopCPUProfile()
	return do()
}

// ready waits until the engine sees all members.
func (n *ledgerNode) ready() error {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		s, err := n.engine.Status(context.Background())
		if err == nil && !s.CatchingUp && len(s.Peers) == len(n.spec.Genesis.Members)-1 {
			return nil
		}
		if time.Since(begin) > ledgerWithin {
			return fmt.Errorf("the members did not find one another: %d peers: %w", len(s.Peers), err)
		}
	}
}

// load appends for a while and waits until the last entry is in a block.
func (n *ledgerNode) load(seconds float64) (r result, err error) {
	used, err := cpu(os.Getpid())
	if err != nil {
		return r, err
	}
	begin := time.Now()
	end := begin.Add(time.Duration(seconds * float64(time.Second)))
	var all sync.WaitGroup
	errs := make([]error, appenders)
	for i := range appenders {
		all.Go(func() { errs[i] = n.append(i, end) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return r, err
	}
	r.Entries = n.journal.End().Entry
	ctx, cancel := context.WithTimeout(context.Background(), ledgerWithin)
	defer cancel()
	place, err := n.anchorer.Wait(ctx, r.Entries-1)
	if err != nil {
		return r, fmt.Errorf("the last entry: %w", err)
	}
	r.Seconds, r.Batches, r.Blocks = time.Since(begin).Seconds(), place.Seq+1, place.Height
	now, err := cpu(os.Getpid())
	r.CPU = (now - used).Seconds()
	return r, err
}

// append is one client: record after record, each when the one before is durable.
func (n *ledgerNode) append(client int, end time.Time) error {
	r := &journal.Record{Entries: make([]journal.Entry, perRecord)}
	for i := uint64(0); time.Now().Before(end); i++ {
		copy(r.Entries, n.entries[i*perRecord%uint64(len(n.entries)):])
		for j := range r.Entries {
			binary.BigEndian.PutUint64(r.Entries[j].Tag[:], uint64(client)<<56|i*perRecord+uint64(j))
		}
		r.Time = time.Now().UnixMilli()
		p, err := n.journal.Append(r)
		if err != nil {
			return err
		}
		ack, err := p.Wait(context.Background())
		if err != nil {
			return err
		}
		for ack.Cursor.Entry > n.anchorer.Anchored()+lead {
			if err := n.anchorer.Err(); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// audit verifies everything again with one worker.
func (n *ledgerNode) audit() (r result, err error) {
	used, err := cpu(os.Getpid())
	if err != nil {
		return r, err
	}
	begin := time.Now()
	got, err := ledger.Audit(context.Background(), ledger.AuditOptions{
		Org: n.org, Genesis: n.spec.Genesis, Engine: n.engine, Journal: n.journal, Plans: filepath.Join(n.spec.Dir, "plans"), Workers: 1,
	}, nil)
	if err != nil {
		return r, err
	}
	if len(got.Damages) > 0 || got.Waiting > 0 {
		return r, fmt.Errorf("audit: %d entries not anchored, damage: %v", got.Waiting, got.Damages)
	}
	r.Entries, r.Seconds = got.Entries, time.Since(begin).Seconds()
	now, err := cpu(os.Getpid())
	r.CPU = (now - used).Seconds()
	return r, err
}

// Close closes what is open.
func (n *ledgerNode) Close() error {
	var errs []error
	if n.anchorer != nil {
		errs = append(errs, n.anchorer.Close())
	}
	if n.journal != nil {
		errs = append(errs, n.journal.Close())
	}
	if n.engine != nil {
		errs = append(errs, n.engine.Close())
	}
	return errors.Join(errs...)
}
