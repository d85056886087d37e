// Package ledger puts a node's journal on the ledger that the organisations keep together, and shows to others that it is there.
//
// It owns:
//
//   - Batches: contiguous runs of whole journal records under one Merkle root (batch.go).
//   - The Anchorer: it follows the journal, decides on batches, makes each decision durable as a Plan before the anchor is
//     submitted, and submits the same bytes until they are in a committed block (anchorer.go, plans.go). Plans that are
//     lost are made again from the journal and the chain (retrace.go), old ones are trimmed (plantrim.go).
//   - Receipts: the proof of one entry, put together from the journal, the plan and the chain (receipt.go).
//   - Checkpoints of the global log, members' signatures on them, witnesses, trust files (notary.go, witness.go, trust.go).
//   - Audit: everything a node keeps, verified again from the first anchor on (audit.go).
//
// It promises:
//
//   - The organisation's sequence never forks: no two anchors of one number are signed where either could be committed.
//   - An entry of the journal is anchored exactly once, in journal order; nothing is skipped. What is lost of this package's
//     files is noticed and named, never papered over.
//   - Anchoring never stands in the way of care: without a quorum the journal goes on growing, and drains when it is back.
//   - A witness or member that signed one history signs no other, also after a crash.
//
// The consensus engine is behind the interface Engine; package ledger/chain is the one in use. Imports of ours: verify, journal, durable.
package ledger
