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

func (a *app) init() *cobra.Command {
	var passphraseFile, kit string
	var follower, wait bool
	config := node.DefaultConfig("")
	c := &cobra.Command{
		Use:   "init --dir DIR --name NAME",
		Short: "Make a node for an organisation",
		Long: `Makes the keys and the data directory of a new node. Without more it founds a ledger of its own: one hospital, one node, useful
at once. Others can be voted in later, and a witness next door protects it from its own administrator today.

With --wait it makes the keys only: the founders of a common ledger exchange their member.json files and one of them runs
"sijil found"; a newcomer to a running ledger hands member.json to a member, who runs "sijil join".

The recovery kit brings the organisation back when every machine is lost. Print it and keep it elsewhere.`,
		Example: "  sijil init --dir /var/lib/sijil --name \"Basra Teaching Hospital\"",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if config.Name == "" {
				return misuse("--name is needed: which organisation is this node's?")
			}
			if exists(filepath.Join(a.dir, "config.json")) {
				return fmt.Errorf("%s", a.say.Explain("data_exists", a.dir))
			}
			if err := os.MkdirAll(a.dir, 0o700); err != nil {
				return err
			}
			made, err := a.makeNode(c, config, passphraseFile, follower)
			if err != nil {
				return err
			}
			if kit == "" {
				kit = filepath.Join(a.dir, "recovery-kit.json")
			}
			if err := writeKit(kit, made.Kit); err != nil {
				return err
			}
			if !wait {
				g, err := node.Found([]verify.Member{made.Member}, time.Now())
				if err != nil {
					return err
				}
				if err := node.Adopt(a.dir, g); err != nil {
					return err
				}
			}
			return a.sayMade(made, kit, wait)
		},
	}
	f := c.Flags()
	f.StringVar(&config.Name, "name", "", "name of the organisation")
	f.StringVar(&config.FHIR, "fhir", config.FHIR, "address of the FHIR gate, host:port")
	f.StringVar(&config.Peer, "peer", "", "address at which other members' nodes reach this one, host:port")
	f.StringVar(&config.P2P, "p2p", "", "address at which other members' consensus engines reach this one, host:port")
	f.StringVar(&config.Engine, "engine", config.Engine, "where the consensus engine runs: inside, or child (a supervised process)")
	f.StringVar(&config.Network, "network", config.Network, "lan or wan: how far the members are apart")
	f.IntVar(&config.Copies, "copies", 0, "nodes that hold every record, this one included (0: automatic)")
	f.BoolVar(&follower, "follower", false, "keep the ledger without voting on it")
	f.BoolVar(&wait, "wait", false, "make the keys only; the ledger is founded or joined later")
	f.StringVar(&kit, "kit", "", "file for the recovery kit (default DIR/recovery-kit.json)")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &passphraseFile))
}

func (a *app) makeNode(c *cobra.Command, config *node.Config, passphraseFile string, follower bool) (*node.Made, error) {
	made, err := node.Init(c.Context(), node.Setup{
		Dir: a.dir, Config: config, Follower: follower,
		Passphrase: func() ([]byte, error) { return a.newPassphrase(passphraseFile) },
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func writeKit(path string, kit *node.Kit) error {
	b, err := json.MarshalIndent(kit, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(b, '\n')); err != nil {
		return err
	}
	return f.Close()
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
		var m verify.Member
		if err := json.Unmarshal(b, &m); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		members = append(members, m)
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
	var g verify.Genesis
	if err := json.Unmarshal(b, &g); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := node.Adopt(a.dir, &g); err != nil {
		return err
	}
	a.tell("found.adopted", g.Chain())
	return nil
}
