// Package vault keeps an organisation's keys and seals with them everything that a patient's chart is made of.
//
// # What it owns
//
// The directory of the key store (a [Vault]), the file of a passphrase root key ([CreatePassphraseRoot]), and the
// directory of a blob store ([DirBlobs]). Nobody else writes there.
//
// # Keys
//
//	L0  root key         a [RootKey]: passphrase file, key from the platform, PKCS#11 or OpenBao
//	    top secret       random; sealed under the root key in the slot file; opens the tree of keys and nothing else does
//	L1  compartment key  random, one per chart and compartment (CEK), in a leaf page of the tree
//	      entry i        HKDF-Expand(CEK, "sijil/entry/1" ‖ u64be i)  → AES-256 key ‖ 32-byte key commitment
//	      salt i         HKDF-Expand(CEK, "sijil/salt/1" ‖ u64be i)   → salt of the entry's commitment, shown in its receipt
//	      wrap, tag, index   HKDF-Expand(CEK, "sijil/wrap/1" and so on)
//	L2  version key      random, one per blob (DEK), wrapped in the blob's header
//	      content        HKDF-Expand(DEK, "sijil/content/1")          → AES-256 key ‖ 32-byte key commitment
//	L3  stream           "sijil/stream/1" instead: 64 KiB chunks, each sealed in its place, for what is read in parts
//
// All keys that HKDF expands are uniformly random, so that its extraction step is not needed (RFC 5869, section 3.3).
//
// # What it promises
//
//   - A key that [Vault.Key] returned is durable; a crash at any point leaves the state before or after, never between.
//   - When [Vault.EraseChart] has returned, nothing left in the directory opens any key of that chart, not even together
//     with the root key and every older version of every page. The pages form a tree, each page sealed under a key that its
//     parent holds; erasing gives the whole path new keys and overwrites the one secret at the top. What no program can
//     promise: flash storage may keep the overwritten block for a while where only its controller reaches it. Where that
//     matters, keep the root key in hardware and renew it, or use a self-encrypting disk. A backup must not contain the
//     file "top"; [Vault.EscrowPages] is what to copy.
//   - A [Key] in hand stops working once its chart is erased ([ErrErased]). The Go runtime does not let memory be wiped
//     reliably: a core dump taken before the erasure may still show keys.
//   - Whatever is opened was sealed under this key for this purpose, place and associated data, and under no other key:
//     AES-GCM commits to no key, so that one ciphertext can be made to open under two; of a blob the commitment is therefore
//     compared first, and of an entry it is given to the caller, who compares the entry's binding before believing a word.
//   - Damage is reported with the file ([ErrDamaged], [ErrDamagedPage]) and never dropped. The file "durable" marks how far the
//     log was acknowledged: what is cut off below is damage, what lies beyond may be a torn tail. Since the mark may lag after a
//     loss of power, those who keep what was sealed hold it against the keys too ([Vault.Missing]). [Vault.Mend] makes a store
//     whole again from custodians' pages, [Vault.Scrub] writes again what the disk of an open one has lost.
//   - No error text contains a chart's name, a key or any content.
//
// After a write to the key store has failed, the vault answers reads and refuses writes with [ErrReadOnly] until it is
// opened anew: what a failed fsync left on the disk is not known to anyone. It does not notice by itself when a whole directory,
// slot file and mark included, is set back to an older copy; the entries in the journal are what shows that.
//
// # Algorithms
//
// AES-256-GCM with random nonces, HKDF and HMAC with SHA-256, HPKE MLKEM768-P256 for escrow, all from Go's standard
// library, which may run with GODEBUG=fips140=only. The exception is Argon2id in the passphrase root key, which FIPS
// 140-3 does not approve: such an installation takes its root key from hardware, or from the platform through
// [NewKeyRoot].
//
// # Imports
//
// Of ours only verify, for [verify.Hash] and [verify.Tag].
package vault
