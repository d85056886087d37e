package ledger_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/verify"
)

// real is an organisation with journal, consensus engine and anchorer, all of them the real ones.
type real struct {
	verify.Member
	key     ed25519.PrivateKey
	dir     string
	genesis *verify.Genesis
	journal *journal.Journal
	engine  ledger.Engine
	*ledger.Anchorer
	checkpoints *ledger.Checkpoints
}

type plainSealer struct{}

func (plainSealer) BatchKey(run uint64) (ledger.BatchKey, error) {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte("audit key"), run)), nil
}

func newReals(t testing.TB, voters, followers int) []*real {
	t.Helper()
	g := &verify.Genesis{Time: time.Now().UnixMilli()}
	copy(g.Nonce[:], t.Name())
	var out []*real
	for i := range voters + followers {
		seed := sha256.Sum256(fmt.Append(nil, "organisation", i))
		r := &real{key: ed25519.NewKeyFromSeed(seed[:]), dir: t.TempDir(), genesis: g}
		copy(r.Key[:], r.key.Public().(ed25519.PublicKey))
		id, validator, err := chain.GenerateKeys(filepath.Join(r.dir, "keys"))
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r.Org, r.Name, r.NodeID, r.P2P = verify.OrgOf(r.Key), fmt.Sprint("organisation ", i), id, l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if i < voters {
			r.Validator, r.Power = validator, 10
		}
		g.Members = append(g.Members, r.Member)
		out = append(out, r)
	}
	slices.SortFunc(g.Members, func(a, b verify.Member) int { return slices.Compare(a.Org[:], b.Org[:]) })
	return out
}

func (r *real) start(t testing.TB, inFlight int) {
	t.Helper()
	var err error
	if r.journal, err = journal.Open(filepath.Join(r.dir, "journal"), journal.Options{}); err != nil {
		t.Fatal(err)
	}
	cfg := chain.Config{Dir: filepath.Join(r.dir, "chain"), Keys: filepath.Join(r.dir, "keys"), Genesis: r.genesis, Listen: r.P2P}
	if r.engine, err = chain.Open(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	key := r.key
	if r.Anchorer, err = ledger.OpenAnchorer(context.Background(), ledger.Options{
		Org: r.Org, Chain: r.genesis.Chain(), Sign: func(b []byte) verify.Signature { return verify.Signature(ed25519.Sign(key, b)) },
		Journal: r.journal, Engine: r.engine, Sealer: plainSealer{}, Plans: filepath.Join(r.dir, "plans"), Copies: func() int { return 1 }, InFlight: inFlight, Checkpoints: r.checkpoints,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}); err != nil {
		t.Fatal(err)
	}
}

func (r *real) stop(t testing.TB) {
	t.Helper()
	if err := r.Anchorer.Close(); err != nil {
		t.Error(err)
	}
	if err := r.engine.Close(); err != nil {
		t.Error(err)
	}
	if err := r.journal.Close(); err != nil {
		t.Error(err)
	}
}

// write puts a record of n entries into the journal and waits until it is durable.
func (r *real) write(t testing.TB, n int) (last uint64, one verify.Entry, salt [32]byte) {
	t.Helper()
	rec := &journal.Record{Time: time.Now().UnixMilli()}
	one = verify.Entry{Version: verify.EntryVersion, Kind: verify.KindRead, Org: r.Org, Time: rec.Time}
	for range n {
		rec.Entries = append(rec.Entries, journal.Entry{Bind: verify.Bind(verify.Hash{}, verify.Commit(&salt, one.Encode())), Envelope: journal.Envelope(nil, make([]byte, 600))})
	}
	p, err := r.journal.Append(rec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	return rec.First + uint64(n) - 1, one, salt
}

func (r *real) await(t testing.TB, entry uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := r.Wait(ctx, entry); err != nil {
		t.Fatalf("entry %d: %v; %+v; %v", entry, err, r.Unanchored(), r.Err())
	}
}

func TestOnTheRealChain(t *testing.T) {
	r := newReals(t, 1, 0)[0]
	r.start(t, 2)
	entry, e, salt := r.write(t, 3)
	r.await(t, entry)
	receipt, err := r.Receipt(t.Context(), entry, ledger.Opened{Salt: salt, Body: e.Encode()})
	if err != nil {
		t.Fatal(err)
	}
	trust := &verify.Trust{Format: verify.TrustFormat, Genesis: *r.genesis}
	if _, err := verify.Verify(receipt, trust, verify.Options{Keys: 1}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		r.write(t, 100) // some planned, some not
	}
	r.stop(t)
	r.start(t, 2)
	defer r.stop(t)
	last, _, _ := r.write(t, 1)
	r.await(t, last)
	report, err := ledger.Audit(t.Context(), ledger.AuditOptions{
		Org: r.Org, Genesis: r.genesis, Engine: r.engine, Journal: r.journal, Plans: filepath.Join(r.dir, "plans"),
	}, nil)
	if err != nil || len(report.Damages) > 0 || report.Entries != 2004 || report.Waiting != 0 {
		t.Fatalf("%+v %v", report, err)
	}
}

func TestABacklogWithoutQuorumDrainsOnTheRealChain(t *testing.T) {
	if testing.Short() {
		t.Skip("starts four nodes")
	}
	all := newReals(t, 4, 0)
	for _, r := range all[:2] {
		r.start(t, 2)
		defer func() { r.stop(t) }()
	}
	for range 50 {
		all[0].write(t, 200)
	}
	last, _, _ := all[0].write(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := all[0].Wait(ctx, last); err == nil {
		t.Fatal("anchored by two of four")
	}
	if b := all[0].Unanchored(); b.Entries != 10001 || all[0].Err() != nil {
		t.Fatalf("%+v %v", b, all[0].Err())
	}
	for _, r := range all[2:] {
		r.start(t, 2)
		defer func() { r.stop(t) }()
	}
	all[0].await(t, last)
	if b := all[0].Unanchored(); b.Entries != 0 {
		t.Fatalf("%+v", b)
	}
}

func TestKeysAndPowersChangeOnTheRealChain(t *testing.T) {
	r := newReals(t, 1, 0)[0]
	r.start(t, 2)
	store, err := ledger.OpenCheckpoints(filepath.Join(r.dir, "checkpoints"))
	if err != nil {
		t.Fatal(err)
	}
	r.checkpoints = store
	var signers []*verify.NoteSigner
	addSigner := func() {
		s, err := verify.MemberSigner(r.genesis.Chain(), r.Org, r.key)
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, s)
	}
	addSigner()
	shown := map[uint64]ledger.Opened{}
	write := func() {
		entry, e, salt := r.write(t, 1)
		shown[entry] = ledger.Opened{Salt: salt, Body: e.Encode()}
		r.Urgent(entry)
	}
	write()
	for round := range 4 {
		r.update(t, uint64(round), round%2 == 0)
		addSigner()
		write() // by the old key; taken back if it comes too late
		r.stop(t)
		r.start(t, 2)
		write()
	}
	defer r.stop(t)
	last, _, _ := r.write(t, 1)
	r.await(t, last)
	notary, err := ledger.NewNotary(ledger.NotaryOptions{Org: r.Org, Chain: r.genesis.Chain(), Engine: r.engine, Store: store, Signers: signers})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(notary.BeginEpochs(t.Context()), notary.Checkpoint(t.Context())); err != nil {
		t.Fatal(err)
	}
	trust := &verify.Trust{Format: verify.TrustFormat, Genesis: *r.genesis}
	full, err := ledger.TrustFile(t.Context(), r.genesis, r.engine, store, nil)
	if err != nil || len(full.Epochs) != 4 || len(full.Checkpoints) != 1 {
		t.Fatal(full, err)
	}
	for entry, o := range shown {
		receipt, err := r.Receipt(t.Context(), entry, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify.Verify(receipt, trust, verify.Options{Keys: 1}); err != nil {
			t.Errorf("entry %d in block %d: %v", entry, receipt.Block.Header.Height, err)
		}
	}
	report, err := ledger.Audit(t.Context(), ledger.AuditOptions{
		Org: r.Org, Genesis: r.genesis, Engine: r.engine, Journal: r.journal, Plans: filepath.Join(r.dir, "plans"), Notes: store.Dir(),
	}, nil)
	if err != nil || len(report.Damages) > 0 || report.Checkpoints < 6 {
		t.Fatalf("%+v %v", report, err)
	}
}

// update rotates the organisation's signing key, and gives it another power as well or not.
func (r *real) update(t *testing.T, number uint64, power bool) {
	t.Helper()
	m, err := r.engine.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := *m.Member(r.Org)
	now := old
	seed := sha256.Sum256(fmt.Append(nil, "key", number))
	key := ed25519.NewKeyFromSeed(seed[:])
	copy(now.Key[:], key.Public().(ed25519.PublicKey))
	if power {
		now.Power++
	}
	p := chain.Proposal{By: r.Org, Number: number, Change: chain.Update, Member: now, Base: verify.SeatHash(&old), Expires: time.Now().Add(time.Hour).UnixMilli()}
	p.Consent = verify.Signature(ed25519.Sign(key, p.ConsentBytes(r.genesis.Chain())))
	p.Signature = verify.Signature(ed25519.Sign(r.key, p.SigningBytes(r.genesis.Chain())))
	if err := r.engine.Submit(t.Context(), p.Encode()); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if m, err = r.engine.Members(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m.Member(r.Org).Key == now.Key {
			r.key = key
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the key was not changed")
}

// BenchmarkChainLone measures one awaited entry at a time on one real validator.
func BenchmarkChainLone(b *testing.B) {
	r := newReals(b, 1, 0)[0]
	r.start(b, 2)
	defer r.stop(b)
	for b.Loop() {
		entry, _, _ := r.write(b, 1)
		r.await(b, entry)
	}
}

// BenchmarkChainClients measures awaited entries of 64 clients on one real validator, by the number of batches in flight.
func BenchmarkChainClients(b *testing.B) {
	for inFlight := 1; inFlight <= 4; inFlight++ {
		b.Run(fmt.Sprint(inFlight), func(b *testing.B) {
			r := newReals(b, 1, 0)[0]
			r.start(b, inFlight)
			defer r.stop(b)
			b.ResetTimer()
			var all sync.WaitGroup
			left := make(chan struct{}, b.N)
			for range b.N {
				left <- struct{}{}
			}
			close(left)
			for range 64 {
				all.Go(func() {
					for range left {
						entry, _, _ := r.write(b, 1)
						r.await(b, entry)
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkChainFull measures entries of a full journal through plan, signature and block on one real validator.
func BenchmarkChainFull(b *testing.B) {
	const entries = 1 << 18
	r := newReals(b, 1, 0)[0]
	r.start(b, 2)
	defer r.stop(b)
	for b.Loop() {
		var last *journal.Record
		for range entries / 512 {
			last = &journal.Record{Entries: make([]journal.Entry, 512)}
			for i := range last.Entries {
				last.Entries[i].Envelope = make([]byte, 256)
			}
			if _, err := r.journal.Append(last); err != nil {
				b.Fatal(err)
			}
		}
		r.await(b, last.First+511)
	}
	b.ReportMetric(entries*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}
