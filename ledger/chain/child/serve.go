package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
)

// Opener opens the engine that a child serves. The source is the parent's, for chain.StateSync and chain.Config.Feed.
type Opener func(ctx context.Context, source chain.Feed) (ledger.Engine, error)

// socket is the file descriptor at which a child finds the connection to its parent. Standard output is not used: a
// library that prints must not break the connection.
const socket = 3

// Conn gives the connection to the parent that started this process by Start.
func Conn() (net.Conn, error) {
	f := os.NewFile(socket, "parent")
	if f == nil {
		return nil, errors.New("child: this process was not started by a sijil node")
	}
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("child: this process was not started by a sijil node: %w", err)
	}
	return c, nil
}

// errStopped ends a child whose engine ended by itself; the parent starts the next.
var errStopped = errors.New("child: consensus stopped on this node")

// watchEvery is how often a child looks whether its engine still runs.
const watchEvery = 2 * time.Second

// Serve opens an engine and serves it over a connection until the parent closes the engine, the connection or the
// context. It returns nil after an orderly end. A process should end when Serve returns.
func Serve(ctx context.Context, conn io.ReadWriteCloser, open Opener) error {
	s := &server{ready: make(chan struct{})}
	l := newLink(ctx, conn, s.handle)
	ran := make(chan error, 1)
	go func() { ran <- l.run() }()
	e, err := open(l.ctx, &source{l})
	s.engine, s.err = e, err
	close(s.ready)
	if err != nil {
		<-ran // until the parent has read why
		return err
	}
	stopped := s.watch(l)
	err = <-ran
	closeErr := e.Close()
	switch {
	case s.closing():
		return closeErr
	case stopped():
		return errors.Join(errStopped, closeErr)
	case errors.Is(err, io.EOF) || ctx.Err() != nil:
		return closeErr
	}
	return errors.Join(err, closeErr)
}

// server answers the parent's calls.
type server struct {
	ready  chan struct{} // closed when engine or err is set
	engine ledger.Engine
	err    error

	mu     sync.Mutex
	closed bool
}

func (s *server) closing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// watch ends the link when the engine stopped by itself.
func (s *server) watch(l *link) (stopped func() bool) {
	var mu sync.Mutex
	var is bool
	go func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-l.ctx.Done():
				return
			case <-tick.C:
			}
			if st, err := s.engine.Status(l.ctx); err == nil && st.Stopped {
				mu.Lock()
				is = true
				mu.Unlock()
				l.cancel()
				return
			}
		}
	}()
	return func() bool {
		mu.Lock()
		defer mu.Unlock()
		return is
	}
}

func (s *server) handle(ctx context.Context, m method, a *args, emit func(any) error) (any, error) {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.err != nil {
		return nil, s.err
	}
	e := s.engine
	switch m {
	case callOpen:
		return nil, nil
	case callSubmit:
		return nil, e.Submit(ctx, a.Tx)
	case callFollow:
		return nil, e.Follow(ctx, a.Height, func(b *ledger.Block) error { return emit(b) })
	case callProof:
		return e.Proof(ctx, a.Height)
	case callAnchor:
		return e.Anchor(ctx, a.Org, a.From)
	case callAnchorAt:
		return e.AnchorAt(ctx, a.From)
	case callHead:
		h, ok, err := e.Head(ctx, a.Org)
		return headResult{h, ok}, err
	case callLogProof:
		return e.LogProof(ctx, a.From, a.To)
	case callLogRoot:
		return e.LogRoot(ctx, a.To)
	case callConsistency:
		return e.Consistency(ctx, a.From, a.To)
	}
	return s.handleMembers(ctx, m, a, emit)
}

func (s *server) handleMembers(ctx context.Context, m method, a *args, emit func(any) error) (any, error) {
	e := s.engine
	switch m {
	case callMembers:
		return e.Members(ctx)
	case callMembersAt:
		return e.MembersAt(ctx, a.Height)
	case callEpoch:
		return e.Epoch(ctx, a.From)
	case callLight:
		return e.Light(ctx, a.Height)
	case callStatus:
		return e.Status(ctx)
	case callClose:
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		return nil, e.Close()
	case callAnswer, callBlocks:
		return s.handleFeed(ctx, m, a, emit)
	}
	return nil, fmt.Errorf("child: call %d is unknown", m)
}
