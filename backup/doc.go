// Package backup keeps encrypted, incremental backups of a node at a place that need not be trusted: a folder, a USB disk, a bucket.
//
// # What it owns
//
// Everything below the destination. It knows nothing of a node: it is given files by name and gives them back.
//
//	sijil-backup.json          which key these backups open with, as a check value; nothing secret
//	objects/ab/abcd…           pieces of files, 4 MiB at most, each filed under a keyed hash of its content
//	epochs/2026-11             the key of one month's manifests and secrets, sealed under the master key
//	epoch/2026-11/secrets/abcd…   keys (sealed key-store pages, node keys), readable only while the month's key exists
//	epoch/2026-11/manifests/0000000012   what one backup consists of, signed by the organisation
//	latest                     the newest manifest; replacing it is what completes a backup
//
// # What it promises
//
//   - The place learns sizes, times and how much changes, and nothing else. Whoever alters, exchanges or cuts an object is found out,
//     and the object is named. Whoever deletes the newest manifests can make a restore older, never wrong: the ledger and its
//     witnesses show that.
//   - A backup counts once "latest" names it, and all it needs was durable before. A crash at any point leaves the one before whole.
//   - Each piece is stored once. What was stored and is missing at the place, or damaged, is stored again. Each backup reads back and opens
//     one part in 32 of what is there, or 64 MiB where that is more, a different part each time. Check reads and opens all, and writes nothing.
//   - Once the key of a month is destroyed, nothing of that month's secrets opens any more, not even with the recovery kit. What the
//     pieces hold is ciphertext under keys that are in those secrets, so they may stay for as long as a later backup uses them.
//     That rests on the place really deleting a file of 107 bytes: keep versions and undeletion off there.
//
// # Keys
//
// The master key is 32 random bytes, in the key store and in the recovery kit. HKDF-SHA-256 expands it into the key of the pieces, the
// key that names them, and the key that wraps the months' keys, which are random. Each object has its own AES-256-GCM key with a
// 32-byte commitment, expanded from the object's name, so that an object opens in its own place only and under one key only.
//
// # Imports
//
// Of ours only verify and durable.
package backup
