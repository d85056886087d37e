// Package verify defines the formats of a Sijil ledger and checks them offline: entries, batches, anchors, blocks,
// checkpoints, receipts and trust files.
//
// Most callers need four functions:
//
//	trust, err := verify.ParseTrust(file)           // whom the reader trusts: the genesis, witnesses, pinned checkpoints
//	receipt, err := verify.ReadReceipt(file)        // JSON or compact CBOR
//	verifier, err := verify.NewVerifier(trust)      // checks the trust file once
//	result, err := verifier.Verify(receipt, verify.Options{})
//
// A nil error means that everything the Result says is proven and rests on at least as many keys as the trust file asks.
// An error that wraps ErrNotWitnessed comes with a Result: all of it holds, but on fewer keys. Any other error is a
// *StepError that names the first thing that does not hold, and no Result.
//
// # What it promises
//
//   - No network, no clock, no files: the outcome depends on the arguments alone.
//   - Bytes from outside never make it panic or allocate without bound; every parser has a limit and one accepted form.
//   - One signature rule, ZIP 215, shared with the consensus engine and the state machine (see PublicKey.Verify).
//   - The formats are those of docs/spec, with test vectors in testdata; a version, once published, is read for ever.
//
// # What it may import
//
// The standard library, transparency-dev/merkle, fxamacker/cbor, curve25519-voi and filippo.io/mldsa. It imports no other
// part of Sijil and no consensus engine, so that who audits it audits this directory only. A test enforces this.
package verify
