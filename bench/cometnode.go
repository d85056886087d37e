package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/config"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/types"
)

// bareTx is how long the bare chain's transactions are, in bytes: as an anchor of a lone node.
const bareTx = 170

// bareApp is an application that takes every transaction and keeps nothing.
type bareApp struct {
	abci.BaseApplication
	mu        sync.Mutex
	waiting   map[[32]byte]chan struct{}
	committed []chan struct{} // by the block under way
}

// FinalizeBlock implements abci.Application.
func (a *bareApp) FinalizeBlock(_ context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	results := make([]*abci.ExecTxResult, len(r.Txs))
	for i, tx := range r.Txs {
		results[i] = &abci.ExecTxResult{}
		if id := sha256.Sum256(tx); a.waiting[id] != nil {
			a.committed = append(a.committed, a.waiting[id])
			delete(a.waiting, id)
		}
	}
	return &abci.ResponseFinalizeBlock{TxResults: results}, nil
}

// Commit implements abci.Application.
func (a *bareApp) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.committed {
		close(c)
	}
	a.committed = a.committed[:0]
	return &abci.ResponseCommit{}, nil
}

// cometNode is a validator of bare CometBFT.
type cometNode struct {
	node  *node.Node
	app   *bareApp
	peers int
	next  uint64
	mu    sync.Mutex
}

func openCometNode(s cometSpec) (role, error) {
	var doc types.GenesisDoc
	if err := cmtjson.Unmarshal(s.Doc, &doc); err != nil {
		return nil, err
	}
	c := s.config()
	key, err := p2p.LoadNodeKey(c.NodeKeyFile())
	if err != nil {
		return nil, err
	}
	app := &bareApp{waiting: make(map[[32]byte]chan struct{})}
	n := &cometNode{app: app, peers: len(doc.Validators) - 1}
	n.node, err = node.NewNode(c, privval.LoadFilePV(c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()), key,
		proxy.NewConnSyncLocalClientCreator(app), func() (*types.GenesisDoc, error) { return &doc, nil }, config.DefaultDBProvider,
		node.DefaultMetricsProvider(c.Instrumentation), log.NewNopLogger())
	if err != nil {
		return nil, err
	}
	return n, n.node.Start()
}

func (n *cometNode) do(o order) (result, error) {
	switch o.Do {
	case "ready":
		return result{}, n.ready()
	case "lone":
		return n.load(1, o.Seconds)
	case "many":
		return n.load(64, o.Seconds)
	}
	return result{}, fmt.Errorf("unknown order %q", o.Do)
}

// ready waits for the others, and for the first block, which there is without a transaction.
func (n *cometNode) ready() error {
	for begin := time.Now(); n.node.Switch().Peers().Size() < n.peers || n.node.BlockStore().Height() < 1; time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			return errors.New("the validators did not find one another")
		}
	}
	return nil
}

// load submits from some clients, each one transaction after the other, when the one before is committed.
func (n *cometNode) load(clients int, seconds float64) (r result, err error) {
	var all sync.WaitGroup
	var took []time.Duration
	begin := time.Now()
	end := begin.Add(time.Duration(seconds * float64(time.Second)))
	for range clients {
		all.Go(func() {
			for time.Now().Before(end) {
				at := time.Now()
				e := n.commit()
				n.mu.Lock()
				took = append(took, time.Since(at))
				err = errors.Join(err, e)
				n.mu.Unlock()
				if e != nil {
					return
				}
			}
		})
	}
	all.Wait()
	r.Entries, r.Seconds = uint64(len(took)), time.Since(begin).Seconds()
	slices.Sort(took)
	r.P50, r.P99 = middle(took), tail(took)
	return r, err
}

// commit submits one transaction and waits for its block.
func (n *cometNode) commit() error {
	tx := make([]byte, bareTx)
	n.mu.Lock()
	n.next++
	binary.BigEndian.PutUint64(tx, n.next)
	n.mu.Unlock()
	done := make(chan struct{})
	n.app.mu.Lock()
	n.app.waiting[sha256.Sum256(tx)] = done
	n.app.mu.Unlock()
	if err := n.node.Mempool().CheckTx(tx, nil, mempool.TxInfo{}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-time.After(time.Minute):
		return errors.New("no block within a minute")
	}
}

// Close stops the validator.
func (n *cometNode) Close() error {
	err := n.node.Stop()
	n.node.Wait()
	return err
}
