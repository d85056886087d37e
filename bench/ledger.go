package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

// ledgerSpec is what a node of the ledger alone is made from.
type ledgerSpec struct {
	Dir     string
	Genesis *verify.Genesis
	Seed    []byte // of the organisation's signing key
	Listen  string
	Profile string // how the files of its processor profiles begin; "" takes none
}

// hashed is how many bytes SHA-256 works through for an entry, its padding included: the envelope, the leaf, the leaf's hash and an inner
// node of the batch: 5, 3, 1 and 2 blocks.
const hashed = 11 * 64

// ledger measures the ledger alone: sealed entries that exist already are journalled, batched, and their roots anchored by the real
// engine, with no FHIR, no index and no copies at custodians. Its figure is the sum over all nodes, from the first record to the commit
// of the last.
func (b *bench) ledger(_ context.Context, n int) error {
	dir, err := os.MkdirTemp(b.dir, "ledger-")
	if err != nil {
		return err
	}
	specs, err := ledgerSpecs(dir, n)
	if err != nil {
		return err
	}
	var all []*worker
	defer func() { dismiss(all) }()
	for i := range specs {
		if b.profile != "" {
			specs[i].Profile = filepath.Join(b.profile, fmt.Sprintf("ledger-%d-of-%d", i+1, n))
		}
		w, err := b.hire("ledger-node", &specs[i])
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	if _, err := each(all, order{Do: "ready"}); err != nil {
		return err
	}
	chainDir := filepath.Join(specs[0].Dir, "chain")
	before := chainSizes(chainDir)
	got, err := each(all, order{Do: "load", Seconds: b.load.seconds})
	if err != nil {
		return err
	}
	var sum result
	for _, r := range got {
		sum.Entries, sum.Batches = sum.Entries+r.Entries, sum.Batches+r.Batches
		sum.Seconds, sum.Blocks, sum.CPU = max(sum.Seconds, r.Seconds), max(sum.Blocks, r.Blocks), sum.CPU+r.CPU
	}
	audited, err := all[0].ask(order{Do: "audit"})
	if err != nil {
		return err
	}
	dismiss(all) // files that are closed have everything in them
	all = nil
	b.reportLedger(n, sum, chainSizes(chainDir), before)
	rate := float64(audited.Entries) / audited.CPU
	b.add(figure{Name: "audit of these: entries, per second of one core", Nodes: n, Value: rate, Unit: "/s"}.least(1e6).
		beside("SHA-256 alone", b.base.sha*1e6/hashed))
	return nil
}

func (b *bench) reportLedger(n int, sum result, grown, before map[string]int64) {
	goal := 150_000.0
	if n == 4 {
		goal = 60_000
	}
	entries := float64(sum.Entries)
	rate := entries / sum.Seconds
	b.add(figure{Name: "ledger alone, entries anchored", Nodes: n, Value: rate, Unit: "/s"}.least(goal))
	b.add(figure{Name: "ledger alone, journalled bytes", Nodes: n, Value: rate * entrySize / 1e6, Unit: "MB/s"}.
		beside("raw write + fsync of 1 MiB", b.base.disk))
	b.add(figure{Name: "ledger alone, processor time per entry, all nodes", Nodes: n, Value: sum.CPU / entries * 1e6, Unit: "µs"})
	b.add(figure{Name: "ledger alone, entries per batch", Nodes: n, Value: entries / float64(sum.Batches), Unit: ""})
	b.add(figure{Name: "ledger alone, blocks", Nodes: n, Value: float64(sum.Blocks) / sum.Seconds, Unit: "/s"})
	per := func(names ...string) (bytes float64) {
		for _, name := range names {
			bytes += float64(grown[name] - before[name])
		}
		return bytes / entries
	}
	b.add(figure{Name: "ledger alone, chain bytes per entry, headers included", Nodes: n, Value: per("blocks", "state", "other"), Unit: "B"}.most(8))
	b.add(figure{Name: "ledger alone, of them kept for ever", Nodes: n, Value: per("state"), Unit: "B"})
	b.add(figure{Name: "ledger alone, consensus log besides (rotates)", Nodes: n, Value: per("log"), Unit: "B"})
}

// chainSizes gives the bytes of an engine's directory: blocks (and CometBFT's state), the state machine's own store, the consensus log.
func chainSizes(dir string) map[string]int64 {
	return map[string]int64{
		"blocks": size(filepath.Join(dir, "data", "blockstore.db")) + size(filepath.Join(dir, "data", "state.db")),
		"state":  size(filepath.Join(dir, "state")),
		"log":    size(filepath.Join(dir, "data", "cs.wal")),
		"other":  size(filepath.Join(dir, "data", "evidence.db")),
	}
}

// ledgerSpecs makes organisations, their keys and their common genesis.
func ledgerSpecs(dir string, n int) ([]ledgerSpec, error) {
	addresses, err := freeAddresses(n)
	if err != nil {
		return nil, err
	}
	g := &verify.Genesis{Time: time.Now().UnixMilli()}
	if _, err := rand.Read(g.Nonce[:]); err != nil {
		return nil, err
	}
	specs := make([]ledgerSpec, n)
	for i := range specs {
		s := &specs[i]
		*s = ledgerSpec{Dir: filepath.Join(dir, fmt.Sprint(i)), Genesis: g, Seed: make([]byte, 32), Listen: addresses[i]}
		if _, err := rand.Read(s.Seed); err != nil {
			return nil, err
		}
		id, validator, err := chain.GenerateKeys(filepath.Join(s.Dir, "chain"))
		if err != nil {
			return nil, err
		}
		m := verify.Member{Name: fmt.Sprintf("Bench %d", i), Key: publicKey(s.Seed), Validator: validator, Power: 1, NodeID: id, P2P: s.Listen}
		m.Org = verify.OrgOf(m.Key)
		g.Members = append(g.Members, m)
	}
	slices.SortFunc(g.Members, func(x, y verify.Member) int { return slices.Compare(x.Org[:], y.Org[:]) })
	return specs, errors.Join(g.Check())
}
