package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/lang"
)

// Exit codes.
const (
	exitOK         = 0
	exitFailed     = 1
	exitDamage     = 2
	exitMisuse     = 2
	exitUnwitnesed = 3
)

// Version is set when the program is built (-ldflags -X).
var Version = "dev"

// exit is an error that has been told to the person already, with the code to leave with.
type exit struct{ code int }

func (e exit) Error() string { return fmt.Sprintf("exit %d", e.code) }

// app is what every command shares.
type app struct {
	in       io.Reader
	out, err io.Writer
	dir      string
	language string
	json     bool
	say      *lang.Catalogue
	drawing  bool // progress has begun a line
}

// Main runs the program and gives its exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, err: errOut, say: lang.For(lang.English)}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := root.ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return code.code
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitFailed
	}
	fmt.Fprintf(errOut, "sijil: %v\n", err)
	if isMisuse(err) {
		return exitMisuse
	}
	return exitFailed
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "sijil",
		Short: "The record that hospitals, laboratories, universities and regulators keep together",
		Long: `Sijil keeps medical records encrypted at their owner, with every change to them and every look at them on a ledger
that several organisations keep together and anyone can check.

  sijil demo                          see all of it at work on this machine, in a minute
  sijil init --dir DIR --name NAME    make a node for an organisation
  sijil serve --dir DIR               run it
  sijil verify RECEIPT --trust FILE   check a receipt, without a network

Exit codes: 0 done; 1 failed, or a proof does not hold; 2 damage found, or the command was misused;
3 a proof holds but is NOT WITNESSED.`,
		Version:       Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			l, err := lang.Detect(a.language, os.Getenv)
			if err != nil {
				return misuse("--lang: %v", err)
			}
			a.say = lang.For(l)
			return nil
		},
	}
	root.SetVersionTemplate("sijil {{.Version}}\n")
	root.PersistentFlags().StringVar(&a.language, "lang", "", "language of texts: en or ar (default: from LC_ALL, LANG)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misuse("%v; see --help", err) })
	root.AddCommand(a.demo(), a.init(), a.found(), a.serve(), a.status(), a.token(), a.verify(),
		a.audit(), a.scrub(), a.export(), a.backup(), a.restore(), a.doctor(), a.join(), a.leave(), a.rotate(), a.witness(), a.checkpoint(), a.engine(), a.version())
	return root
}

// dirFlag gives a command the flag for its data directory.
func (a *app) dirFlag(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&a.dir, "dir", defaultDir(), "data directory of the node (or SIJIL_DIR)")
	return c
}

// jsonFlag gives a command the flag for machine-readable output.
func (a *app) jsonFlag(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&a.json, "json", false, "print JSON, for machines")
	return c
}

func defaultDir() string {
	if dir := os.Getenv("SIJIL_DIR"); dir != "" {
		return dir
	}
	return "sijil-data"
}

// printJSON writes one JSON document.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

// tell writes a line of the catalogue.
func (a *app) tell(key string, args ...any) { fmt.Fprintln(a.out, a.say.T(key, args...)) }

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { a.printf("sijil %s\n", Version) },
	}
}

// misused is an error of the person's, in what was typed.
type misused struct{ error }

func misuse(format string, args ...any) error { return misused{fmt.Errorf(format, args...)} }

func isMisuse(err error) bool {
	return errors.As(err, new(misused)) || strings.HasPrefix(err.Error(), "unknown command") ||
		strings.Contains(err.Error(), "arg(s)") || strings.HasPrefix(err.Error(), "required flag")
}
