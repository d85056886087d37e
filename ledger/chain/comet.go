package chain

import (
	"encoding/json"
	"path/filepath"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/types"

	"github.com/sijil-health/sijil/verify"
)

const (
	// maxBlock bounds a block, in bytes: some 3,500 anchors.
	maxBlock = 1 << 20
	// evidenceBlocks and evidenceAge are for how long evidence of double signing is taken: until both have passed.
	// Equivocation is seen while the votes are gossiped, that is within seconds; blocks must be kept for as long as evidence
	// may refer to them, and with short spans two anchors a second leave a node's blocks at 20 MB instead of gigabytes.
	evidenceBlocks = 1000
	evidenceAge    = 10 * time.Minute
)

// consensusParams are the same on every node for ever; their hash is in each header.
func consensusParams() *types.ConsensusParams {
	p := types.DefaultConsensusParams()
	p.Block.MaxBytes, p.Block.MaxGas = maxBlock, -1
	p.Evidence.MaxAgeNumBlocks, p.Evidence.MaxAgeDuration, p.Evidence.MaxBytes = evidenceBlocks, evidenceAge, 64<<10
	p.Validator.PubKeyTypes = []string{types.ABCIPubKeyTypeEd25519}
	p.Version.App = appVersion
	return p
}

// genesisDoc derives CometBFT's genesis from ours, so that no other file needs to be trusted or compared.
func genesisDoc(g *verify.Genesis) (*types.GenesisDoc, error) {
	doc := &types.GenesisDoc{
		GenesisTime:     time.UnixMilli(g.Time).UTC(),
		ChainID:         g.Chain(),
		InitialHeight:   1,
		ConsensusParams: consensusParams(),
		AppState:        json.RawMessage("{}"),
	}
	for _, v := range verify.NewValidatorSet(g.Members) {
		key := ed25519.PubKey(append([]byte(nil), v.Key[:]...))
		doc.Validators = append(doc.Validators, types.GenesisValidator{Address: key.Address(), PubKey: key, Power: v.Power})
	}
	return doc, doc.ValidateAndComplete()
}

// comet is CometBFT's configuration. Its defaults are for a public network of a hundred validators that makes blocks all
// the time; a lone anchor would take a second here, and four when one of four validators is dead.
func (c *Config) comet() *cmtcfg.Config {
	cfg, t := cmtcfg.DefaultConfig(), c.timeouts()
	cfg.SetRoot(c.Dir)
	cfg.Moniker = "sijil"
	cfg.FilterPeers = true // members' nodes only
	cfg.TxIndex.Indexer = "null"
	cfg.Storage.DiscardABCIResponses = true
	cfg.RPC.ListenAddress, cfg.RPC.GRPCListenAddress, cfg.RPC.PprofListenAddress = "", "", ""

	cfg.P2P.ListenAddress = "tcp://" + c.Listen
	if c.External != "" {
		cfg.P2P.ExternalAddress = c.External
	}
	// The peers are the members, who may share an address behind a proxy or on a test machine.
	cfg.P2P.AddrBook = "addrbook.json" // kept empty, but CometBFT writes it
	cfg.P2P.PexReactor, cfg.P2P.AddrBookStrict, cfg.P2P.AllowDuplicateIP = false, false, true
	cfg.P2P.MaxNumInboundPeers, cfg.P2P.MaxNumOutboundPeers = 2*verify.MaxMembers, 2*verify.MaxMembers
	// Above what the links carry, or CometBFT's own throttle (5 MB/s) halves what a burst gets through.
	cfg.P2P.SendRate, cfg.P2P.RecvRate = 100<<20, 100<<20
	cfg.P2P.MaxPacketMsgPayloadSize = 32 << 10
	cfg.P2P.FlushThrottleTimeout = 100 * time.Microsecond // it is in the way of every message of a block
	cfg.P2P.HandshakeTimeout, cfg.P2P.DialTimeout = 10*time.Second, 3*time.Second

	cfg.Mempool.Type = cmtcfg.MempoolTypeFlood
	cfg.Mempool.Recheck = false // the pool evicts what a block made void
	cfg.Mempool.Size, cfg.Mempool.CacheSize = 2*maxHeld, 2*maxHeld
	cfg.Mempool.MaxTxBytes, cfg.Mempool.MaxTxsBytes = MaxTx, 64<<20

	cfg.Consensus.WalPath = filepath.Join("data", "cs.wal", "wal")
	cfg.Consensus.TimeoutCommit = 0
	cfg.Consensus.TimeoutPropose, cfg.Consensus.TimeoutProposeDelta = t.propose, t.propose/2
	cfg.Consensus.TimeoutPrevote, cfg.Consensus.TimeoutPrevoteDelta = t.vote, t.vote/2
	cfg.Consensus.TimeoutPrecommit, cfg.Consensus.TimeoutPrecommitDelta = t.vote, t.vote/2
	cfg.Consensus.CreateEmptyBlocks = false
	// What promptly could not deliver is asked for; at 5 ms asking costs an idle node 3 % of a core.
	cfg.Consensus.PeerGossipSleepDuration = 20 * time.Millisecond
	// Above 0 a node on an idle chain could not start again: its own signature stays among the last blocks for ever.
	cfg.Consensus.DoubleSignCheckHeight = 0

	cfg.StateSync.DiscoveryTime = 5 * time.Second
	cfg.StateSync.ChunkRequestTimeout = 10 * time.Second
	cfg.StateSync.TempDir = filepath.Join(c.Dir, "data")
	cfg.StateSync.MaxSnapshotChunks = maxChunks
	return cfg
}
