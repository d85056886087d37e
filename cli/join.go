package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/cli/document"
	"github.com/sijil-health/sijil/node"
	"github.com/sijil-health/sijil/verify"
)

func (a *app) join() *cobra.Command {
	var genesis, passphraseFile, out string
	c := &cobra.Command{
		Use:  "join [REQUEST]",
		Args: a.args(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 1 && genesis == "":
				return a.agree(c, args[0])
			case len(args) == 0 && genesis != "":
				return a.askToJoin(genesis, passphraseFile, out)
			}
			return a.misuse("usage.join")
		},
	}
	c.Flags().StringVar(&genesis, "genesis", "", "")
	c.Flags().StringVar(&out, "out", "request.json", "")
	return a.jsonFlag(a.passphraseFlag(a.dirFlag(c), &passphraseFile))
}

func (a *app) askToJoin(genesisFile, passphraseFile, out string) error {
	g, err := a.readGenesis(genesisFile)
	if err != nil {
		return err
	}
	if _, err := node.ReadConfig(node.Layout{Dir: a.dir}.Config()); err != nil { // before a passphrase is asked for
		return err
	}
	passphrase, err := a.passphrase(passphraseFile)
	if err != nil {
		return err
	}
	q, err := node.AskToJoin(a.dir, g, passphrase)
	if err != nil {
		return err
	}
	if err := writeRequest(out, q); err != nil {
		return err
	}
	a.tell("join.asked", q.Chain)
	a.printf("  %s\n", out)
	return nil
}

func (a *app) agree(c *cobra.Command, file string) error {
	var q node.JoinRequest
	if err := a.readRequest(file, document.Join, "usage.no_join", &q); err != nil {
		return err
	}
	return a.membership(c, node.MembersRequest{Join: &q}, q.Member.Name)
}

func (a *app) rotate() *cobra.Command {
	var newValidator bool
	var out string
	c := &cobra.Command{
		Use:  "rotate [REQUEST]",
		Args: a.args(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.askToUpdate(c, newValidator, out)
			}
			if newValidator {
				return a.misuse("usage.rotate")
			}
			var q node.UpdateRequest
			if err := a.readRequest(args[0], document.Update, "usage.no_update", &q); err != nil {
				return err
			}
			return a.membership(c, node.MembersRequest{Update: &q}, q.Update.Name)
		},
	}
	c.Flags().BoolVar(&newValidator, "new-validator", false, "")
	c.Flags().StringVar(&out, "out", "rotate.json", "")
	return a.jsonFlag(a.dirFlag(c))
}

func (a *app) askToUpdate(c *cobra.Command, newValidator bool, out string) error {
	q, err := node.AskToUpdate(c.Context(), a.dir, newValidator)
	if err != nil {
		return err
	}
	if err := writeRequest(out, q); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(q)
	}
	a.tell("rotate.asked", q.Chain)
	a.printf("  %s\n", out)
	return nil
}

func (a *app) readRequest(file string, kind document.Kind, wrong string, q any) error {
	return a.read(file, kind, wrong, func(b []byte) error {
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields() // a request of another kind is not this one with nothing in it
		return d.Decode(q)
	})
}

func writeRequest(file string, q any) error {
	b, err := json.MarshalIndent(q, "", "  ")
	if err != nil {
		return err
	}
	return create(file, append(b, '\n'), 0o644)
}

func (a *app) leave() *cobra.Command {
	c := &cobra.Command{
		Use:  "leave ORGANISATION --dir MEMBER",
		Args: a.args(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			var org verify.OrgID
			if err := org.UnmarshalText([]byte(args[0])); err != nil {
				return a.noOrganisation(c, args[0])
			}
			return a.membership(c, node.MembersRequest{Leave: &org}, args[0])
		},
	}
	return a.jsonFlag(a.dirFlag(c))
}

// noOrganisation says that something is no identifier, and of a node that runs which there are.
func (a *app) noOrganisation(c *cobra.Command, given string) error {
	var now node.MembersAnswer
	if err := node.Ask(c.Context(), a.dir, http.MethodGet, "/members", nil, &now); err != nil {
		return a.misuse("usage.organisation", given)
	}
	var known []string
	for _, m := range now.Members {
		known = append(known, fmt.Sprintf("%s (%s)", m.Org, m.Name))
	}
	return a.misuse("usage.no_organisation", given, strings.Join(known, ", "))
}

// showChange says what a request comes to, before it is agreed to: a request is a file that came from somewhere.
func (a *app) showChange(c *cobra.Command, q *node.MembersRequest) error {
	var now node.MembersAnswer
	if err := node.Ask(c.Context(), a.dir, http.MethodGet, "/members", nil, &now); err != nil {
		return err
	}
	on := func(org verify.OrgID) (m verify.Member) {
		if i := slices.IndexFunc(now.Members, func(m verify.Member) bool { return m.Org == org }); i >= 0 {
			m = now.Members[i]
		}
		return m
	}
	switch {
	case q.Leave != nil:
		if leaver := on(*q.Leave); leaver.Name != "" { // else the node says that there is none
			a.tell("members.leaves", leaver.Name, *q.Leave)
		}
	case q.Join != nil:
		a.tell("members.joins", q.Join.Member.Org)
		a.showDifferences(verify.Member{}, q.Join.Member)
	default:
		from := on(q.Update.Update.Org)
		a.tell("members.changes", from.Name, from.Org)
		a.showDifferences(from, q.Update.Update)
	}
	return nil
}

func (a *app) showDifferences(on, asked verify.Member) {
	for _, d := range node.Differences(&on, &asked) {
		field := a.say.T("members.field." + d.Field)
		line := a.say.T("members.other", field, d.To, d.From)
		switch {
		case d.From == "" || on.Name == "":
			line = a.say.T("members.new", field, d.To)
		case d.To == "":
			line = a.say.T("members.gone", field, d.From)
		}
		a.printf("  %s\n", line)
	}
}

func (a *app) membership(c *cobra.Command, q node.MembersRequest, who string) error {
	var got node.MembersAnswer
	if !a.json {
		if err := a.showChange(c, &q); err != nil {
			return err
		}
	}
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
	case "waits":
		a.tell("members.waits", who)
	default:
		a.tell("members.nothing", who)
	}
	return nil
}
