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
		Use:  "serve --dir DIR",
		Args: a.args(0, 0),
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
	c.Flags().StringVar(&level, "log", "info", "")
	return a.passphraseFlag(a.dirFlag(c), &passphraseFile)
}

func (a *app) logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, a.misuse("usage.log", level)
	}
	opt := &slog.HandlerOptions{Level: l}
	if f, ok := a.err.(*os.File); ok && isTerminal(f) {
		return slog.New(slog.NewTextHandler(a.err, opt)), nil
	}
	return slog.New(slog.NewJSONHandler(a.err, opt)), nil
}

func (a *app) engine() *cobra.Command {
	c := &cobra.Command{
		Use:    "engine --dir DIR",
		Hidden: true,
		Args:   a.args(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			log, err := a.logger("info")
			if err != nil {
				return err
			}
			return node.ServeEngine(c.Context(), a.dir, log)
		},
	}
	return a.dirFlag(c)
}
