package custody

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
	"golang.org/x/time/rate"
)

const (
	// defaultPatience is what a silent custodian costs, once.
	defaultPatience = 50 * time.Millisecond
	defaultRate     = 32 << 20 // bytes per second of top-up
	// orderTimeout bounds how long a group waits for the one before it to be handed over, so that custodians get them in order.
	orderTimeout = 5 * time.Millisecond
)

// Journal is what is read of the owner's journal; *journal.Journal is one.
type Journal interface {
	End() journal.Cursor
	Segments() []journal.Segment
	Frames(from journal.Cursor, limit int) (journal.Group, error)
	Follow(ctx context.Context, from journal.Cursor, fn func([]journal.Located) error) error
	ReadRaw(segment uint32, offset int64, length int) ([]byte, error)
}

// Blobs is where the owner keeps ciphertexts that are too large for the journal.
type Blobs interface {
	// Get gives a ciphertext by its hash, verified.
	Get(ctx context.Context, hash verify.Hash) ([]byte, error)
}

// Sources is what the Replicator tops up from. Journal must be given, the others may be nil until there is something.
type Sources struct {
	Journal Journal
	Key     journal.Key // that the journal is sealed under: without it no custodian that holds anything else is believed
	Blobs   Blobs
	Pages   Pages
	Batches Batches
}

// Options of a Replicator.
type Options struct {
	Org     verify.OrgID // the owner
	Chain   string       // the ledger's name
	Copies  func() int   // R as it is now, the owner's own included; 1 for a lone node
	Client  *peer.Client
	Members peer.Members
	// Sign signs with the organisation's key: what is withdrawn.
	Sign func(message []byte) (verify.Signature, error)
	// Mend puts a whole copy in the place of a damaged segment of the journal, or refuses it; where copied is nil it brings one from
	// custodians. nil leaves damage as it is.
	Mend func(ctx context.Context, segment uint32, copied io.Reader) error
	// Withdrawn is told of records that a custodian took back at this node's word; nil for nobody. Copies of them may have been counted,
	// and those who wrote them been answered, though nobody had vouched for them.
	Withdrawn func(Withdrawn)
	// State is the file that remembers up to where large blobs are held; "" for none, and then each start looks at all of them.
	State string

	Patience time.Duration // for a silent custodian; 50 ms if zero
	Rate     int           // bytes per second of top-up; 32 MiB if zero
	Log      *slog.Logger  // nil for silence
}

// Replicator is the owner's side: it brings every group of the journal, every large blob and every page of the key store to R−1
// custodians, at once where they answer and in the background where they did not. It implements journal.Holder.
type Replicator struct {
	opt   Options
	ask   asker
	limit *rate.Limiter

	mu       sync.Mutex
	couriers map[verify.OrgID]*courier
	met      map[verify.OrgID]bool // custodians that hold nothing but what this node's journal has; see meet
	src      Sources               // zero until Start
	started  chan struct{}         // closed once src is known
	again    func()                // makes the follower of large blobs begin anew; nil until it runs
	mendNext map[uint32]time.Time  // when a damaged segment may be tried next
	ownQuiet time.Time             // nothing is told of this node's own failures until then

	mending sync.Mutex // held while a segment of this node is mended from custodians, so that one after the other is

	turn   sync.Mutex
	passed sync.Cond      // a group was handed over
	last   journal.Cursor // the end of the group handed over last

	ctx    context.Context // of everything in the background
	cancel context.CancelFunc
	work   sync.WaitGroup
	kick   chan struct{}
}

// NewReplicator makes a replicator. No custodian is sent records before Start: it has to be met first, and that takes the journal.
func NewReplicator(opt Options) *Replicator {
	if opt.Patience == 0 {
		opt.Patience = defaultPatience
	}
	if opt.Rate == 0 {
		opt.Rate = defaultRate
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	r := &Replicator{opt: opt, ask: asker{opt.Client}, couriers: make(map[verify.OrgID]*courier),
		met: make(map[verify.OrgID]bool), mendNext: make(map[uint32]time.Time), started: make(chan struct{}), kick: make(chan struct{}, 1)}
	r.limit = rate.NewLimiter(rate.Limit(opt.Rate), max(opt.Rate, 2*topUpChunk))
	r.passed.L = &r.turn
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Start begins to top up what custodians lack. It is called once, when the journal is open; while Copies is 1 there is nothing to do.
func (r *Replicator) Start(src Sources) {
	r.know(src)
	r.work.Go(r.tend)
	if src.Blobs != nil {
		r.work.Go(r.tendBlobs)
	}
}

// know lets custodians be met.
func (r *Replicator) know(src Sources) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.src.Journal == nil {
		close(r.started)
	}
	r.src = src
}

// Close ends the background work. Close the journal first: it waits for Hold.
func (r *Replicator) Close() {
	r.cancel()
	r.work.Wait()
}

// Hold implements journal.Holder: it sends a group to the R−1 custodians of its segment, replaces those that stay silent, and
// returns how many hold it durably.
func (r *Replicator) Hold(ctx context.Context, g journal.Group) (copies int) {
	if r.opt.Copies() <= 1 {
		return 0
	}
	s := r.spread(Custodians(r.opt.Org, g.Start.Segment, r.opt.Members()), r.opt.Patience, func(c *courier) <-chan error { return c.send(g) })
	r.await(g)
	s.begin()
	r.hand(g)
	return s.finish(ctx)
}

// await waits until the group before g was handed to its couriers, so that each of them gets the groups in order although the
// journal asks for several at a time.
func (r *Replicator) await(g journal.Group) {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.last == (journal.Cursor{}) || r.last.Entry == g.Start.Entry {
		return
	}
	late := false
	timer := time.AfterFunc(orderTimeout, func() {
		r.turn.Lock()
		late = true
		r.turn.Unlock()
		r.passed.Broadcast()
	})
	defer timer.Stop()
	for r.last.Entry < g.Start.Entry && !late {
		r.passed.Wait()
	}
}

func (r *Replicator) hand(g journal.Group) {
	r.turn.Lock()
	if r.last.Compare(g.End) < 0 {
		r.last = g.End
	}
	r.turn.Unlock()
	r.passed.Broadcast()
}

// HoldBlob brings a ciphertext to R−1 custodians before the record that names it is written, and returns how many hold it durably.
// Missing ones are topped up later.
func (r *Replicator) HoldBlob(ctx context.Context, hash verify.Hash, blob []byte) (copies int) {
	if r.opt.Copies() <= 1 {
		return 0
	}
	order := blobCustodians(r.opt.Org, hash, r.opt.Members())
	s := r.spread(order, r.patience(len(blob)), func(c *courier) <-chan error {
		return r.later(len(blob), func(ctx context.Context) error { return c.ask.putBlob(ctx, c.org, hash, blob) })
	})
	s.begin()
	return s.finish(ctx)
}

// patience adds to the cost of silence the time that so many bytes may take on a slow link.
func (r *Replicator) patience(size int) time.Duration {
	const slow = 4 << 20 // bytes per second
	return r.opt.Patience + time.Duration(size)*time.Second/slow
}

// later runs a request in the background: it goes on after nobody waits for it any more.
func (r *Replicator) later(size int, send func(context.Context) error) <-chan error {
	done := make(chan error, 1)
	r.work.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, sendTimeout+r.patience(size))
		defer cancel()
		done <- send(ctx)
	})
	return done
}

func (r *Replicator) courier(org verify.OrgID) *courier {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.couriers[org]
	if c == nil {
		c = &courier{org: org, Replicator: r, held: make(runs)}
		r.couriers[org] = c
	}
	return c
}

func (r *Replicator) sources() Sources {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.src
}

func hashOf(b []byte) verify.Hash { return sha256.Sum256(b) }
