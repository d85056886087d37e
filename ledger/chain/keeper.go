package chain

import (
	"context"
	"time"

	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/p2p"
	protomem "github.com/cometbft/cometbft/proto/tendermint/mempool"
)

const (
	moveEvery = time.Second
	// nudge bounds how many transactions are sent again at once when nothing moves.
	nudge = 64
	// spinning is how many blocks without any transaction in moveEvery mean that the mempool holds what no block can take.
	spinning = 20
)

// keepMoving watches over what CometBFT's gossip leaves undone. A transaction is sent to each peer once; a peer that had
// to refuse it just then (it was a block behind, or starting) has no reason to make or to expect a block. So while
// something is underway and no block comes, it is sent again. And should the mempool hold what no block can take, which
// the pool is there to prevent, it is emptied; owners submit again.
func (e *engine) keepMoving(ctx context.Context) {
	tick := time.NewTicker(moveEvery)
	defer tick.Stop()
	last := e.app.current.Load()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := e.app.current.Load()
		idle := now.Height == last.Height
		empty := now.Height-last.Height >= spinning && now.log.size == last.log.size && now.roster == last.roster
		last = now
		switch {
		case e.pool.Size() == 0 || e.node.ConsensusReactor().WaitSync():
		case idle:
			e.sendAgain()
		case empty:
			e.log.Warn("the mempool held transactions that no block can take; it was emptied")
			e.pool.Flush()
			e.app.pool.reset()
		}
	}
}

func (e *engine) sendAgain() {
	txs := e.app.pool.oldest(nudge)
	if len(txs) == 0 {
		return
	}
	e.node.Switch().BroadcastAsync(p2p.Envelope{ChannelID: mempool.MempoolChannel, Message: &protomem.Txs{Txs: txs}})
}

// keepArchive keeps the light block before each epoch as soon as it is there.
func (e *books) keepArchive(ctx context.Context) {
	kept := 0 // epochs known to be archived
	for {
		moved, s := e.app.wait(), e.app.current.Load()
		if kept < len(s.epochs) {
			need, err := e.archive.catchUp(s)
			switch {
			case err != nil:
				e.log.Error("keep a light block", "err", err)
			case need == 0:
				kept = len(s.epochs)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-moved:
		}
	}
}
