// Package subscription tells others of changes as they are made: Subscriptions of FHIR R4, by criteria, and of the Subscriptions R5 Backport, by topic
// (hl7.fhir.uv.subscriptions-backport 1.1), over HTTP (rest-hook) and websockets.
//
// It owns which Subscriptions are in force, how far the record was followed for them, the events of each by number, and the secrets that notifications are
// signed with. It promises:
//
//   - Nothing is lost: how far the record was followed, and the events that were found on the way, are one write. A node that was killed goes on where it
//     stood. An event is told at least once, and in order; its number says which were told before, and which are missing.
//   - A Subscription gives what its owner may see, and no more: what matches, and what is given of it, goes through the record's policy as the owner, who is
//     whoever wrote the Subscription last.
//   - Each notification has its entries on the ledger, which name what it gives and where it goes, durable before it is sent. What was released a
//     minute ago and could not be sent is released anew, so that nothing is told of what was erased meanwhile.
//   - No write waits for it. It is bounded in Subscriptions, in events kept, in what one notification holds, in connections and in time; a receiver that is
//     dead ends in status error, and its Subscription says why.
//   - A notification goes to no address that the node's operator did not allow: https to public addresses, anything else by name only. Redirects are not
//     followed, and of an answer its status is looked at alone.
//   - Secrets are sealed on the disk, and are in no answer but the one that made them, no log and no error.
//
// Imports: record, fhir/search, fhir/definition, fhir/tape, fhir/xml, index/term.
package subscription
