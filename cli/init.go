package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

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
		Use:   "init --dir DIR --name NAME",
		Short: "Make a node for an organisation",
		Long: `Makes the keys and the data directory of a new node. Without more it founds a ledger of its own: one hospital, one node, useful
at once. Others can be voted in later, and a witness next door protects it from its own administrator today.

With --wait it makes the keys only: the founders of a common ledger exchange their member.json files and one of them runs
"sijil found"; a newcomer to a running ledger hands member.json to a member, who runs "sijil join".

The recovery kit brings the organisation back when every machine is lost. Print it and keep it elsewhere.

Where clients reach the gate through a TLS proxy, give its URL with --base: links lead there, and references that begin with it
are to this node.`,
		Example: "  sijil init --dir /var/lib/sijil --name \"Basra Teaching Hospital\" --base https://records.example/fhir",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return a.makeNode(c, &q) },
	}
	f := c.Flags()
	f.StringVar(&q.config.Name, "name", "", "name of the organisation")
	f.StringVar(&q.config.FHIR, "fhir", q.config.FHIR, "address of the FHIR gate, host:port")
	f.StringVar(&q.config.Base, "base", "", "URL that clients know the FHIR gate by, e.g. https://records.example/fhir")
	f.StringVar(&q.config.Peer, "peer", "", "address at which other members' nodes reach this one, host:port")
	f.StringVar(&q.config.P2P, "p2p", "", "address at which other members' consensus engines reach this one, host:port")
	f.StringVar(&q.config.Engine, "engine", q.config.Engine, "where the consensus engine runs: inside, or child (a supervised process)")
	f.StringVar(&q.config.Network, "network", q.config.Network, "lan or wan: how far the members are apart")
	f.IntVar(&q.config.Copies, "copies", 0, "nodes that hold every record, this one included (0: automatic)")
	f.BoolVar(&q.follower, "follower", false, "keep the ledger without voting on it")
	f.BoolVar(&q.wait, "wait", false, "make the keys only; the ledger is founded or joined later")
	f.StringVar(&q.kit, "kit", "", "file for the recovery kit, which must not exist (default DIR/recovery-kit.json)")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &q.passphraseFile))
}

func (a *app) makeNode(c *cobra.Command, q *newNode) error {
	if q.config.Name == "" {
		return misuse("--name is needed: which organisation is this node's?")
	}
	if exists(filepath.Join(a.dir, "config.json")) {
		return fmt.Errorf("%s", a.say.Explain("data_exists", a.dir))
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
	a.printf("  sijil serve --dir %s\n", a.dir)
	return nil
}

func (a *app) found() *cobra.Command {
	var out string
	var adopt []string
	c := &cobra.Command{
		Use:   "found MEMBER.json… --out GENESIS.json",
		Short: "Found a common ledger from its founders' descriptions",
		Long: `Joins the descriptions of the founders (the member.json of each) into one genesis. Every founder then gives the same file to its
node with "sijil found --adopt GENESIS.json --dir DIR". The ledger's name is the file's hash: compare it by telephone.
Four founders or more tolerate the loss of one; two or three tolerate none.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(adopt) == 1 {
				return a.adoptGenesis(adopt[0])
			}
			return a.foundLedger(args, out)
		},
	}
	c.Flags().StringVar(&out, "out", "genesis.json", "file for the genesis")
	c.Flags().StringArrayVar(&adopt, "adopt", nil, "give this genesis to the node in DIR")
	return a.dirFlag(c)
}

func (a *app) foundLedger(files []string, out string) error {
	if len(files) == 0 {
		return misuse("name the member.json of each founder")
	}
	var members []verify.Member
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		m, err := verify.ParseMember(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		members = append(members, *m)
	}
	g, err := node.Found(members, time.Now())
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, append(b, '\n'), 0o644); err != nil {
		return err
	}
	a.tell("found.made", g.Chain(), len(members))
	return nil
}

func (a *app) adoptGenesis(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	g, err := verify.ParseGenesis(b)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := node.Adopt(a.dir, g); err != nil {
		return err
	}
	a.tell("found.adopted", g.Chain())
	return nil
}
