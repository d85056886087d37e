package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/node"
)

func (a *app) fhir() *cobra.Command {
	c := a.group(&cobra.Command{Use: "fhir"})
	c.AddCommand(a.fhirPackage(), a.fhirImport())
	return c
}

func (a *app) fhirPackage() *cobra.Command {
	c := a.group(&cobra.Command{Use: "package"})
	c.AddCommand(a.packageAdd(), a.packageList(), a.packageRemove())
	return c
}

func (a *app) packageAdd() *cobra.Command {
	c := &cobra.Command{
		Use: "add FILE --dir DIR", Args: a.args(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := node.AddPackage(a.dir, args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(shown(p))
			}
			a.tell("package.added", p.ID(), p.Len())
			a.tell("package.start")
			return nil
		},
	}
	return a.jsonFlag(a.dirFlag(c))
}

func (a *app) packageList() *cobra.Command {
	c := &cobra.Command{
		Use: "list --dir DIR", Args: a.args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			packages, failed, err := node.Packages(a.dir)
			if err != nil {
				return err
			}
			for _, err := range failed {
				fmt.Fprintln(a.err, a.say.T("package.failed", err))
			}
			list := make([]shownPackage, 0, len(packages))
			for _, p := range packages {
				list = append(list, shown(p))
			}
			switch {
			case a.json:
				err = a.printJSON(list)
			case len(packages)+len(failed) == 0:
				a.tell("package.none")
			}
			for _, p := range packages {
				if !a.json {
					a.printf("%s  %s\n", p.ID(), p.Title)
				}
			}
			if err == nil && len(failed) > 0 {
				return exit{exitDamage}
			}
			return err
		},
	}
	return a.jsonFlag(a.dirFlag(c))
}

func (a *app) packageRemove() *cobra.Command {
	c := &cobra.Command{
		Use: "remove NAME#VERSION --dir DIR", Args: a.args(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := node.RemovePackage(a.dir, args[0]); err != nil {
				return err
			}
			a.tell("package.removed", args[0])
			a.tell("package.start")
			return nil
		},
	}
	return a.dirFlag(c)
}

// shownPackage is a package in JSON output.
type shownPackage struct {
	Name         string   `json:"name"`
	Version      string   `json:"version"`
	Title        string   `json:"title,omitempty"`
	Canonical    string   `json:"canonical,omitempty"`
	Definitions  int      `json:"definitions"`
	Dependencies []string `json:"dependencies,omitempty"`
}

func shown(p *definition.Package) shownPackage {
	return shownPackage{p.Name, p.Version, p.Title, p.Canonical, p.Len(), p.Dependencies}
}
