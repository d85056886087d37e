// Package document tells by a look at a file which of Sijil's documents it is, or what else: a command that is given one in another's place
// names it and says how to get the right one.
//
// A look proves nothing. What a file is taken for is parsed and verified by whoever takes it. Imports of ours: verify.
package document
