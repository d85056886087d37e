// Command bench measures a lone node and four nodes on this machine, as a hospital's systems would use them, and prints the table of
// docs/performance.md: each figure beside its goal and beside what the machine itself can do in the same minute (fsync, AES-GCM).
//
// The nodes are real processes with durable disks and real keys. The load generator shares the machine with them; so a figure is what
// both together reach.
//
//	go run -tags nodebug ./bench            the whole table, some minutes
//	go run -tags nodebug ./bench -smoke     the same in less than two minutes, with less load
package main
