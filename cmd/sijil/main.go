// Command sijil runs a node of the Sijil record, and checks what others show of theirs. `sijil help` explains.
package main

import (
	"os"

	"github.com/sijil-health/sijil/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
