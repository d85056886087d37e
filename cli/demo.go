package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/demo"
)

func (a *app) demo() *cobra.Command {
	var dir string
	var check, keep bool
	c := &cobra.Command{
		Use:  "demo",
		Args: a.args(0, 0),
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
			if info, err := os.Stat(dir); err == nil && !info.IsDir() {
				return fmt.Errorf("%s: %w", dir, syscall.ENOTDIR)
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			out, _ := a.out.(*os.File)
			d := &demo.Demo{Dir: dir, Self: self, Say: a.say, Out: a.out, Terminal: out != nil && isTerminal(out)}
			err = a.runDemo(c, d, check)
			if stopped := c.Context().Err(); err != nil && stopped != nil {
				err = stopped // by Ctrl-C: whatever it interrupted has not failed
			}
			err = errors.Join(err, d.Stop())
			return a.endDemo(d, err, temporary && !keep)
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "")
	f.BoolVar(&keep, "keep", false, "")
	f.BoolVar(&check, "check", false, "")
	return c
}

// endDemo says what becomes of the data. What failed is kept, also where the directory was to go: it holds the logs.
func (a *app) endDemo(d *demo.Demo, err error, remove bool) error {
	switch refused := errors.Is(err, demo.ErrForeign) || errors.Is(err, demo.ErrPorts); {
	case refused: // nothing was written
	case err != nil && !errors.Is(err, context.Canceled):
		a.tell("demo.failed")
		a.printf("  %s\n", d.Dir)
	case remove:
		err = errors.Join(err, os.RemoveAll(d.Dir))
		a.tell("demo.removed")
	default:
		a.tell("demo.kept")
		a.printf("  sijil demo --dir %s%s\n", demo.Quote(d.Dir), d.LanguageFlag())
	}
	return err
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
	if err := d.Walk(ctx); err != nil { // somebody changed what it shows: the nodes run all the same
		a.explain(c, err)
	}
	a.tell("demo.running")
	<-ctx.Done()
	return nil
}
