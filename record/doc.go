// Package record is the clinical store and the only door to data: whatever comes in or goes out through any gate passes here.
//
// It owns charts (one for each patient, and the organisation's own stream), the resources in them with all their versions, and
// the entries that every write, read, search and refusal leaves. It promises:
//
//   - No entry, no data. A read returns bytes only once the entry that says who reads what and why is durable, here and at as
//     many custodians as can be reached.
//   - A write is acknowledged once its entry, its ciphertext and its keys are durable to the same degree, all or nothing.
//   - The entries of a chart are numbered densely and each names the leaf of the one before: a missing one shows.
//   - What is returned was checked against the hash its entry names and opened under the chart's key. Damage is repaired from a
//     custodian, or reported; it is never passed on.
//
// Imports: policy, vault, journal, index, verify. Anchoring is reached through the small interface Anchors.
package record
