package node

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/verify"
)

// roster is the membership as this node last saw it on the ledger, for those who ask at every request.
type roster struct {
	engine ledger.Engine
	log    *slog.Logger
	now    atomic.Pointer[ledger.Membership]
}

func newRoster(ctx context.Context, e ledger.Engine, g *verify.Genesis, log *slog.Logger) *roster {
	r := &roster{engine: e, log: log}
	r.now.Store(&ledger.Membership{Members: g.Members})
	r.load(ctx)
	return r
}

// members gives the current members. The slice is never changed.
func (r *roster) members() []verify.Member { return r.now.Load().Members }

func (r *roster) load(ctx context.Context) {
	m, err := r.engine.Members(ctx)
	if err != nil {
		return // the engine is starting; watch asks again
	}
	r.now.Store(m)
}

// watch keeps the roster current until ctx ends.
func (r *roster) watch(ctx context.Context) {
	for ctx.Err() == nil {
		r.load(ctx)
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, ledger.ErrDown) {
			r.log.Warn("the membership could not be followed", "error", err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func (r *roster) follow(ctx context.Context) error {
	status, err := r.engine.Status(ctx)
	if err != nil {
		return err
	}
	return r.engine.Follow(ctx, status.Height+1, func(b *ledger.Block) error {
		if b.Members {
			r.load(ctx)
		}
		return nil
	})
}
