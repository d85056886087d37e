// Package journal owns the durable order of a node's records: what was acknowledged is here, in one order, for ever.
//
// # What it promises
//
//   - A record whose Pending.Wait returned without error is fsynced and is found whole by every later Open, whatever happens to the
//     process or the power. A record that was being written is found whole or not at all.
//   - Entry numbers and places are dense and never change. A sealed segment is never modified; Repair puts back the same bytes.
//   - Bytes that were durable and cannot be read any more are named, with file and offset, and never silently dropped. A torn tail,
//     the remains of a write that was never acknowledged, is told from damage, cut off and reported.
//   - Under a Key each record names the one before it and bears its owner's mark, so that what comes back from others is the owner's own, in
//     its place, and continues what is there. A record that does not is damage.
//   - What was acknowledged lies in a file that has its name: when somebody removed or exchanged the live segment, nothing more is
//     acknowledged, and where the name is free all that was written is put back under it.
//   - After a failed write or fsync nothing more is acknowledged until the journal is opened again.
//
// # Format
//
// A journal is a directory of segment files, numbered densely from 0. All numbers are big-endian.
//
//	header   magic "sijil/journal/1\n" [16] · number u32 · first entry u64 · size of the previous file u64 · its SHA-256 [32] ·
//	         CRC-32C of all that u32                                                                          (72 bytes)
//	frame    length of the payload u32, its top bit set on the first frame of a group · CRC-32C (RFC 3720, appendix B.4) over
//	         length and payload u32 · payload, one Record
//	zeros    space allocated ahead, in the last segment only
//
// The header of segment n+1 seals segment n: it appears, by a rename, after n has been cut to its size and fsynced, and holds n's hash.
// So the headers chain all segments, and there is no separate seal that could be lost.
//
// A group is what one fsync makes durable. The next group is written only when that fsync has returned. Hence a readable frame that
// begins a group proves that all before it was durable: if something there is unreadable, it is damage. For the last group, which
// nothing follows, the file "durable" keeps the durable end, rewritten after each fsync without an fsync of its own; it may lag
// after a loss of power and never runs ahead. It is synced before the first entry, so that one that is lost is no crash's doing. Behind it, an unreadable frame with readable ones of its own group after it
// counts as torn only if a whole 512-byte sector of it reads as zeros, as one that was never written does.
//
// A Mirror keeps runs of the same bytes in files named by segment and offset, with their marks in the file "held".
//
// The package imports verify and nothing else of this module.
package journal
