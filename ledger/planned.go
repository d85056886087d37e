package ledger

// Plan gives one of this organisation's batches as it was planned. Errors: ErrNotFound, *Damage.
func (a *Anchorer) Plan(seq uint64) (*Plan, error) { return a.plans.Get(seq) }
