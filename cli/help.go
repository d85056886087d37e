package cli

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// localise gives a command and those below it their texts, help.COMMAND.… of the catalogue.
func (a *app) localise(c *cobra.Command) {
	key := helpKey(c)
	c.Short, c.Long = a.say.T(key+".short"), ""
	if a.say.Has(key + ".long") {
		c.Long = a.say.T(key + ".long")
	}
	c.InitDefaultHelpFlag()
	c.LocalFlags().VisitAll(func(f *pflag.Flag) { f.Usage = a.flagText(c, f.Name) })
	for _, below := range c.Commands() {
		a.localise(below)
	}
}

// helpKey is help.witness.serve for `sijil witness serve`.
func helpKey(c *cobra.Command) string {
	words := strings.Fields(c.CommandPath())
	words[0] = "help"
	return strings.Join(words, ".")
}

// flagText finds what a flag says of itself: the command's own text, else that of a command above, else the common one.
func (a *app) flagText(c *cobra.Command, name string) string {
	for ; c.HasParent(); c = c.Parent() {
		if key := helpKey(c) + ".flag." + name; a.say.Has(key) {
			return a.say.T(key)
		}
	}
	return a.say.T("help.flag." + name)
}

// help prints the help of a command.
func (a *app) help(c *cobra.Command, _ []string) {
	a.printf("%s\n\n", cmp.Or(c.Long, c.Short))
	a.tell("help.usage")
	if c.HasAvailableSubCommands() {
		a.printf("  %s COMMAND\n", c.CommandPath())
	}
	if !c.HasAvailableSubCommands() || c.Flags().Lookup("dir") != nil {
		a.printf("  %s\n", strings.TrimSuffix(c.UseLine(), " [flags]"))
	}
	if c.Example != "" {
		a.printf("\n%s\n%s\n", a.say.T("help.examples"), c.Example)
	}
	a.listed("help.commands", commandsBelow(c))
	a.listed("help.flags", a.flags(c.LocalFlags()))
	a.listed("help.globals", a.flags(c.InheritedFlags()))
	if c.HasAvailableSubCommands() {
		a.printf("\n%s\n  %s COMMAND --help\n", a.say.T("help.more"), c.CommandPath())
	}
}

// listed prints a title, and two columns below it: what is typed, and in the person's language what it is.
func (a *app) listed(title string, rows [][2]string) {
	if len(rows) == 0 {
		return
	}
	a.printf("\n%s\n", a.say.T(title))
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r[0]))
	}
	for _, r := range rows {
		a.printf("  %s%s   %s\n", r[0], strings.Repeat(" ", width-utf8.RuneCountInString(r[0])), a.say.Isolate(r[1]))
	}
}

func commandsBelow(c *cobra.Command) (rows [][2]string) {
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() || below.Name() == "help" {
			rows = append(rows, [2]string{below.Name(), below.Short})
		}
	}
	return rows
}

func (a *app) flags(set *pflag.FlagSet) (rows [][2]string) {
	set.VisitAll(func(f *pflag.Flag) {
		typed := "    --" + f.Name
		if f.Shorthand != "" {
			typed = "-" + f.Shorthand + ", --" + f.Name
		}
		text := f.Usage
		kind := map[string]string{"string": "text", "stringArray": "text", "int": "number", "duration": "time"}[f.Value.Type()]
		if kind != "" {
			typed += " " + a.say.T("help."+kind)
			if empty := f.DefValue == "" || f.DefValue == "0" || f.DefValue == "0s" || f.DefValue == "[]"; !empty {
				text += " " + a.say.T("help.default", f.DefValue)
			}
		}
		rows = append(rows, [2]string{typed, text})
	})
	return rows
}

// helpCommand is `sijil help COMMAND`.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]…",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			if c, _, err := root.Find(args); err == nil {
				for _, row := range commandsBelow(c) {
					names = append(names, row[0]+"\t"+row[1])
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return a.misuse("usage.no_command", strings.Join(args, " "))
			}
			return c.Help()
		},
	}
}
