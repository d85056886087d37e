package chain

import (
	"context"
	"strings"

	abci "github.com/cometbft/cometbft/abci/types"
)

const (
	filterID   = "/p2p/filter/id/"
	filterAddr = "/p2p/filter/addr/"
)

// Query answers CometBFT's two questions about a node that connects or is dialled: may this address, may this identity?
// The identity is proven by the p2p handshake before it is asked about. Everything else is refused: there is no other
// way in through ABCI.
func (a *app) Query(_ context.Context, req *abci.RequestQuery) (*abci.ResponseQuery, error) {
	if strings.HasPrefix(req.Path, filterAddr) {
		return &abci.ResponseQuery{}, nil // it is the identity that counts
	}
	if id, ok := strings.CutPrefix(req.Path, filterID); ok && a.admits(id) {
		return &abci.ResponseQuery{}, nil
	}
	return &abci.ResponseQuery{Code: codeInvalid, Log: "not a member's node"}, nil
}

// admits tells whether a node may connect: a member's by the last block, or one that this node's operator named. The
// latter lets a node that has yet to read the chain reach members who joined after what it has read.
func (a *app) admits(id string) bool { return a.friends[id] || a.current.Load().roster.isNode(id) }
