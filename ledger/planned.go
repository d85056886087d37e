package ledger

import "fmt"

// Plan gives one of this organisation's batches as it was planned. Errors: ErrNotFound, *Damage.
func (a *Anchorer) Plan(seq uint64) (*Plan, error) {
	p, err := a.plans.Get(seq)
	if err == nil && p == nil {
		err = fmt.Errorf("%w: batch %d is not planned yet", ErrNotFound, seq)
	}
	return p, err
}
