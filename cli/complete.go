package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sijil-health/sijil/lang"
	"github.com/sijil-health/sijil/policy"
)

// values are what a flag takes, where that is one of few, for the shell to complete.
var values = map[string][]string{
	"lang":    {string(lang.English), string(lang.Arabic)},
	"role":    texts(policy.Roles()),
	"purpose": texts(policy.Purposes()),
	"log":     {"debug", "info", "warn", "error"},
	"engine":  {"inside", "child"},
	"network": {"lan", "wan"},
}

// directories and files are flags that name one; of other flags the shell knows nothing, and offers nothing.
var (
	directories = []string{"dir", "to", "from", "out"}
	files       = []string{"trust", "resource", "passphrase-file", "kit", "genesis", "adopt", "qr", "out"}
)

// completeFlags lets the shell complete what flags take, in all commands.
func completeFlags(c *cobra.Command) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.NoOptDefVal != "" { // takes no value
			return
		}
		complete := cobra.FixedCompletions(nil, cobra.ShellCompDirectiveNoFileComp)
		switch known := values[f.Name]; {
		case known != nil:
			complete = cobra.FixedCompletions(known, cobra.ShellCompDirectiveNoFileComp)
		case f.Name == "out" && c.Name() == "export" || f.Name != "out" && slices.Contains(directories, f.Name):
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
		case slices.Contains(files, f.Name):
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
		}
		_ = c.RegisterFlagCompletionFunc(f.Name, complete) // fails only where the library has its own
	})
	if c.ValidArgsFunction == nil && c.Args != nil && c.Args(c, []string{"one"}) != nil && c.Args(c, nil) == nil {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
	for _, below := range c.Commands() {
		completeFlags(below)
	}
}

func texts[T ~string](names []T) (out []string) {
	for _, name := range names {
		out = append(out, string(name))
	}
	return out
}
