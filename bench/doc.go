// Command bench measures a lone node and four nodes on this machine, as a hospital's systems would use them, and prints the table of
// docs/performance.md: each figure beside its goal and beside what the machine itself, or bare CometBFT, does in the same run.
//
// The nodes are real processes with durable disks and real keys. The load generator shares the machine with them; so a figure is what
// both together reach. It needs no root and no other program; counting a clinic's traffic and slowing a disk down need Linux.
//
//	go run -tags nodebug ./bench                              the whole table, a quarter of an hour
//	go run -tags nodebug ./bench -smoke                       the same in less than two minutes, with less load
//	go run -tags nodebug ./bench -nodes 4 -steps write,day    parts of it
//	go run -tags nodebug ./bench -url http://HOST/fhir        what the FHIR table asks of any server, asked of one that somebody else runs
//
// Three of its parts run in processes of their own, which are this program again (worker.go): the ledger alone (ledgernode.go), bare
// CometBFT (cometnode.go), and the door through which a node gets a slow disk (slow.go).
package main
