// Package peer carries requests between the nodes of the members: HTTP/2 over mutual TLS 1.3, and nothing else.
//
// # What it owns
//
// The proof of who is at the other end. An organisation's Ed25519 signing key, the one recorded on the ledger, acts as
// a tiny certificate authority: at start a node makes a transport key that never leaves memory and a certificate for it
// that lives a day, signed by that authority. Two keys stand in the chain:
//
//	chain[0]  the transport key; its only URI name is sijil://CHAIN/ORG
//	chain[1]  the organisation's signing key, self-signed
//
// A certificate is DER and begins with the byte 0x30, every other thing the organisation signs begins with "sijil": one
// can never pass for the other.
//
// # What it promises
//
//   - Each side accepts the other only if chain[1] holds the signing key of a current member and the name is that member's
//     on this ledger; the client besides only if it is the very member it meant to reach.
//   - Membership is asked at each handshake and again at each request, on both sides: the open connections of a member
//     that was revoked, or whose key was rotated, stop at their next request.
//   - The key exchange is Go's default, the hybrid X25519MLKEM768 first: what is recorded on the wire today does not open
//     to a quantum computer later.
//   - A Stream, a request that lasts, asks about membership at each message on the sending side, and its handler does on the other.
//   - Every size, count and time has a limit; see limits.go.
//
// It imports verify and nothing else of ours. What the requests mean is the business of the packages above it.
package peer
