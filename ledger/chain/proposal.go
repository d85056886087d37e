package chain

import (
	"bytes"
	"context"
	"slices"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/types"
)

// PrepareProposal fills a block of ours: the anchors of each organisation in order of their numbers, without gaps, then
// membership transactions. What does not fit in a valid block now stays in the mempool.
func (a *app) PrepareProposal(_ context.Context, req *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	st := a.current.Load().step(a.chain, req.Time.UnixMilli(), a.seen)
	res := &abci.ResponsePrepareProposal{Txs: make([][]byte, 0, len(req.Txs))}
	size := int64(0)
	for _, tx := range arrange(req.Txs) {
		n := types.ComputeProtoSizeForTxs([]types.Tx{tx.bytes})
		if size+n > req.MaxTxBytes {
			continue
		}
		if st.applyParsed(tx.parsed, tx.bytes) == nil {
			res.Txs, size = append(res.Txs, tx.bytes), size+n
		}
	}
	return res, nil
}

type candidate struct {
	*parsed
	bytes []byte
}

// arrange orders transactions for a block: anchors before the rest, by organisation and number; the rest as they came.
// Malformed ones are left out.
func arrange(txs [][]byte) []candidate {
	list := make([]candidate, 0, len(txs))
	for _, tx := range txs {
		if p, err := parse(tx); err == nil {
			list = append(list, candidate{p, tx})
		}
	}
	slices.SortStableFunc(list, func(x, y candidate) int {
		switch a, b := x.anchor, y.anchor; {
		case a == nil && b == nil:
			return 0
		case a == nil:
			return 1
		case b == nil:
			return -1
		case a.Org != b.Org:
			return bytes.Compare(a.Org[:], b.Org[:])
		case a.Seq < b.Seq:
			return -1
		case a.Seq > b.Seq:
			return 1
		}
		return 0
	})
	return list
}

// ProcessProposal votes for a proposed block only when every transaction may stand where it stands.
func (a *app) ProcessProposal(_ context.Context, req *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	st := a.current.Load().step(a.chain, req.Time.UnixMilli(), a.seen)
	for _, tx := range req.Txs {
		if st.apply(tx) != nil {
			return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
		}
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}
