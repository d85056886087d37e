package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/verify"
)

func (a *app) join() *cobra.Command {
	var genesis, passphraseFile, out string
	c := &cobra.Command{
		Use:   "join [REQUEST]",
		Short: "Join a running ledger, or let somebody join",
		Long: `The newcomer, whose node was made with "sijil init --wait", names the genesis of the ledger (a file that any member gives), and gets
a request file:
  sijil join --genesis genesis.json --dir NEW --out request.json

Each member then agrees, until more than two thirds have:
  sijil join request.json --dir MEMBER

After that the newcomer runs "sijil serve" and catches up by itself.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && genesis == "":
				return a.agree(c, args[0])
			case len(args) == 0 && genesis != "":
				return a.askToJoin(genesis, passphraseFile, out)
			}
			return misuse("name either --genesis (the newcomer) or a request file (a member); see `sijil join --help`")
		},
	}
	c.Flags().StringVar(&genesis, "genesis", "", "genesis of the ledger to join")
	c.Flags().StringVar(&out, "out", "request.json", "file for the request")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &passphraseFile))
}

func (a *app) askToJoin(genesisFile, passphraseFile, out string) error {
	b, err := os.ReadFile(genesisFile)
	if err != nil {
		return err
	}
	var g verify.Genesis
	if err := json.Unmarshal(b, &g); err != nil {
		return fmt.Errorf("%s: %w", genesisFile, err)
	}
	passphrase, err := a.passphrase(passphraseFile)
	if err != nil {
		return err
	}
	q, err := node.AskToJoin(a.dir, &g, passphrase)
	if err != nil {
		return err
	}
	b, err = json.MarshalIndent(q, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, append(b, '\n'), 0o644); err != nil {
		return err
	}
	a.tell("join.asked", q.Chain)
	a.printf("  %s\n", out)
	return nil
}

func (a *app) agree(c *cobra.Command, file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var q node.JoinRequest
	if err := json.Unmarshal(b, &q); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return a.membership(c, node.MembersRequest{Join: &q}, q.Member.Name)
}

func (a *app) leave() *cobra.Command {
	c := &cobra.Command{
		Use:   "leave ORGANISATION --dir MEMBER",
		Short: "Agree that an organisation leaves the ledger",
		Long: `Each member runs this until more than two thirds have agreed. The organisation is named by its identifier, as "sijil status" shows
it. What it has anchored stays on the ledger; its node is no longer admitted.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var org verify.OrgID
			if err := org.UnmarshalText([]byte(args[0])); err != nil {
				return misuse("%v", err)
			}
			return a.membership(c, node.MembersRequest{Leave: &org}, args[0])
		},
	}
	return a.jsonFlag(a.dirFlag(c))
}

func (a *app) membership(c *cobra.Command, q node.MembersRequest, who string) error {
	var got node.MembersAnswer
	if err := node.Ask(c.Context(), a.dir, http.MethodPost, "/members", &q, &got); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(got)
	}
	switch got.Did {
	case "proposed":
		a.tell("members.proposed", who)
	case "agreed":
		a.tell("members.agreed", who)
	default:
		a.tell("members.nothing", who)
	}
	return nil
}
