package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cometbft/cometbft/config"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/types"
)

// cometSpec is what a node of bare CometBFT is made from.
type cometSpec struct {
	Dir    string
	Doc    []byte // CometBFT's genesis
	Listen string
	Peers  string // id@host:port, separated by commas
}

// comet measures bare CometBFT with as many validators and an application that does nothing, tuned as well as its own settings allow: no
// pause between blocks, gossip asked for every 5 ms (its defaults take 166 ms for a lone transaction of four, not counting the pause).
func (b *bench) comet(_ context.Context, n int) error {
	dir, err := os.MkdirTemp(b.dir, "comet-")
	if err != nil {
		return err
	}
	specs, err := cometSpecs(dir, n)
	if err != nil {
		return err
	}
	var all []*worker
	defer func() { dismiss(all) }()
	for i := range specs {
		w, err := b.hire("comet-node", &specs[i])
		if err != nil {
			return err
		}
		all = append(all, w)
	}
	if _, err := each(all, order{Do: "ready"}); err != nil {
		return err
	}
	used, err := busy(all[0].cmd.Process.Pid, time.Duration(b.load.seconds*float64(time.Second)))
	if err != nil {
		return err
	}
	b.base.cometIdle, b.base.cometMiB = used, rss(all[0].cmd.Process.Pid)
	b.add(figure{Name: "bare CometBFT, idle: processor", Nodes: n, Value: used, Unit: "%"})
	b.add(figure{Name: "bare CometBFT, idle: memory", Nodes: n, Value: b.base.cometMiB, Unit: "MiB"})
	lone, err := all[0].ask(order{Do: "lone", Seconds: b.load.seconds})
	if err != nil {
		return err
	}
	b.base.comet, b.base.cometP99 = lone.P50, lone.P99
	b.add(figure{Name: "bare CometBFT, lone transaction, p50", Nodes: n, Value: lone.P50, Unit: "ms"}.beside("fsync", b.base.fsync))
	b.add(figure{Name: "bare CometBFT, lone transaction, p99", Nodes: n, Value: lone.P99, Unit: "ms"})
	many, err := all[0].ask(order{Do: "many", Seconds: b.load.seconds})
	if err != nil {
		return err
	}
	b.base.cometRate = float64(many.Entries) / many.Seconds
	b.add(figure{Name: "bare CometBFT, 64 clients, one transaction each", Nodes: n, Value: b.base.cometRate, Unit: "/s"})
	return nil
}

// cometSpecs makes validators and their genesis.
func cometSpecs(dir string, n int) ([]cometSpec, error) {
	addresses, err := freeAddresses(n)
	if err != nil {
		return nil, err
	}
	doc := &types.GenesisDoc{GenesisTime: time.Now().UTC(), ChainID: "bench", InitialHeight: 1, ConsensusParams: types.DefaultConsensusParams()}
	specs, peers := make([]cometSpec, n), make([]string, n)
	for i := range specs {
		s := &specs[i]
		*s = cometSpec{Dir: filepath.Join(dir, fmt.Sprint(i)), Listen: addresses[i]}
		c := s.config()
		config.EnsureRoot(s.Dir)
		pv := privval.GenFilePV(c.PrivValidatorKeyFile(), c.PrivValidatorStateFile())
		pv.Save()
		key, err := p2p.LoadOrGenNodeKey(c.NodeKeyFile())
		if err != nil {
			return nil, err
		}
		doc.Validators = append(doc.Validators, types.GenesisValidator{Address: pv.Key.Address, PubKey: pv.Key.PubKey, Power: 1})
		peers[i] = string(key.ID()) + "@" + s.Listen
	}
	if err := doc.ValidateAndComplete(); err != nil {
		return nil, err
	}
	b, err := cmtjson.Marshal(doc)
	for i := range specs {
		others := append(append([]string(nil), peers[:i]...), peers[i+1:]...)
		specs[i].Doc, specs[i].Peers = b, strings.Join(others, ",")
	}
	return specs, err
}

// config is CometBFT's, tuned.
func (s *cometSpec) config() *config.Config {
	c := config.DefaultConfig()
	c.SetRoot(s.Dir)
	c.TxIndex.Indexer, c.Storage.DiscardABCIResponses = "null", true
	c.RPC.ListenAddress, c.RPC.GRPCListenAddress, c.RPC.PprofListenAddress = "", "", ""
	c.P2P.ListenAddress, c.P2P.PersistentPeers = "tcp://"+s.Listen, s.Peers
	c.P2P.PexReactor, c.P2P.AddrBookStrict, c.P2P.AllowDuplicateIP = false, false, true
	c.P2P.SendRate, c.P2P.RecvRate, c.P2P.MaxPacketMsgPayloadSize = 100<<20, 100<<20, 32<<10
	c.P2P.FlushThrottleTimeout = 2 * time.Millisecond
	c.Mempool.Recheck, c.Mempool.Size, c.Mempool.CacheSize = false, 20_000, 40_000
	c.Consensus.TimeoutCommit = 0
	c.Consensus.TimeoutPropose, c.Consensus.TimeoutPrevote, c.Consensus.TimeoutPrecommit = 400*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
	c.Consensus.CreateEmptyBlocks, c.Consensus.PeerGossipSleepDuration = false, 5*time.Millisecond
	return c
}
