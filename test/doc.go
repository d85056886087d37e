// Package real holds the tests with real processes (build tag real): nodes that are killed, cut off, damaged and filled up while they
// work. Each test sets up its own nodes with the program's own commands and speaks to them as any client does. They use SIJIL_BIN, or
// build the program. `make test-real` runs them.
package real
