package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// member is an organisation with the keys it has in a test.
type member struct {
	verify.Member
	key, validator ed25519.PrivateKey
}

func newMember(name string, power int64) *member {
	key := ed25519.NewKeyFromSeed(seedOf("key " + name))
	m := &member{key: key}
	copy(m.Key[:], key.Public().(ed25519.PublicKey))
	m.Org, m.Name, m.Power, m.NodeID = verify.OrgOf(m.Key), name, power, "node "+name
	if power > 0 {
		m.validator = ed25519.NewKeyFromSeed(seedOf("validator " + name))
		copy(m.Validator[:], m.validator.Public().(ed25519.PublicKey))
	}
	return m
}

func seedOf(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

func (m *member) sign(b []byte) verify.Signature { return verify.Signature(ed25519.Sign(m.key, b)) }

// sim is the chain as its participants see it, without consensus: deterministic, and with every fault at hand.
type sim struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	genesis *verify.Genesis
	signers []*member // in the order of genesis.Members

	blocks  []*Block
	proofs  []*BlockProof
	members []*Membership // after block i; [0] is genesis
	epochs  []*Epoch
	log     []*Anchored
	heads   map[verify.OrgID]Head
	pool    map[verify.OrgID]map[uint64][]byte

	submitted map[uint64]map[string]int // by sequence number: every transaction ever submitted, and how often
	onSubmit  func(*verify.Anchor)

	base     int64 // blocks below are pruned
	down     bool
	catching bool
	lose     int // submissions to lose after saying they are held
	full     int // submissions to refuse for lack of room
}

// size is how many anchors are on the chain.
func (s *sim) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.log)
}

func newSim(members ...*member) *sim {
	slices.SortFunc(members, func(a, b *member) int { return slices.Compare(a.Org[:], b.Org[:]) })
	g := &verify.Genesis{Time: 1}
	for _, m := range members {
		g.Members = append(g.Members, m.Member)
	}
	s := &sim{
		changed: make(chan struct{}), genesis: g, signers: members, heads: map[verify.OrgID]Head{}, base: 1,
		pool: map[verify.OrgID]map[uint64][]byte{}, submitted: map[uint64]map[string]int{},
	}
	s.members = []*Membership{{Members: g.Members}}
	s.epochs = []*Epoch{{Since: 1, Validators: verify.NewValidatorSet(g.Members)}}
	return s
}

func (s *sim) chain() string { return s.genesis.Chain() }

func (s *sim) now() *Membership { return s.members[len(s.members)-1] }

func (s *sim) epoch() uint64 { return s.epochs[len(s.epochs)-1].Number }

func (s *sim) wake() { close(s.changed); s.changed = make(chan struct{}) }

// set changes faults.
func (s *sim) set(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn()
	s.wake()
}

func (s *sim) up() error {
	if s.down {
		return fmt.Errorf("sim: %w", ErrDown)
	}
	return nil
}

// judge says what the state machine says of an anchor that is next in its sequence.
func (s *sim) judge(a *verify.Anchor) error {
	m := s.now().Member(a.Org)
	if m == nil || !m.Key.Verify(a.SigningBytes(s.chain()), a.Signature) {
		return fmt.Errorf("%w: bad signature", ErrRejected)
	}
	for _, c := range a.Custodians {
		if m := s.now().Member(c.Org); m == nil || !m.Key.Verify(a.CustodyBytes(s.chain()), c.Signature) {
			return fmt.Errorf("%w: bad custodian", ErrRejected)
		}
	}
	return nil
}

func (s *sim) Submit(_ context.Context, tx []byte) error {
	a, err := verify.DecodeAnchor(tx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	if s.onSubmit != nil {
		s.onSubmit(a)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return s.up()
	}
	if s.submitted[a.Seq] == nil {
		s.submitted[a.Seq] = map[string]int{}
	}
	s.submitted[a.Seq][string(tx)]++
	if s.full > 0 {
		s.full--
		return ErrFull
	}
	next := uint64(0)
	if h, ok := s.heads[a.Org]; ok {
		next = h.Seq + 1
	}
	if a.Seq < next {
		for _, an := range s.log {
			if an.ID == a.ID() {
				return nil
			}
		}
		return fmt.Errorf("%w: number %d is taken", ErrRejected, a.Seq)
	}
	if a.Seq >= next+16 {
		return ErrFull
	}
	if err := s.judge(a); err != nil {
		return err
	}
	if s.lose > 0 {
		s.lose--
		return nil
	}
	if s.pool[a.Org] == nil {
		s.pool[a.Org] = map[uint64][]byte{}
	}
	s.pool[a.Org][a.Seq] = slices.Clone(tx)
	s.wake()
	return nil
}

// commit makes a block of what is there and says how many anchors it holds. It makes none of nothing.
func (s *sim) commit() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &Block{Height: int64(len(s.blocks)) + 1, Time: time.Now().UnixMilli(), Epoch: s.epoch()}
	for _, m := range s.now().Members {
		for {
			next, prev := uint64(0), verify.Hash{}
			if h, ok := s.heads[m.Org]; ok {
				next, prev = h.Seq+1, h.ID
			}
			tx, ok := s.pool[m.Org][next]
			if !ok {
				break
			}
			a, err := verify.DecodeAnchor(tx)
			if err != nil || a.Prev != prev || s.judge(a) != nil {
				break
			}
			an := &Anchored{Bytes: tx, ID: a.ID(), Index: uint64(len(s.log)), Height: b.Height, Tx: uint32(len(b.Anchors))}
			s.log, b.Anchors = append(s.log, an), append(b.Anchors, an)
			s.heads[m.Org] = Head{Seq: a.Seq, ID: an.ID, Index: an.Index}
			delete(s.pool[m.Org], next)
		}
	}
	if len(b.Anchors) > 0 {
		s.put(b, s.now())
	}
	return len(b.Anchors)
}

// put adds a block after which the membership is m.
func (s *sim) put(b *Block, m *Membership) {
	b.LogSize = uint64(len(s.log))
	s.blocks, s.members = append(s.blocks, b), append(s.members, m)
	s.proofs = append(s.proofs, s.prove(b))
	s.wake()
}

// change puts a block that changes the membership, and with it begins an epoch.
func (s *sim) change(members []*member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(members, func(a, b *member) int { return slices.Compare(a.Org[:], b.Org[:]) })
	b := &Block{Height: int64(len(s.blocks)) + 1, Time: time.Now().UnixMilli(), Epoch: s.epoch(), Members: true}
	m := &Membership{Height: b.Height}
	for _, o := range members {
		m.Members = append(m.Members, o.Member)
	}
	s.put(b, m)
	s.signers = members
	s.epochs = append(s.epochs, &Epoch{Number: s.epoch() + 1, Since: b.Height + 1, Validators: verify.NewValidatorSet(m.Members)})
}

// prove signs a block as its validators would.
func (s *sim) prove(b *Block) *BlockProof {
	set := verify.NewValidatorSet(s.now().Members)
	p := &BlockProof{Epoch: b.Epoch}
	for _, an := range b.Anchors {
		p.Txs = append(p.Txs, an.ID)
	}
	p.Header = verify.Header{
		BlockVersion: 11, ChainID: s.chain(), Height: b.Height, Time: verify.TimestampOf(time.UnixMilli(b.Time)),
		Data: rootOf(p.Txs), Validators: set.Hash(), NextValidators: set.Hash(),
	}
	p.Commit = verify.BlockCommit{Height: b.Height, Block: verify.BlockID{Hash: p.Header.Hash(), PartsTotal: 1, PartsHash: verify.Hash{1}}}
	for range set {
		p.Commit.Signatures = append(p.Commit.Signatures, verify.CommitSig{})
	}
	for i, v := range set {
		sig := &p.Commit.Signatures[i]
		sig.Flag, sig.Validator, sig.Time = verify.VoteCommit, v.Address(), verify.TimestampOf(time.UnixMilli(b.Time+5))
		for _, m := range s.signers {
			if m.Validator == v.Key {
				sig.Signature = verify.Signature(ed25519.Sign(m.validator, p.Commit.VoteBytes(s.chain(), i)))
			}
		}
	}
	return p
}

func (s *sim) Follow(ctx context.Context, from int64, fn func(*Block) error) error {
	from = max(from, 1)
	for {
		s.mu.Lock()
		if s.down {
			s.mu.Unlock()
			return ErrDown
		}
		changed := s.changed
		var b *Block
		if from <= int64(len(s.blocks)) {
			b = s.blocks[from-1]
		}
		s.mu.Unlock()
		if b != nil {
			if err := fn(b); err != nil {
				return err
			}
			from++
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

func (s *sim) Proof(_ context.Context, height int64) (*BlockProof, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case height < 1 || height > int64(len(s.proofs)):
		return nil, ErrNotFound
	case height < s.base:
		return nil, &PrunedError{Height: height, Base: s.base}
	}
	return s.proofs[height-1], s.up()
}

func (s *sim) Anchor(_ context.Context, org verify.OrgID, seq uint64) (*Anchored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, an := range s.log {
		if a, err := verify.DecodeAnchor(an.Bytes); err == nil && a.Org == org && a.Seq == seq {
			return an, s.up()
		}
	}
	return nil, errors.Join(s.up(), ErrNotFound)
}

func (s *sim) AnchorAt(_ context.Context, index uint64) (*Anchored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index >= uint64(len(s.log)) {
		return nil, ErrNotFound
	}
	return s.log[index], s.up()
}

func (s *sim) Head(_ context.Context, org verify.OrgID) (Head, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.heads[org]
	return h, ok, s.up()
}

// nodes resolves a proof by brute force.
func (s *sim) nodes(n proof.Nodes, size uint64) ([]verify.Hash, error) {
	hashes := make([][]byte, len(n.IDs))
	for i, id := range n.IDs {
		hashes[i] = s.node(id)
	}
	hashes, err := n.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	out := make([]verify.Hash, len(hashes))
	for i := range hashes {
		out[i] = verify.Hash(hashes[i])
	}
	return out, err
}

func (s *sim) node(id compact.NodeID) []byte {
	if id.Level == 0 {
		return rfc6962.DefaultHasher.HashLeaf(s.log[id.Index].ID[:])
	}
	left := compact.NodeID{Level: id.Level - 1, Index: 2 * id.Index}
	return rfc6962.DefaultHasher.HashChildren(s.node(left), s.node(left.Sibling()))
}

func (s *sim) LogProof(_ context.Context, index, size uint64) ([]verify.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index >= size || size > uint64(len(s.log)) {
		return nil, ErrNotFound
	}
	n, err := proof.Inclusion(index, size)
	if err != nil {
		return nil, err
	}
	return s.nodes(n, size)
}

func (s *sim) LogRoot(_ context.Context, size uint64) (verify.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size > uint64(len(s.log)) {
		return verify.Hash{}, ErrNotFound
	}
	ids := make([]verify.Hash, size)
	for i := range ids {
		ids[i] = s.log[i].ID
	}
	return rootOf(ids), s.up()
}

func rootOf(values []verify.Hash) verify.Hash {
	r := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, v := range values {
		if err := r.Append(rfc6962.DefaultHasher.HashLeaf(v[:]), nil); err != nil {
			panic(err)
		}
	}
	if len(values) == 0 {
		return sha256.Sum256(nil)
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		panic(err)
	}
	return verify.Hash(root)
}

func (s *sim) Consistency(_ context.Context, from, to uint64) ([]verify.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from > to || to > uint64(len(s.log)) {
		return nil, ErrNotFound
	}
	n, err := proof.Consistency(from, to)
	if err != nil {
		return nil, err
	}
	return s.nodes(n, to)
}

func (s *sim) Members(context.Context) (*Membership, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now(), s.up()
}

func (s *sim) MembersAt(_ context.Context, height int64) (*Membership, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if height < 1 || height > int64(len(s.blocks)) {
		return nil, ErrNotFound
	}
	return s.members[height-1], s.up()
}

func (s *sim) Epoch(_ context.Context, number uint64) (*Epoch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number >= uint64(len(s.epochs)) {
		return nil, ErrNotFound
	}
	return s.epochs[number], s.up()
}

func (s *sim) Light(context.Context, int64) ([]byte, error) { return nil, ErrNotFound }

func (s *sim) Status(context.Context) (*Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Status{
		Chain: s.chain(), Height: int64(len(s.blocks)), Base: s.base, CatchingUp: s.catching,
		LogSize: uint64(len(s.log)), Sealed: uint64(len(s.log)),
	}, s.up()
}

func (s *sim) Close() error { return nil }

var _ Engine = (*sim)(nil)

// sealer derives batch keys from a key of the test.
type sealer struct{ key [32]byte }

func (s sealer) BatchKey(run uint64) (BatchKey, error) {
	return BatchKey(verify.Commit(&s.key, binary.BigEndian.AppendUint64(nil, run))), nil
}

// recordOf makes a record of n entries that differ from all others.
func recordOf(t testing.TB, salt string, n int) *journal.Record {
	t.Helper()
	r := &journal.Record{Time: time.Now().UnixMilli()}
	for i := range n {
		e := journal.Entry{Envelope: journal.Envelope(nil, seedOf(fmt.Sprint(salt, i)))}
		copy(e.Tag[:], seedOf("tag"+salt+fmt.Sprint(i)))
		r.Entries = append(r.Entries, e)
	}
	return r
}
