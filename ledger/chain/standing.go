package chain

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// standing is an engine that begins again by itself, when it fell too far behind (a snapshot is taken up only at a start) and when the members
// gave it a vote or took its vote away, and when the disk was full and has room again.
// Meanwhile its methods return ledger.ErrDown; followers go on after the last block that they were given.
type standing struct {
	cfg    Config
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	engine   runner        // nil while it begins again
	moved    chan struct{} // closed and replaced whenever engine is
	restarts int
	closed   error
}

var _ ledger.Engine = (*standing)(nil)

// againPause is between two attempts to begin again.
const againPause = 2 * time.Second

func newStanding(cfg Config, e runner) *standing {
	s := &standing{cfg: cfg, engine: e, moved: make(chan struct{}), ended: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.watch(e)
	return s
}

func (s *standing) watch(e runner) {
	defer close(s.ended)
	for {
		select {
		case <-s.ctx.Done():
			s.finish(e)
			return
		case <-e.again():
		}
		s.swap(nil)
		if err := e.Close(); err != nil {
			s.warn("stop the engine that begins again", err)
		}
		for e = nil; e == nil; {
			next, err := start(s.ctx, s.cfg)
			if err == nil {
				e = next
				break
			}
			select {
			case <-s.ctx.Done():
				return
			case <-time.After(againPause):
			}
			s.warn("the engine does not begin again", err)
		}
		s.swap(e)
	}
}

func (s *standing) warn(what string, err error) {
	if s.cfg.Log != nil {
		s.cfg.Log.Warn("chain: "+what, "err", err)
	}
}

func (s *standing) swap(e runner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine = e; e == nil {
		s.restarts++
	}
	close(s.moved)
	s.moved = make(chan struct{})
}

func (s *standing) finish(e runner) {
	err := e.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = err
}

// Close implements ledger.Engine.
func (s *standing) Close() error {
	s.cancel()
	<-s.ended
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// now gives the engine as it is, and what is closed when there is another.
func (s *standing) now() (runner, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ctx.Err() != nil:
		return nil, nil, ledger.ErrClosed
	case s.engine == nil:
		return nil, s.moved, ledger.ErrDown
	}
	return s.engine, s.moved, nil
}

// through makes one call of the engine as it is. One that the engine's end cut short is no sign that all is closed.
func through[T any](s *standing, call func(runner) (T, error)) (v T, err error) {
	e, _, err := s.now()
	if err != nil {
		return v, err
	}
	v, err = call(e)
	if errors.Is(err, ledger.ErrClosed) && s.ctx.Err() == nil {
		err = ledger.ErrDown
	}
	return v, err
}

// Submit implements ledger.Engine.
func (s *standing) Submit(ctx context.Context, tx []byte) error {
	_, err := through(s, func(e runner) (struct{}, error) { return struct{}{}, e.Submit(ctx, tx) })
	return err
}

// Follow implements ledger.Engine.
func (s *standing) Follow(ctx context.Context, from int64, fn func(*ledger.Block) error) error {
	next, own := max(from, 1), error(nil)
	if from < 0 {
		next = from // the engine's to refuse
	}
	take := func(b *ledger.Block) error {
		if own = fn(b); own == nil {
			next = b.Height + 1
		}
		return own
	}
	for {
		e, moved, err := s.now()
		if err == nil {
			err = e.Follow(ctx, next, take)
		}
		switch {
		case own != nil || ctx.Err() != nil:
			return err
		case s.ctx.Err() != nil:
			return ledger.ErrClosed
		case !errors.Is(err, ledger.ErrClosed) && !errors.Is(err, ledger.ErrDown):
			return err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return ledger.ErrClosed
		}
	}
}

// Proof implements ledger.Engine.
func (s *standing) Proof(ctx context.Context, height int64) (*ledger.BlockProof, error) {
	return through(s, func(e runner) (*ledger.BlockProof, error) { return e.Proof(ctx, height) })
}

// Anchor implements ledger.Engine.
func (s *standing) Anchor(ctx context.Context, org verify.OrgID, seq uint64) (*ledger.Anchored, error) {
	return through(s, func(e runner) (*ledger.Anchored, error) { return e.Anchor(ctx, org, seq) })
}

// AnchorAt implements ledger.Engine.
func (s *standing) AnchorAt(ctx context.Context, index uint64) (*ledger.Anchored, error) {
	return through(s, func(e runner) (*ledger.Anchored, error) { return e.AnchorAt(ctx, index) })
}

// Head implements ledger.Engine.
func (s *standing) Head(ctx context.Context, org verify.OrgID) (head ledger.Head, ok bool, err error) {
	head, err = through(s, func(e runner) (ledger.Head, error) {
		h, found, err := e.Head(ctx, org)
		ok = found
		return h, err
	})
	return head, ok, err
}

// LogProof implements ledger.Engine.
func (s *standing) LogProof(ctx context.Context, index, size uint64) ([]verify.Hash, error) {
	return through(s, func(e runner) ([]verify.Hash, error) { return e.LogProof(ctx, index, size) })
}

// LogRoot implements ledger.Engine.
func (s *standing) LogRoot(ctx context.Context, size uint64) (verify.Hash, error) {
	return through(s, func(e runner) (verify.Hash, error) { return e.LogRoot(ctx, size) })
}

// Consistency implements ledger.Engine.
func (s *standing) Consistency(ctx context.Context, from, to uint64) ([]verify.Hash, error) {
	return through(s, func(e runner) ([]verify.Hash, error) { return e.Consistency(ctx, from, to) })
}

// Members implements ledger.Engine.
func (s *standing) Members(ctx context.Context) (*ledger.Membership, error) {
	return through(s, func(e runner) (*ledger.Membership, error) { return e.Members(ctx) })
}

// MembersAt implements ledger.Engine.
func (s *standing) MembersAt(ctx context.Context, height int64) (*ledger.Membership, error) {
	return through(s, func(e runner) (*ledger.Membership, error) { return e.MembersAt(ctx, height) })
}

// Epoch implements ledger.Engine.
func (s *standing) Epoch(ctx context.Context, number uint64) (*ledger.Epoch, error) {
	return through(s, func(e runner) (*ledger.Epoch, error) { return e.Epoch(ctx, number) })
}

// Light implements ledger.Engine.
func (s *standing) Light(ctx context.Context, height int64) ([]byte, error) {
	return through(s, func(e runner) ([]byte, error) { return e.Light(ctx, height) })
}

// Status implements ledger.Engine.
func (s *standing) Status(ctx context.Context) (*ledger.Status, error) {
	st, err := through(s, func(e runner) (*ledger.Status, error) { return e.Status(ctx) })
	if err == nil {
		s.mu.Lock()
		st.Restarts = s.restarts
		s.mu.Unlock()
	}
	return st, err
}

// Answer implements Feeder.
func (s *standing) Answer(ctx context.Context, q *Question) ([]byte, error) {
	return through(s, func(e runner) ([]byte, error) { return e.Answer(ctx, q) })
}

// Blocks implements Feeder.
func (s *standing) Blocks(ctx context.Context, after int64, give func([]byte) error) error {
	_, err := through(s, func(e runner) (struct{}, error) { return struct{}{}, e.Blocks(ctx, after, give) })
	return err
}
