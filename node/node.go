package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sijil-health/sijil/bulk"
	"github.com/sijil-health/sijil/bulk/answers"
	"github.com/sijil-health/sijil/bulk/imports"
	"github.com/sijil-health/sijil/custody"
	"github.com/sijil-health/sijil/fhir"
	"github.com/sijil-health/sijil/fhir/canonical"
	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/terminology"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// Options of a running node.
type Options struct {
	Dir        string
	Passphrase []byte
	Log        *slog.Logger
	// FHIR is a listener to use instead of the configured address; nil listens there.
	FHIR net.Listener
	// EngineArgv is the command line of the engine's child process, where the configuration asks for one.
	EngineArgv []string
	// Version of the program, told to clients.
	Version string
}

// Node is one running node.
type Node struct {
	Layout
	version string
	config  *Config
	genesis *verify.Genesis
	chain   string
	org     verify.OrgID
	log     *slog.Logger
	started time.Time

	keys        *signers
	vault       *vault.Vault
	blobs       vault.Blobs
	engine      ledger.Engine
	feeder      chain.Feeder // the engine, as it answers members that are fed by it
	readers     readers
	roster      *roster
	journal     *journal.Journal
	index       *index.Index
	defined     *definition.Registry // what FHIR and the packages that were added define
	parameters  *search.Parameters   // by which resources are found
	own         *canonical.Own       // what resources of the node define besides
	identity    *peer.Identity       // nil, like the four below, for a lone node
	peers       *peer.Client
	keeper      *custody.Keeper
	replicator  *custody.Replicator
	withdrawing sync.Mutex // held while the list of what was withdrawn is written
	fetcher     *custody.Fetcher
	lost        uint64 // entries that custodians hold beyond the journal and that could not be brought back at start
	anchorer    *ledger.Anchorer
	record      *record.Store
	checkpoints *ledger.Checkpoints
	notary      atomic.Pointer[ledger.Notary]
	witnesses   []verify.NoteKey
	fhir        net.Listener
	gate        *http.Server
	damage      damageBook
	ballots     sync.Mutex  // held while this node takes part in a change of the membership
	renamed     atomic.Bool // a request came by a name that is not this machine's own
	admin       *http.Server

	stop    context.CancelFunc
	running sync.WaitGroup
	close   []io.Closer // in the order of opening
}

// Open brings up all parts of the node in DIR, each on those it rests on. Nothing is served before Serve.
func Open(ctx context.Context, o Options) (_ *Node, err error) {
	n := &Node{Layout: Layout{o.Dir}, version: o.Version, log: o.Log, started: time.Now(), fhir: o.FHIR}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	if n.config, err = ReadConfig(n.Config()); err != nil {
		return nil, err
	}
	if n.genesis, err = genesisToStart(n.Layout, n.log); err != nil {
		return nil, err
	}
	if err := roomToStart(n.Layout); err != nil {
		return nil, err
	}
	if err := keepPrivate(o.Dir); err != nil {
		return nil, err
	}
	n.chain = n.genesis.Chain()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	n.stop = stop
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	for _, part := range []struct {
		name string
		open func(context.Context, *Options) error
	}{
		{"key store", n.openVault},
		{"ledger", n.openEngine},
		{"custody", n.openCustody},
		{"journal", n.openJournal},
		{"anchoring", n.openAnchorer},
		{"record", n.openRecord},
		{"checkpoints", n.openNotary},
		{"gates", n.openGates},
	} {
		begin := time.Now()
		if err := part.open(run, &o); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		n.log.Debug("opened", "part", part.name, "took", time.Since(begin))
	}
	return n, nil
}

// opened notes a part to be closed with the node.
func (n *Node) opened(c io.Closer) { n.close = append(n.close, c) }

// closer makes an io.Closer of a function.
type closer func() error

func (c closer) Close() error { return c() }

// background runs a task until the node is closed.
func (n *Node) background(ctx context.Context, task func(context.Context)) {
	n.running.Go(func() { task(ctx) })
}

func (n *Node) openVault(_ context.Context, o *Options) error {
	root, err := vault.OpenPassphraseRoot(n.Root(), o.Passphrase)
	if err != nil {
		return err
	}
	m, err := ReadMember(n.Dir)
	if err != nil {
		return err
	}
	if n.vault, err = vault.Open(n.Keys(), root, vault.Options{Escrow: m.Escrow, Behind: n.config.Peer != ""}); err != nil {
		if _, damaged := errors.AsType[vault.ErrDamagedPage](err); damaged {
			err = fmt.Errorf("%w: %w", ErrKeyStore, err)
		}
		return err
	}
	n.opened(n.vault)
	n.tellKeys()
	n.org = m.Org
	if n.keys, err = loadSigners(n.vault); err != nil {
		return err
	}
	n.blobs, err = vault.NewDirBlobs(n.Blobs())
	return err
}

func (n *Node) openJournal(ctx context.Context, _ *Options) error {
	opt := journal.Options{Log: n.log}
	if n.replicator != nil {
		opt.Hold = n.replicator
	}
	if err := n.mendKeys(ctx); err != nil {
		return err
	}
	opt.Known = ledger.PlansEnd(n.Plans())
	if err := n.openWhole(ctx, opt); err != nil {
		return err
	}
	n.opened(n.journal)
	r := n.journal.Recovered()
	switch {
	case r.Bytes > 0 && r.Mark != "":
		n.log.Warn("the end of the journal could not be read and was cut off; the mark that would tell whether it was acknowledged is lost too",
			"file", r.File, "bytes", r.Bytes)
	case r.Bytes > 0:
		n.log.Warn("an unfinished write was cut off the journal; nothing acknowledged was in it", "file", r.File, "bytes", r.Bytes)
	}
	return n.holdKeysAgainstJournal(ctx)
}

func (n *Node) openAnchorer(ctx context.Context, _ *Options) error {
	key, err := n.vault.Key("", vault.Audit)
	if err != nil {
		return err
	}
	if n.checkpoints, err = ledger.OpenCheckpoints(n.Layout.Checkpoints()); err != nil {
		return err
	}
	o := ledger.Options{
		Org: n.org, Chain: n.chain, Sign: n.keys.sign, Journal: n.journal, Engine: n.engine,
		Sealer: sealer{key}, Plans: n.Plans(), Copies: n.copies, Checkpoints: n.checkpoints, HealSegment: n.healSegment, Log: n.log,
	}
	if n.replicator != nil {
		o.Custodians = n.attest
	}
	if n.anchorer, err = ledger.OpenAnchorer(ctx, o); err != nil {
		return err
	}
	n.opened(n.anchorer)
	if n.replicator != nil {
		seal, err := journalKey(n.vault)
		if err != nil {
			return err
		}
		n.replicator.Start(custody.Sources{Journal: n.journal, Key: seal, Blobs: n.blobs, Pages: escrowPages{n.vault}, Batches: batches{n.anchorer}})
	}
	return nil
}

func (n *Node) openRecord(ctx context.Context, _ *Options) error {
	key, err := n.vault.Key("", vault.Index)
	if err != nil {
		return err
	}
	if n.defined, err = n.definitions(); err != nil {
		return err
	}
	n.parameters, n.own = search.New(n.defined), new(canonical.Own)
	if err := n.openIndex(ctx, key.Blind("file", nil)); err != nil {
		return err
	}
	n.opened(closer(func() error { return n.index.Close() }))
	o := record.Options{
		Org: n.org, Vault: n.vault, Journal: n.journal, Index: n.index, Blobs: n.blobs,
		Anchors: anchors{n.anchorer}, Extract: fhir.Terms(n.parameters), Rules: fhir.Rules(n.parameters, n.own.Tell), Heal: n.heal, HealSegment: n.healSegment, Log: n.log,
	}
	if n.replicator != nil {
		o.HoldKeys, o.HoldBlob, o.Copies = n.replicator.HoldPages, n.replicator.HoldBlob, n.copies
	}
	n.record, err = record.Open(ctx, o)
	if err != nil {
		return err
	}
	n.opened(closer(func() error { n.record.Close(); return nil }))
	return nil
}

func (n *Node) openGates(ctx context.Context, _ *Options) (err error) {
	if n.fhir == nil {
		if n.fhir, err = net.Listen("tcp", n.config.FHIR); err != nil {
			return lang.NewProblem("fhir_address", n.config.FHIR).In(n.Config()).Because(err)
		}
	}
	n.opened(closer(func() error { n.fhir.Close(); return nil }))
	authority, err := policy.NewAuthority(n.chain, n.org, n.keys.token.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	exports, err := bulk.Open(bulk.Options{Dir: n.Exports(), Record: n.record, Log: n.log})
	if err != nil {
		return err
	}
	n.opened(exports)
	later, err := answers.Open(answers.Options{Dir: n.Answers(), Log: n.log})
	if err != nil {
		return err
	}
	n.opened(later)
	spool, err := n.vault.Key("", vault.General)
	if err != nil {
		return err
	}
	incoming, err := imports.Open(imports.Options{Dir: n.Imports(), Seal: spool, Record: n.record, Sources: n.config.ImportSources, Log: n.log})
	if err != nil {
		return err
	}
	n.opened(incoming)
	codes := terminology.New(terminology.FromRegistry(n.defined))
	subscriptions, err := n.openSubscriptions(ctx, codes)
	if err != nil {
		return err
	}
	n.opened(subscriptions)
	server := fhir.New(fhir.Config{
		Store: n.record, Auth: authorizer{authority, &n.renamed}, Prefix: "/fhir", Base: n.base(), Version: n.version, Log: n.log,
		Trust: n.encodedTrust, Exports: exports, Imports: incoming, Answers: later, ServerIDs: n.config.ServerIDs, Origins: n.config.Origins,
		Definitions: n.defined, Parameters: n.parameters, Retelling: n.record.Retelling, Terminology: codes, Own: n.own, Subscriptions: subscriptions,
		Checks: n.config.checks(), Limits: fhir.Limits{Deletes: n.config.ConditionalDeletes},
	})
	n.opened(server)
	n.gate = server.HTTP()
	return incoming.Begin(server)
}

// definitions are those of R4 and of the packages that were added. A package that cannot be opened does not keep the node from starting.
func (n *Node) definitions() (*definition.Registry, error) {
	packages, failed, err := Packages(n.Dir)
	if err != nil {
		return nil, err
	}
	for _, err := range failed {
		n.log.Error("a FHIR package cannot be read; add it again, or remove it", "error", err)
	}
	return definition.NewRegistry(packages...)
}

// copies is how many nodes shall hold every record, this one included: as configured, or f+1 for the 3f+1 members that vote.
func (n *Node) copies() int {
	if n.config.Copies > 0 {
		return n.config.Copies
	}
	return automaticCopies(n.roster.members())
}

// automaticCopies is f+1 for 3f+1 voting members, at least 2, and 1 for a lone node.
func automaticCopies(members []verify.Member) int {
	voters := 0
	for _, m := range members {
		if m.Power > 0 {
			voters++
		}
	}
	if len(members) == 1 {
		return 1
	}
	return max(2, (voters-1)/3+1)
}

// Address is where the FHIR gate listens.
func (n *Node) Address() string { return n.fhir.Addr().String() }

// Serve answers requests until ctx ends, then finishes those under way.
func (n *Node) Serve(ctx context.Context) error {
	failed := make(chan error, 2)
	n.running.Go(func() { failed <- n.gate.Serve(n.fhir) })
	if err := n.serveAdmin(failed); err != nil {
		return errors.Join(err, n.gate.Close())
	}
	n.log.Info("serving", "fhir", "http://"+n.Address()+"/fhir", "chain", n.chain, "organisation", n.config.Name)
	notifyReady()
	var err error
	select {
	case err = <-failed: // of the two, one still serves
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, n.gate.Shutdown(drain), n.admin.Shutdown(drain))
}

// Close stops the node's parts in the opposite order of their opening.
func (n *Node) Close() error {
	n.stop()
	var err error
	for i := len(n.close) - 1; i >= 0; i-- {
		err = errors.Join(err, n.close[i].Close())
	}
	n.close = nil
	n.running.Wait()
	return err
}
