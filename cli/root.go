package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
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
	printed  bool // JSON was written
}

// Main runs the program and gives its exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	// Nobody but the owner reads what a node keeps. The libraries below (Pebble, goleveldb, CometBFT's address book) ask for files of mode
	// 0644, so that the umask of the process has to say it.
	syscall.Umask(0o077)
	a := &app{in: in, out: out, err: errOut}
	language, langErr := lang.Detect(languageFlag(args), os.Getenv) // first of all: help and refusals are said in it
	a.say = lang.For(language)
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	command, err := root, error(nil)
	if langErr != nil {
		err = a.misuse("usage.lang", languageFlag(args))
	} else {
		command, err = root.ExecuteContextC(ctx)
	}
	var code exit
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return code.code
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return exitFailed
	}
	a.json = a.json || slices.Contains(args, "--json") // what was wrong may have stood before it
	return a.explain(command, err)
}

// languageFlag finds the value of --lang among what was typed: it is needed before the commands are made, whose help is in that language.
func languageFlag(args []string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, ok := strings.CutPrefix(arg, "--lang="); ok {
			return value
		}
		if arg == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}

// root makes the commands. They say how they are called; what they say of themselves stands in the catalogue.
func (a *app) root() *cobra.Command {
	root := a.group(&cobra.Command{Use: "sijil", Version: Version, SilenceUsage: true, SilenceErrors: true})
	root.SetVersionTemplate("sijil {{.Version}}\n")
	root.PersistentFlags().StringVar(&a.language, "lang", "", "")
	root.SetFlagErrorFunc(a.flagError)
	root.SetHelpFunc(a.help)
	root.AddCommand(a.demo(), a.init(), a.found(), a.serve(), a.status(), a.token(), a.verify(),
		a.audit(), a.scrub(), a.export(), a.backup(), a.restore(), a.doctor(), a.join(), a.leave(), a.rotate(), a.witness(), a.checkpoint(), a.fhir(), a.engine(), a.version())
	root.SetHelpCommand(a.helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.InitDefaultVersionFlag()
	a.ownCompletion(root)
	a.localise(root)
	completeFlags(root)
	return root
}

// dirFlag gives a command the flag for its data directory.
func (a *app) dirFlag(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&a.dir, "dir", defaultDir(), "")
	return c
}

// jsonFlag gives a command the flag for machine-readable output.
func (a *app) jsonFlag(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&a.json, "json", false, "")
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
	a.printed = true
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
		Use:  "version",
		Args: a.args(0, 0),
		Run:  func(*cobra.Command, []string) { a.printf("sijil %s\n", Version) },
	}
}
