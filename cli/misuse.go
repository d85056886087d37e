package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sijil-health/sijil/lang"
)

// misused is an error of the person's, in what was typed: a message usage.NAME. Arguments that are themselves messages are said in the same
// language.
type misused struct {
	key  string
	args []any
}

// message is an argument of a misuse that stands in the catalogue itself.
type message struct {
	key  string
	args []any
}

// Error gives the message in English, for machines.
func (m misused) Error() string {
	en := lang.For(lang.English)
	return en.T(m.key, m.in(en)...)
}

func (m misused) in(say *lang.Catalogue) []any {
	args := slices.Clone(m.args)
	for i, arg := range args {
		if inner, ok := arg.(message); ok {
			args[i] = say.T(inner.key, inner.args...)
		}
	}
	return args
}

// misuse makes one.
func (a *app) misuse(key string, args ...any) error { return misused{key, args} }

// args lets a command take so many arguments.
func (a *app) args(least, most int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		wanted := fmt.Sprint(least)
		if most > least {
			wanted = fmt.Sprintf("%d–%d", least, most)
		}
		return a.misuse("usage.arguments", wanted, len(args))
	}
}

// noCommand refuses the name of a command that is none.
func (a *app) noCommand(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return a.misuse("usage.no_command", args[0])
	}
	return nil
}

// group makes a command that only has others below it: by itself it gives its help.
func (a *app) group(c *cobra.Command) *cobra.Command {
	c.Args = a.noCommand
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	return c
}

// ownCompletion has the command that the library makes refuse as the others do.
func (a *app) ownCompletion(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		a.group(c)
		for _, shell := range c.Commands() {
			shell.Args = a.args(0, 0)
		}
	}
}

// flagError says in the person's language what is wrong with a flag.
func (a *app) flagError(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var empty *pflag.ValueRequiredError
	var bad *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return a.misuse("usage.no_flag", unknown.GetSpecifiedName())
	case errors.As(err, &empty):
		return a.misuse("usage.flag_value", empty.GetSpecifiedName())
	case errors.As(err, &bad):
		return a.misuse("usage.bad_value", bad.GetFlag().Name, bad.GetValue())
	}
	return a.misuse("usage.other", err)
}
