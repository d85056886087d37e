package chain

import (
	"context"
	"errors"
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"

	"github.com/sijil-health/sijil/ledger"
)

// Submit implements ledger.Engine.
func (e *Engine) Submit(ctx context.Context, tx []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	leave, err := e.enter()
	if err != nil {
		return err
	}
	defer leave()
	code, reason, err := e.checkTx(tx)
	switch {
	case errors.Is(err, mempool.ErrTxInCache):
		// Held, committed, or evicted since; ask the pool which.
		c, err := e.app.pool.judge(tx)
		return outcome(c, err)
	case errors.As(err, new(mempool.ErrMempoolIsFull)), errors.Is(err, mempool.ErrRecheckFull):
		return ledger.ErrFull
	case err != nil:
		return fmt.Errorf("%w: %w", ledger.ErrRejected, err)
	case reason == "":
		return outcome(code, nil)
	}
	return outcome(code, errors.New(reason))
}

func outcome(code uint32, reason error) error {
	switch code {
	case codeOK, codeHeld, codeEarly, codeCommitted:
		return nil
	case codeFull:
		return ledger.ErrFull
	}
	return fmt.Errorf("%w: %w", ledger.ErrRejected, reason)
}

// checkTx puts a transaction into the mempool, which asks the pool, and gives the pool's answer.
func (e *Engine) checkTx(tx []byte) (code uint32, reason string, err error) {
	code = codeFull // where CometBFT drops it after the check
	err = e.pool.CheckTx(tx, func(res *abci.ResponseCheckTx) { code, reason = res.Code, res.Log }, mempool.TxInfo{})
	return code, reason, err
}

// judge says what admit would, and leaves the pool as it is.
func (p *pool) judge(tx []byte) (uint32, error) {
	t, err := parse(tx)
	if err != nil {
		return codeInvalid, err
	}
	s := p.app.current.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.anchor == nil {
		if _, ok := p.members[t.id]; ok {
			return codeHeld, nil
		}
		if err := p.trial(s).applyParsed(t, tx); err != nil {
			// In CometBFT's cache and without effect any more: it was committed.
			return codeCommitted, nil
		}
		return codeFull, nil
	}
	r := p.run(s, t.anchor.Org)
	next := r.first + uint64(len(r.txs))
	switch seq := t.anchor.Seq; {
	case seq < r.first:
		return p.past(t)
	case seq < next && r.txs[seq-r.first].id == t.id:
		return codeHeld, nil
	case seq < next:
		return codeInvalid, errPast
	case seq == next && t.anchor.Prev != r.tip(s, t.anchor.Org):
		return codeInvalid, errConflict
	}
	return codeFull, nil // underway between CometBFT and the pool
}

// promote moves anchors that were kept aside into the mempool as their turn comes.
func (e *Engine) promote(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.app.pool.ready:
		}
		for {
			txs := e.app.pool.promotable()
			if len(txs) == 0 {
				break
			}
			for _, tx := range txs {
				// Whatever becomes of it, its owner submits it again until it is committed.
				_, _, _ = e.checkTx(tx)
			}
		}
	}
}
