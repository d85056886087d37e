package node

import (
	"context"
	"errors"
	"time"
)

// enginePatience is how long the status waits for the engine: one in a process of its own may be stopped, or stuck, with its connection open.
const enginePatience = 5 * time.Second

// errSilent says that the engine gave no answer in time.
var errSilent = errors.New("the ledger's engine does not answer")

// inTime asks the engine, and gives up after enginePatience even where the question cannot: it may wait for a lock that another question
// holds, or to be written into a connection that nobody reads.
func inTime[T any](ctx context.Context, ask func(context.Context) (T, error)) (v T, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, enginePatience, errSilent)
	defer cancel()
	type answer struct {
		v   T
		err error
	}
	got := make(chan answer, 1)
	go func() {
		v, err := ask(ctx)
		got <- answer{v, err}
	}()
	select {
	case a := <-got:
		if a.err != nil && ctx.Err() != nil {
			return v, context.Cause(ctx)
		}
		return a.v, a.err
	case <-ctx.Done():
		return v, context.Cause(ctx)
	}
}
