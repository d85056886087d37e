package node

import (
	"context"
	"log/slog"

	"github.com/sijil-health/sijil/ledger"
	"github.com/sijil-health/sijil/ledger/chain"
	"github.com/sijil-health/sijil/ledger/chain/child"
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
	n.engine = &restable{Engine: n.engine}
	n.roster = newRoster(ctx, n.engine, n.genesis, n.log)
	n.background(ctx, n.roster.watch)
	return nil
}

// startEngine runs the engine in a process of its own, so that its panic never takes the record down.
func startEngine(ctx context.Context, argv []string, log *slog.Logger) (ledger.Engine, error) {
	return child.Start(ctx, child.Options{Argv: argv, Log: log})
}

// ServeEngine is what the engine's process does: it opens the engine of the node in dir and serves it to the parent process.
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
	return child.Serve(ctx, conn, func(ctx context.Context, _ chain.LightSource) (ledger.Engine, error) {
		config := engineConfig(Layout{dir}, c, g)
		config.Log = log
		return chain.Open(ctx, config)
	})
}
