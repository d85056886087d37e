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
func (e *engine) Submit(ctx context.Context, tx []byte) error {
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
func (e *engine) checkTx(tx []byte) (code uint32, reason string, err error) {
	code = codeFull // where CometBFT drops it after the check
	err = e.pool.CheckTx(tx, func(res *abci.ResponseCheckTx) { code, reason = res.Code, res.Log }, mempool.TxInfo{})
	return code, reason, err
}

// promote moves anchors that were kept aside into the mempool as their turn comes.
func (e *engine) promote(ctx context.Context) {
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
