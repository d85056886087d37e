// Package child runs a ledger.Engine in a process of its own and gives it back to the parent as a ledger.Engine.
//
// CometBFT ends its process by panics in goroutines of its own, which nothing can recover. Behind this package such a
// panic costs the parent a second of ErrDown: the process is started again, and followers go on at the height where they
// were. Start is the parent's side, Serve the child's; between them are frames of CBOR over a socket pair, so that
// either side sees at once when the other is gone, and a child never outlives its parent.
//
// It may import verify, the Engine interface of ledger, and chain.
package child
