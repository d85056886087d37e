package cli

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/demo"
)

func (a *app) demo() *cobra.Command {
	var dir string
	var check, keep bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run four organisations on this machine, with sample patients and a walk to copy",
		Long: `Starts a teaching hospital, a rural clinic, a laboratory and a university, each a node of its own on 127.0.0.1, loads sample
patients through the FHIR gate, and prints a short walk. DIR/demo.json says where everything is and holds tokens. Ctrl-C stops all.

With --check it takes the walk itself and exits with 1 if anything does not hold.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			temporary := dir == ""
			if temporary {
				if dir, err = os.MkdirTemp("", "sijil-demo-"); err != nil {
					return err
				}
			}
			if dir, err = filepath.Abs(dir); err != nil {
				return err
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			out, _ := a.out.(*os.File)
			d := &demo.Demo{Dir: dir, Self: self, Say: a.say, Out: a.out, Terminal: out != nil && isTerminal(out)}
			err = a.runDemo(c, d, check)
			err = errors.Join(err, d.Stop())
			if temporary && !keep {
				err = errors.Join(err, os.RemoveAll(dir))
				a.tell("demo.removed")
				return err
			}
			a.tell("demo.kept")
			a.printf("  sijil demo --dir %s\n", dir)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "where the four nodes live (default: a temporary directory, removed at the end)")
	f.BoolVar(&keep, "keep", false, "keep the data of a temporary directory")
	f.BoolVar(&check, "check", false, "take the walk and fail if anything does not hold")
	return c
}

func (a *app) runDemo(c *cobra.Command, d *demo.Demo, check bool) error {
	ctx := c.Context()
	if err := d.Start(ctx); err != nil {
		return err
	}
	a.tell("demo.directory")
	a.printf("  %s\n", d.Dir)
	a.tell("demo.described")
	a.printf("  %s\n", filepath.Join(d.Dir, "demo.json"))
	if check {
		return d.Check(ctx)
	}
	if err := d.Walk(ctx); err != nil {
		return err
	}
	a.tell("demo.running")
	<-ctx.Done()
	return nil
}
