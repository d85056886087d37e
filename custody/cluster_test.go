package custody

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

const testChain = "sijil-00112233445566778899aabbccddeeff"

// cluster is some members with real servers on the loopback, and a ledger that is a map.
type cluster struct {
	t     testing.TB
	mu    sync.Mutex
	all   []verify.Member
	nodes []*member

	anchors map[verify.OrgID][]*verify.Anchor
	// patience of the owners. The tests are not about time: only those of silence lower it, and none to what a loaded machine
	// takes for an honest answer.
	patience time.Duration
}

// interceptor sees a request before the keeper does; true means that it answered.
type interceptor func(http.ResponseWriter, *http.Request) bool

func (m *member) intercept(f interceptor) { m.before.Store(&f) }

// member is one node: it can be owner and custodian.
type member struct {
	c      *cluster
	key    ed25519.PrivateKey
	self   verify.Member
	id     *peer.Identity
	dir    string
	opt    KeeperOptions
	keeper *Keeper
	server *peer.Server
	served chan error
	view   atomic.Pointer[peer.Members] // its own idea of the membership; nil for the true one
	before atomic.Pointer[interceptor]  // if not nil, sees requests first
}

func newCluster(t testing.TB, n int) *cluster {
	c := &cluster{t: t, patience: 5 * time.Second, anchors: make(map[verify.OrgID][]*verify.Anchor)}
	for range n {
		c.join()
	}
	return c
}

// log shows what the nodes report where a test fails.
func (c *cluster) log() *slog.Logger { return slog.New(slog.NewTextHandler(c.t.Output(), nil)) }

func (c *cluster) members() []verify.Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

func (c *cluster) set(m verify.Member) {
	c.drop(m.Org)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all[:len(c.all):len(c.all)], m)
}

// drop revokes a member.
func (c *cluster) drop(org verify.OrgID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []verify.Member{}
	for _, m := range c.all {
		if m.Org != org {
			all = append(all, m)
		}
	}
	c.all = all
}

func (c *cluster) anchored(_ context.Context, org verify.OrgID, seq uint64) (*verify.Anchor, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq >= uint64(len(c.anchors[org])) {
		return nil, false, nil
	}
	return c.anchors[org][seq], true, nil
}

// join adds a member and starts its node.
func (c *cluster) join() *member {
	c.t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	m := &member{c: c, key: private, dir: c.t.TempDir()}
	m.self = verify.Member{Key: verify.PublicKey(public), Org: verify.OrgOf(verify.PublicKey(public)), Name: "member"}
	if m.id, err = peer.NewIdentity(testChain, m.self.Org, private); err != nil {
		c.t.Fatal(err)
	}
	m.opt = KeeperOptions{Chain: testChain, Org: m.self.Org, Anchored: c.anchored, Reserve: 1, Members: c.members,
		Sign: func(b []byte) (verify.Signature, error) { return verify.Signature(ed25519.Sign(private, b)), nil }, Log: c.log()}
	c.nodes = append(c.nodes, m)
	m.start("127.0.0.1:0")
	c.t.Cleanup(m.stop)
	return m
}

// start opens the keeper and serves at an address.
func (m *member) start(address string) {
	m.c.t.Helper()
	var err error
	if m.keeper, err = OpenKeeper(filepath.Join(m.dir, "held"), m.opt); err != nil {
		m.c.t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		m.c.t.Fatal(err)
	}
	keeper := m.keeper
	m.server = peer.NewServer(m.id, m.c.members, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before := m.before.Load(); before != nil && (*before)(w, r) {
			return
		}
		keeper.ServeHTTP(w, r)
	}), slog.New(slog.DiscardHandler))
	m.served = make(chan error, 1)
	go func(s *peer.Server, done chan error) { done <- s.Serve(l) }(m.server, m.served)
	m.self.Peer = l.Addr().String()
	m.c.set(m.self)
}

// stop ends the node; what it held stays on its disk.
func (m *member) stop() {
	if m.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	m.server.Shutdown(ctx) // requests left hanging on purpose are cut off
	<-m.served
	if err := m.keeper.Close(); err != nil {
		m.c.t.Errorf("close keeper: %v", err)
	}
	m.server = nil
}

func (m *member) restart() {
	m.stop()
	m.start(m.self.Peer)
}

func (m *member) members() []verify.Member {
	if view := m.view.Load(); view != nil {
		return (*view)()
	}
	return m.c.members()
}

func (m *member) client() *peer.Client {
	client := peer.NewClient(m.id, m.members)
	m.c.t.Cleanup(client.Close)
	return client
}

// owner is a member with a journal and a replicator.
type owner struct {
	*member
	client  *peer.Client
	repl    *Replicator
	journal *journal.Journal
	plans   []Batch
	tags    uint64

	withdrawn atomic.Uint64 // entries, as the owner is told
}

func (m *member) own(copies int, opt journal.Options) *owner {
	m.c.t.Helper()
	return m.ownAsMany(func() int { return copies }, opt)
}

// ownAsMany is own where the number of copies changes.
func (m *member) ownAsMany(copies func() int, opt journal.Options) *owner {
	m.c.t.Helper()
	o := &owner{member: m, client: m.client()}
	o.repl = NewReplicator(Options{Org: m.self.Org, Chain: testChain, Copies: copies, Client: o.client, Members: m.members, Sign: m.opt.Sign,
		State: filepath.Join(m.dir, "custody.json"), Patience: m.c.patience, Log: m.c.log(),
		Withdrawn: func(w Withdrawn) { o.withdrawn.Add(w.Entries) },
		Mend: func(ctx context.Context, segment uint32, copied io.Reader) error {
			if segment == o.journal.End().Segment {
				if err := o.journal.Seal(ctx); err != nil {
					return err
				}
			}
			if copied == nil {
				return o.fetcher().Segment(ctx, segment, func(r io.Reader) error { return o.journal.Repair(segment, r) })
			}
			return o.journal.Repair(segment, copied)
		}})
	opt.Hold, opt.Key = o.repl, testKey
	var err error
	if o.journal, err = journal.Open(filepath.Join(m.dir, "journal"), opt); err != nil {
		m.c.t.Fatal(err)
	}
	o.repl.know(Sources{Journal: o.journal, Key: testKey})
	m.c.t.Cleanup(o.close)
	return o
}

// testKey seals the owners' journals.
var testKey = journal.Key{1, 2, 3}

// fetcher brings back what the owner lost.
func (o *owner) fetcher() *Fetcher {
	f := NewFetcher(o.self.Org, o.client, o.c.members)
	f.Seal(testKey)
	return f
}

func (o *owner) close() {
	if err := o.journal.Close(); err != nil {
		o.c.t.Errorf("close journal: %v", err)
	}
	o.repl.Close()
}

func (o *owner) start(src Sources) {
	src.Journal, src.Key = o.journal, testKey
	if src.Batches == nil {
		src.Batches = o
	}
	o.repl.Start(src)
}

// Batch implements Batches.
func (o *owner) Batch(seq uint64) (Batch, error) {
	o.c.mu.Lock()
	defer o.c.mu.Unlock()
	return o.plans[seq], nil
}

// write appends one record of n entries and waits for it.
func (o *owner) write(n int) journal.Ack {
	o.c.t.Helper()
	ack, err := o.append(record(&o.tags, n))
	if err != nil {
		o.c.t.Fatal(err)
	}
	return ack
}

func (o *owner) append(r *journal.Record) (journal.Ack, error) {
	p, err := o.journal.Append(r)
	if err != nil {
		return journal.Ack{}, err
	}
	return p.Wait(context.Background())
}

func record(tags *uint64, n int) *journal.Record {
	r := &journal.Record{Time: time.Now().UnixMilli()}
	for range n {
		*tags++
		e := journal.Entry{Envelope: journal.Envelope(nil, make([]byte, 200))}
		binary.BigEndian.PutUint64(e.Tag[:], *tags)
		rand.Read(e.Bind[:])
		r.Entries = append(r.Entries, e)
	}
	return r
}

// cut plans the batch of all records between two places.
func (o *owner) cut(begin, end journal.Cursor) Proposal {
	o.c.t.Helper()
	b := Batch{Begin: begin, End: end, Manifest: []byte("sealed manifest")}
	rand.Read(b.Seed[:])
	leaves, err := leavesOf(context.Background(), o.journal, &b)
	if err != nil {
		o.c.t.Fatal(err)
	}
	return o.propose(b, leaves)
}

func (o *owner) propose(b Batch, leaves []verify.Hash) Proposal {
	o.c.t.Helper()
	root, err := b.rootOf(leaves)
	if err != nil {
		o.c.t.Fatal(err)
	}
	b.Anchor = verify.Anchor{Org: o.self.Org, Seq: uint64(len(o.plans)), Root: root,
		Count: uint32(verify.PaddedCount(int(b.Entries()))), Time: time.Now().UnixMilli()}
	if len(o.plans) > 0 {
		b.Anchor.Prev = o.plans[len(o.plans)-1].Anchor.ID()
	}
	return Proposal{b}
}

// anchor signs a batch with the statements and puts it on the ledger.
func (o *owner) anchor(p Proposal, statements []verify.Custody) Batch {
	b := p.Batch
	b.Anchor.Custodians = statements
	if len(statements) == 0 {
		b.Anchor.Flags = verify.FlagLocalOnly
	}
	b.Anchor.Signature = verify.Signature(ed25519.Sign(o.key, b.Anchor.SigningBytes(testChain)))
	o.c.mu.Lock()
	defer o.c.mu.Unlock()
	o.plans = append(o.plans, b)
	a := b.Anchor
	o.c.anchors[o.self.Org] = append(o.c.anchors[o.self.Org], &a)
	return b
}

// custodian finds the member that comes at a place in the order of a segment.
func (o *owner) custodian(segment uint32, place int) *member {
	org := Custodians(o.self.Org, segment, o.c.members())[place]
	for _, m := range o.c.nodes {
		if m.self.Org == org {
			return m
		}
	}
	return nil
}

// eventually waits for a condition that background work brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never came true: %s", what)
}

func (m *member) alarms(t testing.TB, owner verify.OrgID) []string {
	t.Helper()
	all, err := m.keeper.book.alarmsOf(owner)
	if err != nil {
		t.Fatal(err)
	}
	codes := []string{}
	for _, a := range all {
		codes = append(codes, a.Code)
	}
	return codes
}

// heldOf is what a member holds of an owner's journal, in bytes.
func (m *member) heldOf(owner verify.OrgID) (total int64) {
	s, err := m.keeper.shelf(owner)
	if err != nil {
		return 0
	}
	for _, r := range s.mirror.Held() {
		total += r.End.Offset - r.Start.Offset
	}
	return total
}
