package node

import (
	"context"
	"log/slog"
	"slices"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/ledger/chain/child"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

// engineConfig is what the consensus engine of the node in DIR runs with, in this process or in one of its own.
func engineConfig(l Layout, c *Config, g *verify.Genesis) chain.Config {
	listen := c.P2P
	if listen == "" {
		listen = "127.0.0.1:0" // a lone node talks to nobody
	}
	return chain.Config{
		Dir: l.Chain(), Keys: l.Chain(), Genesis: g, Listen: listen, Profile: chain.Profile(c.Network), Keep: c.KeepBlocks,
		Peers: others(l, g),
	}
}

// others names the nodes of members that the genesis does not know, for a start before the ledger can be read.
func others(l Layout, g *verify.Genesis) (peers []string) {
	for _, m := range known(l, g) {
		founder := slices.ContainsFunc(g.Members, func(f verify.Member) bool { return f.NodeID == m.NodeID && f.P2P == m.P2P })
		if own, err := ReadMember(l.Dir); founder || m.P2P == "" || err == nil && own.Org == m.Org {
			continue
		}
		peers = append(peers, m.NodeID+"@"+m.P2P)
	}
	return peers
}

// catchUp adds what lets the engine begin from a snapshot and, where the organisation has no vote, be fed. A lone node has nobody to get
// either from.
func catchUp(config *chain.Config, l Layout, c *Config, source chain.Feed, log *slog.Logger) {
	if c.Peer == "" || source == nil {
		return
	}
	config.StateSync = &chain.StateSync{Source: source, Trusted: pinned(l, config.Genesis.Chain(), log)}
	config.Feed = source
	if own, err := ReadMember(l.Dir); err == nil {
		config.Follower = own.Power == 0
	}
}

func (n *Node) openEngine(ctx context.Context, o *Options) (err error) {
	n.roster = newRoster(n.org, known(n.Layout, n.genesis), n.log)
	var source chain.Feed
	if n.config.Peer != "" {
		if n.identity, err = peer.NewIdentity(n.chain, n.org, n.keys.org); err != nil {
			return err
		}
		n.peers = peer.NewClient(n.identity, n.roster.members)
		n.opened(closer(func() error { n.peers.Close(); return nil }))
		source = &feed{headers{org: n.org, peers: n.peers, members: n.roster.members}}
	}
	if n.config.Engine == "child" {
		n.engine, err = child.Start(ctx, child.Options{Argv: o.EngineArgv, Source: source, Log: n.log})
	} else {
		c := engineConfig(n.Layout, n.config, n.genesis)
		c.Log = n.log
		catchUp(&c, n.Layout, n.config, source, n.log)
		n.engine, err = chain.Open(ctx, c)
	}
	if err != nil {
		return engineFailed(n.Layout, err)
	}
	n.opened(n.engine)
	n.feeder, _ = n.engine.(chain.Feeder) // every engine is one
	n.engine = &restable{Engine: n.engine}
	n.roster.read(ctx, n.engine)
	n.background(ctx, n.roster.watch)
	return nil
}

// ServeEngine is what the engine's process does: it opens the engine of the node in dir and serves it to the parent process. In a process
// of its own a panic of the engine never takes the record down.
func ServeEngine(ctx context.Context, dir string, log *slog.Logger) error {
	c, err := ReadConfig((Layout{dir}).Config())
	if err != nil {
		return err
	}
	g, err := ReadGenesis(dir)
	if err != nil {
		return err
	}
	conn, err := child.Conn()
	if err != nil {
		return err
	}
	return child.Serve(ctx, conn, func(ctx context.Context, source chain.Feed) (ledger.Engine, error) {
		config := engineConfig(Layout{dir}, c, g)
		config.Log = log
		catchUp(&config, Layout{dir}, c, source, log)
		return chain.Open(ctx, config)
	})
}
