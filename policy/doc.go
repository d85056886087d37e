// Package policy answers two questions about a request: who is asking, and may they do this?
//
// Who: a bearer token, a JWT (RFC 7519) signed with Ed25519 by a token key of the node itself. It is short-lived, names
// actor, role, organisation and purpose of use, and is good for one chain only. [Mint] makes one, [Authority.Authorize]
// checks it and gives an [Access].
//
// May they: [Decide] looks the role up in a small table, denies by default, and says which policy decided and why, so that
// the answer can be written into the record next to the access it allowed or refused.
//
// The package keeps no session and no list of revoked tokens: a token ends by expiring. It imports only verify, for the
// identifier of an organisation, and go-jose. It never reads a URL, key or certificate that a token brings along.
package policy
