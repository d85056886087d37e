package chain

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cometbft/cometbft/p2p"
	sm "github.com/cometbft/cometbft/state"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// wire is a Feed straight to the nodes of a network in this process, with what a test does to it.
type wire struct {
	n       *network
	members []*org
	// spoil changes what a member sends; the second argument counts the blocks of one feed from 0. A nil result is not passed on.
	spoil func(from *org, block int, message []byte) []byte
	// answer changes what a member answers; nil leaves it.
	answer func(from *org, q *Question, b []byte, err error) ([]byte, error)

	mu    sync.Mutex
	fed   map[verify.OrgID]int // blocks sent, by member
	dead  map[verify.OrgID]bool
	bytes atomic.Int64
}

func newWire(n *network, members ...*org) *wire {
	return &wire{n: n, members: members, fed: map[verify.OrgID]int{}, dead: map[verify.OrgID]bool{}}
}

// first turns the list of members such that a node asks one of them before the others.
func (w *wire) first(clinic, o *org) {
	f := &follower{books: &books{self: p2p.ID(clinic.NodeID)}}
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.members[f.first()%len(w.members)] != o {
		w.members = append(w.members[1:len(w.members):len(w.members)], w.members[0])
	}
}

func (w *wire) kill(o *org) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead[o.Org] = true
}

func (w *wire) sent(o *org) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fed[o.Org]
}

func (w *wire) find(id verify.OrgID) (*org, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.members, func(o *org) bool { return o.Org == id })
	if i < 0 || w.dead[id] {
		return nil, ledger.ErrDown
	}
	return w.members[i], nil
}

func (w *wire) Members(context.Context) ([]verify.OrgID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []verify.OrgID
	for _, o := range w.members {
		list = append(list, o.Org)
	}
	return list, nil
}

func (w *wire) Ask(ctx context.Context, member verify.OrgID, q *Question) ([]byte, error) {
	o, err := w.find(member)
	if err != nil {
		return nil, err
	}
	q, err = DecodeQuestion(q.Encode())
	if err != nil {
		return nil, err
	}
	b, err := o.e.Answer(ctx, q)
	if w.answer != nil {
		return w.answer(o, q, b, err)
	}
	return b, err
}

func (w *wire) Blocks(ctx context.Context, member verify.OrgID, after int64, take func([]byte) error) error {
	o, err := w.find(member)
	if err != nil {
		return err
	}
	block := -1
	return o.e.Blocks(ctx, after, func(b []byte) error {
		if _, err := w.find(member); err != nil {
			return err
		}
		if block >= 0 {
			if w.spoil != nil {
				b = w.spoil(o, block, slices.Clone(b))
			}
			w.mu.Lock()
			w.fed[member]++
			w.mu.Unlock()
			w.bytes.Add(int64(len(b)))
		}
		if block++; b == nil {
			return nil
		}
		return take(b)
	})
}

func (w *wire) Epoch(ctx context.Context, number uint64) (*ledger.Epoch, error) {
	return anyOf(w, func(o *org) (*ledger.Epoch, error) { return o.e.Epoch(ctx, number) })
}

func (w *wire) Light(ctx context.Context, height int64) ([]byte, error) {
	return anyOf(w, func(o *org) ([]byte, error) { return o.e.Light(ctx, height) })
}

func anyOf[T any](w *wire, ask func(*org) (T, error)) (v T, err error) {
	err = ledger.ErrDown
	for _, m := range w.members {
		if o, gone := w.find(m.Org); gone == nil {
			if v, err = ask(o); err == nil {
				return v, nil
			}
		}
	}
	return v, err
}

// clinicOf makes a network of voters and one member without a vote, whose node does not run yet.
func clinicOf(t *testing.T, powers ...int64) (*network, *org, *wire) {
	t.Helper()
	n := newNetwork(t, append(powers, 0)...)
	clinic := n.orgs[len(powers)]
	n.stop(clinic)
	clinic.cfg.Dir, clinic.cfg.Keys = t.TempDir(), clinic.cfg.keys()
	w := newWire(n, n.orgs[:len(powers)]...)
	clinic.cfg.Feed, clinic.cfg.StateSync = w, &StateSync{Source: w}
	return n, clinic, w
}

// feeds starts the clinic's node as one that is fed.
func feeds(t *testing.T, clinic *org) *follower {
	t.Helper()
	r, err := start(t.Context(), clinic.cfg)
	if err != nil {
		t.Fatal(err)
	}
	f, ok := r.(*follower)
	if !ok {
		t.Fatalf("a member without a vote runs as %T", r)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// awaitFed waits until the follower is where a voter is, and compares them.
func awaitFed(t *testing.T, f *follower, at *engine) {
	t.Helper()
	eventually(t, "the follower to be where the members are", func() bool {
		return f.app.current.Load().Height == at.app.current.Load().Height
	})
	a, b := f.app.current.Load(), at.app.current.Load()
	if a.Height == b.Height && (a.Digest != b.Digest || a.log.root() != b.log.root()) {
		t.Fatalf("the follower differs at height %d", a.Height)
	}
}

func TestFed(t *testing.T) {
	n, clinic, w := clinicOf(t, 10, 10, 10, 10)
	a, b := n.orgs[0], n.orgs[1]
	for range 5 {
		n.commit(a, b.e)
	}
	f := feeds(t, clinic)
	awaitFed(t, f, a.e)
	t.Run("submits", func(t *testing.T) {
		for i := range 5 {
			tx := clinic.anchor(n.genesis.Chain())
			submit(t, f, tx)
			n.awaitSeq(b.e, clinic, uint64(i))
			if err := f.Submit(t.Context(), tx); err != nil {
				t.Errorf("the same again: %v", err)
			}
		}
		awaitFed(t, f, b.e)
		eventually(t, "nothing to be underway", func() bool { return f.ahead.count() == 0 })
		if err := f.Submit(t.Context(), []byte("no transaction")); !errors.Is(err, ledger.ErrRejected) {
			t.Errorf("nonsense: %v", err)
		}
		twisted := clinic.anchor(n.genesis.Chain())
		twisted[len(twisted)-1] ^= 1
		clinic.next--
		if err := f.Submit(t.Context(), twisted); !errors.Is(err, ledger.ErrRejected) {
			t.Errorf("a bad signature: %v", err)
		}
	})
	t.Run("proves", func(t *testing.T) {
		on, err := f.Anchor(t.Context(), a.Org, 3)
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.Proof(t.Context(), on.Height)
		if err != nil || p.Txs[on.Tx] != on.ID {
			t.Fatalf("%+v, %v", p, err)
		}
		set := f.app.current.Load().epochAt(on.Height).Validators
		if _, err := set.VerifyCommit(n.genesis.Chain(), &p.Header, &p.Commit); err != nil {
			t.Fatal(err)
		}
		st, err := f.Status(t.Context())
		if err != nil || st.Voting || st.CatchingUp || st.Waiting != 0 || len(st.Peers) != 1 || st.Wedged != "" || !st.SkewKnown {
			t.Fatalf("%+v, %v", st, err)
		}
	})
	t.Run("few bytes", func(t *testing.T) {
		blocks, before, anchors := f.app.current.Load().Height, w.bytes.Load(), a.next
		for range 10 {
			n.commit(a, b.e)
		}
		awaitFed(t, f, b.e)
		blocks = f.app.current.Load().Height - blocks
		if each := (w.bytes.Load() - before) / blocks; each > 800 {
			t.Errorf("%d bytes a block, %d blocks for %d anchors", each, blocks, a.next-anchors)
		}
	})
	t.Run("survives the member it follows", func(t *testing.T) {
		var first *org
		for _, o := range n.orgs[:4] {
			if member, _ := f.link.now(); member == o.Org {
				first = o
			}
		}
		w.kill(first)
		n.stop(first)
		other := n.orgs[(slices.Index(n.orgs, first)+1)%4]
		n.commit(other, other.e)
		awaitFed(t, f, other.e)
	})
	t.Run("a restart", func(t *testing.T) {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Submit(t.Context(), a.anchor(n.genesis.Chain())); !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		a.next--
		f = feeds(t, clinic)
		for _, o := range n.orgs[:4] {
			if o.e != nil {
				awaitFed(t, f, o.e)
			}
		}
	})
}

// TestFedFalsely has all members but the last send something else than the ledger. The follower goes on with the last.
func TestFedFalsely(t *testing.T) {
	change := func(change func(*fedBlock)) func([]byte) []byte {
		return func(b []byte) []byte {
			f, err := decodeFed(b)
			if err != nil {
				panic(err)
			}
			change(f)
			return marshal(f)
		}
	}
	var before []byte
	lies := map[string]func([]byte) []byte{
		"an altered anchor":  change(func(f *fedBlock) { f.Txs[0][60] ^= 1 }),
		"a missing anchor":   change(func(f *fedBlock) { f.Txs = nil }),
		"an added anchor":    change(func(f *fedBlock) { f.Txs = append(f.Txs, f.Txs[0]) }),
		"another proposer":   change(func(f *fedBlock) { f.Proposer = (f.Proposer + 1) % 4 }),
		"no such proposer":   change(func(f *fedBlock) { f.Proposer = 200 }),
		"a false signature":  change(func(f *fedBlock) { f.Commit.Votes[firstVote(f)].Signature[0] ^= 1 }),
		"half the votes":     change(func(f *fedBlock) { f.Commit.Votes[0], f.Commit.Votes[1] = fedVote{Flag: 1}, fedVote{Flag: 1} }),
		"votes for nothing":  change(func(f *fedBlock) { f.Commit.Votes[firstVote(f)].Flag = 3 }),
		"too few votes":      change(func(f *fedBlock) { f.Commit.Votes = f.Commit.Votes[:3] }),
		"another round":      change(func(f *fedBlock) { f.Commit.Round++ }),
		"a negative round":   change(func(f *fedBlock) { f.Commit.Round = -1 }),
		"an altered past":    change(func(f *fedBlock) { f.Last = &fedCommit{Votes: make([]fedVote, 4)} }),
		"no past":            change(func(f *fedBlock) { f.Last = nil }),
		"evidence":           change(func(f *fedBlock) { f.Evidence = []byte{1, 2, 3} }),
		"another height":     change(func(f *fedBlock) { f.Height++ }),
		"a truncated block":  func(b []byte) []byte { return b[:len(b)/2] },
		"an oversized block": func([]byte) []byte { return make([]byte, MaxFed+1) },
		"nothing":            func([]byte) []byte { return []byte{} },
		"an earlier block":   func(b []byte) []byte { b, before = before, b; return b },
		"silence":            func([]byte) []byte { return nil },
	}
	n, clinic, w := clinicOf(t, 10, 10, 10, 10)
	honest := n.orgs[3]
	for range 4 {
		n.commit(honest, n.orgs[0].e)
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			if name == "silence" && testing.Short() {
				t.Skip("waits for a silent member")
			}
			w.spoil = func(from *org, block int, b []byte) []byte {
				if from == honest || block < 2 {
					return b
				}
				return lie(b)
			}
			clinic.cfg.Dir = t.TempDir()
			f := feeds(t, clinic)
			awaitFed(t, f, honest.e)
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func firstVote(f *fedBlock) int {
	return slices.IndexFunc(f.Commit.Votes, func(v fedVote) bool { return v.Flag == 2 })
}

// TestFedAFork has a member of the ledger send blocks of another ledger.
func TestFedAFork(t *testing.T) {
	n, clinic, w := clinicOf(t, 10, 10)
	n.commit(n.orgs[0], n.orgs[0].e)
	other := *n.genesis
	other.Nonce[0] ^= 1
	fork := &network{t: t, genesis: &other}
	stranger := newOrg(t, "fork", 10)
	other.Members = []verify.Member{stranger.Member}
	fork.start(stranger)
	t.Cleanup(func() { fork.stop(stranger) })
	fork.commit(stranger, stranger.e)
	liar := &org{Member: n.orgs[1].Member, e: stranger.e}
	w.members = []*org{liar, n.orgs[0]}
	w.first(clinic, liar)
	f := feeds(t, clinic)
	awaitFed(t, f, n.orgs[0].e)
	if w.sent(liar) == 0 {
		t.Error("the fork was not tried")
	}
}

// TestFedThroughEpochs follows while the validators change, and becomes a voting member and ceases to be one without a restart by anybody.
func TestFedThroughEpochs(t *testing.T) {
	n, clinic, _ := clinicOf(t, 10, 10, 10, 10)
	a, b, c, d := n.orgs[0], n.orgs[1], n.orgs[2], n.orgs[3]
	opened, err := Open(t.Context(), clinic.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	s := opened.(*standing)
	kind := func() (f *follower, e *engine) {
		r, _, _ := s.now()
		f, _ = r.(*follower)
		e, _ = r.(*engine)
		return f, e
	}
	fed := func() {
		t.Helper()
		eventually(t, "the clinic to follow", func() bool {
			f, _ := kind()
			return f != nil && f.app.current.Load().Height == a.e.app.current.Load().Height
		})
	}
	n.commit(a, b.e)
	fed()
	n.decide(b, Leave, d.Member, nil, a, c)
	n.commit(a, b.e)
	fed()

	_, validator, err := PublicKeys(clinic.cfg.keys())
	if err != nil {
		t.Fatal(err)
	}
	votes := clinic.Member
	votes.Power, votes.Validator = 10, validator
	n.decide(a, Update, votes, nil, b, c)
	eventually(t, "the clinic to vote", func() bool {
		n.commit(a, b.e)
		time.Sleep(100 * time.Millisecond) // one that catches up must get there
		_, e := kind()
		if e == nil {
			return false
		}
		p, err := b.e.Proof(t.Context(), b.e.app.current.Load().Height)
		return err == nil && len(p.Commit.Signatures) == 4 && signedBy(p, verify.Validator{Key: validator})
	})
	n.decide(a, Update, clinic.Member, nil, b, c)
	n.commit(a, b.e)
	fed()
	submit(t, s, clinic.anchor(n.genesis.Chain()))
	n.awaitSeq(a.e, clinic, 0)
	fed()
	p, err := s.Light(t.Context(), a.e.app.current.Load().epochs[1].Since-1)
	if err != nil || len(p) == 0 {
		t.Errorf("the light block before an epoch: %v", err)
	}
}

// TestFedByOneThatLeaves follows a member that is voted out. Nothing more comes from it, and another is followed at once; after a start it
// is passed over, even when it is the first to be asked.
func TestFedByOneThatLeaves(t *testing.T) {
	n, clinic, w := clinicOf(t, 10, 10, 10, 10)
	a, b, c, d := n.orgs[0], n.orgs[1], n.orgs[2], n.orgs[3]
	n.commit(a, b.e)
	f := feeds(t, clinic)
	eventually(t, "the clinic to follow a member", func() bool { m, _ := f.link.now(); return m != verify.OrgID{} })
	w.first(clinic, d)
	awaitFed(t, f, d.e) // one that is behind would be passed over
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = feeds(t, clinic)
	eventually(t, "the clinic to follow the one that leaves", func() bool { m, _ := f.link.now(); return m == d.Org })
	n.decide(b, Leave, d.Member, nil, a, c)
	eventually(t, "the end of its connections", func() bool {
		return !slices.ContainsFunc([]*org{a, b, c}, func(o *org) bool { return o.e.node.Switch().Peers().Has(d.e.self) })
	})
	n.commit(a, b.e)
	awaitFed(t, f, b.e)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	n.commit(a, b.e)
	awaitFed(t, feeds(t, clinic), b.e)
}

func signedBy(p *ledger.BlockProof, v verify.Validator) bool {
	return slices.ContainsFunc(p.Commit.Signatures, func(s verify.CommitSig) bool {
		return s.Flag == verify.VoteCommit && s.Validator == v.Address()
	})
}

// TestFedFromASnapshot begins after everybody dropped the first blocks, as a newcomer and as one that was away.
func TestFedFromASnapshot(t *testing.T) {
	n, clinic, w := clinicOf(t, 10)
	hospital := n.orgs[0]
	n.stop(hospital)
	hospital.cfg.Keep = -1
	n.start(hospital)
	n.commit(hospital, hospital.e)
	f := feeds(t, clinic)
	awaitFed(t, f, hospital.e)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	n.prune(hospital)
	w.answer = func(_ *org, q *Question, b []byte, err error) ([]byte, error) {
		if q.Ask == AskChunk && len(b) > 0 && w.bytes.Add(1)%2 == 0 { // each second chunk is damaged on the way
			b = slices.Clone(b)
			b[len(b)/2] ^= 1
		}
		return b, err
	}
	for _, dir := range []string{clinic.cfg.Dir, t.TempDir()} {
		clinic.cfg.Dir = dir
		e, err := Open(t.Context(), clinic.cfg)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the snapshot and the blocks after it", func() bool {
			st, err := e.Status(t.Context())
			return err == nil && st.Begun > 0 && st.Height == hospital.e.app.current.Load().Height && !st.CatchingUp
		})
		n.commit(hospital, hospital.e)
		eventually(t, "the next block", func() bool {
			h, ok, err := e.Head(t.Context(), hospital.Org)
			return err == nil && ok && h.Seq == hospital.next-1
		})
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		f = feeds(t, clinic) // and now with its own blocks
		awaitFed(t, f, hospital.e)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHandedInVain has the member that is asked first take a transaction and keep it to itself, and others refuse it.
func TestHandedInVain(t *testing.T) {
	n, clinic, w := clinicOf(t, 10, 10, 10, 10)
	n.commit(n.orgs[0], n.orgs[1].e)
	liar := n.orgs[2]
	w.first(clinic, liar)
	var kept atomic.Int64
	clinic.cfg.Feed = &thief{wire: w, from: liar, kept: &kept}
	f := feeds(t, clinic)
	awaitFed(t, f, n.orgs[0].e)
	tx := clinic.anchor(n.genesis.Chain())
	submit(t, f, tx)
	time.Sleep(100 * time.Millisecond)
	submit(t, f, tx)
	n.awaitSeq(n.orgs[0].e, clinic, 0)
	if kept.Load() != 1 {
		t.Errorf("it was given %d transactions", kept.Load())
	}
}

// thief is a wire on which one member takes transactions and does nothing with them.
type thief struct {
	*wire
	from *org
	kept *atomic.Int64
}

func (w *thief) Ask(ctx context.Context, member verify.OrgID, q *Question) ([]byte, error) {
	if member == w.from.Org && q.Ask == AskSubmit {
		w.kept.Add(1)
		return nil, nil
	}
	return w.wire.Ask(ctx, member, q)
}

// TestFedToABrokenDisk has the state machine fail in the middle of a block. The node begins again with it and loses nothing.
func TestFedToABrokenDisk(t *testing.T) {
	n, clinic, w := clinicOf(t, 10)
	hospital := n.orgs[0]
	n.commit(hospital, hospital.e)
	var breaks atomic.Pointer[follower]
	w.spoil = func(_ *org, _ int, b []byte) []byte { // in the task that executes the block next
		if f := breaks.Load(); f != nil {
			f.app.retain = func(*state) int64 { panic("the disk is gone") }
		}
		return b
	}
	f := feeds(t, clinic)
	awaitFed(t, f, hospital.e)
	breaks.Store(f)
	submit(t, hospital.e, hospital.anchor(n.genesis.Chain()))
	select {
	case <-f.again():
	case <-time.After(until):
		t.Fatal("it goes on with half a block")
	}
	breaks.Store(nil)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	awaitFed(t, feeds(t, clinic), hospital.e)
}

func FuzzFedBlock(f *testing.F) {
	f.Add(marshal(&fedBlock{Height: 1, Commit: fedCommit{Votes: []fedVote{{Flag: 2, Seconds: 1, Signature: make([]byte, 64)}}}}))
	f.Add(marshal(&fedBlock{Height: 2, Txs: [][]byte{{1}}, Evidence: []byte{8, 1}, Last: &fedCommit{Votes: make([]fedVote, 1)}}))
	g := &verify.Genesis{Time: time.Now().UnixMilli(), Members: []verify.Member{newOrg(f, "one", 10).Member}}
	doc, err := genesisDoc(g)
	if err != nil {
		f.Fatal(err)
	}
	state := must(sm.MakeGenesisState(doc))
	f.Fuzz(func(t *testing.T, b []byte) {
		fed, err := decodeFed(b)
		if err != nil {
			return
		}
		block, _, c, err := fed.block(state, nil)
		if err != nil {
			return
		}
		if err := state.Validators.VerifyCommit(state.ChainID, c.BlockID, block.Height, c); err == nil {
			t.Fatal("a block that nobody signed")
		}
	})
}

func FuzzQuestion(f *testing.F) {
	f.Add((&Question{Ask: AskChunk, Height: 9, Index: 1}).Encode())
	f.Add((&Question{Ask: AskSubmit, Tx: []byte{1}}).Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := DecodeQuestion(b); err == nil && !slices.Equal(q.Encode(), b) {
			t.Fatal("two encodings of one question")
		}
	})
}
