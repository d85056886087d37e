// Package custody keeps copies for one another: what a member's node writes is held by R−1 other members before anybody is told
// that it is written, and they vouch for it on the ledger.
//
// # What it owns
//
//   - Replicator, the owner's side. It implements journal.Holder: each group goes, byte for byte, to the custodians of its segment
//     while this node's own disk syncs. It also brings large blobs and the pages of the key store, tops up in the background what
//     custodians lack, and gathers their signatures for a batch (Attest).
//   - Keeper, the custodian's side, an http.Handler for a peer.Server. It keeps the copies, gives them back to their owner, and signs
//     for a batch only what it can recompute.
//   - Fetcher, which brings back what a node lost, down to an empty disk.
//
// # What it promises
//
//   - What Hold counts is durable on that many other disks.
//   - A silent custodian costs 50 ms, once: it is replaced by the next in the order that everyone computes (rendezvous hashing over
//     owner, segment and member) and tried again in the background.
//   - What the owner cannot read of its own takes no custodian away: it is mended from them, and the rest is brought meanwhile. A
//     failed disk at a custodian costs the groups that met it.
//   - A newer top page of a key store counts as held once the older one is overwritten, and not before.
//   - A custodian's signature says: I hold every record of this batch; its root is theirs; no tag stands for two entries; and no
//     entry that I hold from before is missing from the batches that this one builds on. An owner who drops, exchanges or repeats
//     entries gets no signature, and leaves an Alarm at the custodian.
//   - Nothing of the journal goes to a custodian before this node knows that all it holds is the journal's. Records that a loss of
//     power took from this node's disk are withdrawn there, over its signature and kept as evidence; what was vouched for cannot be.
//   - What a custodian holds is sealed. Frames and pages go back to their owner only. A single entry or blob goes to any member that
//     can name it by tag or hash, which only who holds the chart's key can: so a chart is walked at the custodians.
//   - What a custodian remembers of others never stops its own node: a damaged book is put aside and made again from what is held, as far
//     as that goes (book_lost.go, book_anew.go). Until then nothing that was held may be withdrawn, for it may have been vouched for.
//   - Copies that were held and are gone are named, and claimed no more, so that their owner brings them again.
//   - Nothing is kept by halves: a full disk or a used-up quota refuses before it writes.
//
// # How a custodian knows that nothing was skipped
//
// For each owner it remembers Covered: of the entries below that number, those it holds are in anchored batches. A proposal that
// begins further on while entries in between are held must be preceded by the batches those are in, each anchor naming the one
// before, the last one named by the proposal itself, whose name the custodian signs. A batch that it signed itself is known
// to it; of others it is told the leaves and compares those of the entries it holds. What is not led up to is looked up on the ledger.
//
// It imports peer, journal, verify and durable; blobs, pages and batches come through interfaces of its own.
package custody
