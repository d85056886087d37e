package cli

import (
	"errors"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/sijil-health/sijil/node"
)

func (a *app) serve() *cobra.Command {
	var passphraseFile, level string
	c := &cobra.Command{
		Use:   "serve --dir DIR",
		Short: "Run a node",
		Long: `Runs the node in DIR until it is stopped (Ctrl-C, SIGTERM). Logs go to standard error, one JSON line each when that is no
terminal. They hold no patient's data.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log, err := a.logger(level)
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
			self, err := os.Executable()
			if err != nil {
				return err
			}
			n, err := node.Open(c.Context(), node.Options{
				Dir: a.dir, Passphrase: passphrase, Log: log, EngineArgv: []string{self, "engine", "--dir", a.dir},
				Version: Version,
			})
			if err != nil {
				return err
			}
			a.tell("serve.ready", n.Address())
			return errors.Join(n.Serve(c.Context()), n.Close())
		},
	}
	c.Flags().StringVar(&level, "log", "info", "least level that is logged: debug, info, warn, error")
	return a.passphraseFlag(a.dirFlag(c), &passphraseFile)
}

func (a *app) logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, misuse("--log %s: use debug, info, warn or error", level)
	}
	opt := &slog.HandlerOptions{Level: l}
	if f, ok := a.err.(*os.File); ok && isTerminal(f) {
		return slog.New(slog.NewTextHandler(a.err, opt)), nil
	}
	return slog.New(slog.NewJSONHandler(a.err, opt)), nil
}
