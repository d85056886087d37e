package node

import (
	"context"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
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
	}
}

func (n *Node) openEngine(ctx context.Context, o *Options) (err error) {
	if n.config.Engine == "child" {
		n.engine, err = startEngine(ctx, o.EngineArgv, n.log)
	} else {
		c := engineConfig(n.Layout, n.config, n.genesis)
		c.Log = n.log
		n.engine, err = chain.Open(ctx, c)
	}
	if err != nil {
		return err
	}
	n.opened(n.engine)
	n.roster = newRoster(ctx, n.engine, n.genesis, n.log)
	n.background(ctx, n.roster.watch)
	return nil
}

var _ ledger.Engine = (*chain.Engine)(nil)
