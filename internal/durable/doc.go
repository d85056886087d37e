// Package durable puts files in place such that a crash leaves the old or the new one, whole, and never a piece.
//
// # What it promises
//
// When a function here has returned without an error, what it did outlives a loss of power, as far as the disk keeps what fsync
// promises: content first, then the name, then the directory that holds the name. A file that is not put in place leaves nothing under its name;
// a crash may leave a file named `.new-*` beside it, which means nothing.
//
// # Imports
//
// Nothing of ours. Packages journal and vault have disks of their own, which their tests can make fail at every step.
package durable
