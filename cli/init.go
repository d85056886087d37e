package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/cli/document"
	"github.com/sijil-health/sijil/demo"
	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/verify"
)

// newNode is what `sijil init` is asked for.
type newNode struct {
	config         *node.Config
	passphraseFile string
	kit            string
	follower, wait bool
}

func (a *app) init() *cobra.Command {
	q := newNode{config: node.DefaultConfig("")}
	c := &cobra.Command{
		Use:     "init --dir DIR --name NAME",
		Example: "  sijil init --dir /var/lib/sijil --name \"Basra Teaching Hospital\" --base https://records.example/fhir",
		Args:    a.args(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return a.makeNode(c, &q) },
	}
	f := c.Flags()
	f.StringVar(&q.config.Name, "name", "", "")
	f.StringVar(&q.config.FHIR, "fhir", q.config.FHIR, "")
	f.StringVar(&q.config.Base, "base", "", "")
	f.StringVar(&q.config.Peer, "peer", "", "")
	f.StringVar(&q.config.P2P, "p2p", "", "")
	f.StringVar(&q.config.Engine, "engine", q.config.Engine, "")
	f.StringVar(&q.config.Network, "network", q.config.Network, "")
	f.IntVar(&q.config.Copies, "copies", 0, "")
	f.BoolVar(&q.follower, "follower", false, "")
	f.BoolVar(&q.wait, "wait", false, "")
	f.StringVar(&q.kit, "kit", "", "")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &q.passphraseFile))
}

func (a *app) makeNode(c *cobra.Command, q *newNode) error {
	if q.config.Name == "" {
		return a.misuse("usage.name")
	}
	if p := q.config.Check(); p != nil {
		args := make([]any, len(p.Args))
		for i, arg := range p.Args {
			args[i] = arg
		}
		return a.misuse("usage.setting", message{"problem." + p.Name, args})
	}
	if exists(filepath.Join(a.dir, "config.json")) {
		return fmt.Errorf("%s: %w", filepath.Join(a.dir, "config.json"), errDataExists)
	}
	if q.kit == "" {
		q.kit = filepath.Join(a.dir, "recovery-kit.json")
	}
	made, err := node.Init(c.Context(), node.Setup{
		Dir: a.dir, Config: q.config, Follower: q.follower, Lone: !q.wait, Kit: q.kit,
		Passphrase: func() ([]byte, error) { return a.newPassphrase(q.passphraseFile) },
	})
	if err != nil {
		return err
	}
	return a.sayMade(made, q.kit, q.wait)
}

func (a *app) sayMade(made *node.Made, kit string, wait bool) error {
	if a.json {
		return a.printJSON(map[string]any{"dir": a.dir, "member": made.Member, "kit": kit})
	}
	a.tell("init.made", made.Member.Name, made.Member.Org)
	a.tell("init.kit")
	a.printf("  %s\n", kit)
	if wait {
		a.tell("init.wait")
		a.printf("  %s\n", filepath.Join(a.dir, "member.json"))
		return nil
	}
	a.tell("init.next")
	a.printf("  sijil serve --dir %s\n", demo.Quote(a.dir))
	return nil
}

func (a *app) found() *cobra.Command {
	var out string
	var adopt []string
	c := &cobra.Command{
		Use: "found MEMBER.json… --out GENESIS.json",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(adopt) == 1 {
				return a.adoptGenesis(adopt[0])
			}
			return a.foundLedger(args, out)
		},
	}
	c.Flags().StringVar(&out, "out", "genesis.json", "")
	c.Flags().StringArrayVar(&adopt, "adopt", nil, "")
	return a.dirFlag(c)
}

func (a *app) foundLedger(files []string, out string) error {
	if len(files) == 0 {
		return a.misuse("usage.founders")
	}
	var members []verify.Member
	for _, name := range files {
		err := a.read(name, document.Member, "usage.no_member", func(b []byte) error {
			m, err := verify.ParseMember(b)
			if err == nil {
				members = append(members, *m)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, m := range members {
		if len(members) > 1 && (m.Peer == "" || m.P2P == "") {
			return a.misuse("usage.no_address", m.Name)
		}
	}
	g, err := node.Found(members, time.Now())
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return err
	}
	if err := create(out, append(b, '\n'), 0o644); err != nil {
		return err
	}
	a.tell("found.made", g.Chain(), len(members))
	return nil
}

func (a *app) readGenesis(file string) (g *verify.Genesis, err error) {
	err = a.read(file, document.Genesis, "usage.no_genesis", func(b []byte) (err error) {
		g, err = verify.ParseGenesis(b)
		return err
	})
	return g, err
}

func (a *app) adoptGenesis(file string) error {
	g, err := a.readGenesis(file)
	if err != nil {
		return err
	}
	if _, err := node.ReadConfig(node.Layout{Dir: a.dir}.Config()); err != nil {
		return err
	}
	m, err := node.ReadMember(a.dir)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(g.Members, func(f verify.Member) bool { return f.Org == m.Org }) {
		return lang.NewProblem("not_founder", m.Name, g.Chain())
	}
	if err := node.Adopt(a.dir, g); err != nil {
		return err
	}
	a.tell("found.adopted", g.Chain())
	return nil
}
