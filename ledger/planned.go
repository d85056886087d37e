package ledger

import (
	"context"
	"fmt"

	"github.com/sijil-health/sijil/verify"
)

// Plan gives one of this organisation's batches as it was planned, and its anchor. Errors: ErrNotFound, *Damage, those of the engine.
func (a *Anchorer) Plan(ctx context.Context, seq uint64) (*Plan, *verify.Anchor, error) {
	p, err := a.plans.Get(seq)
	if err != nil {
		return nil, nil, err
	}
	if p == nil {
		return nil, nil, fmt.Errorf("%w: batch %d is not planned yet", ErrNotFound, seq)
	}
	if p.trimmed() {
		an, err := a.opt.Engine.Anchor(ctx, a.opt.Org, seq)
		if err != nil {
			return nil, nil, err
		}
		p.Anchor = an.Bytes
	}
	anchor, err := verify.DecodeAnchor(p.Anchor)
	return p, anchor, err
}
