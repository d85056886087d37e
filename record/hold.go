package record

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/vault"
	"github.com/sijil-health/sijil/verify"
)

// escort brings what a record rests on to custodians while the record itself is sealed and written: the keys it is sealed under and the
// ciphertexts that are too large for the journal. Its zero value with a store is ready for use.
type escort struct {
	store   *Store
	edition uint64                             // of the key store that is on its way
	held    func(context.Context) (copies int) // waits for that; nil for nothing to wait for
	sent    chan int                           // gives, once, the least number of copies of a large ciphertext; nil without any
}

// keys gives the keys wanted, and makes those that are missing: durable here, and on their way to custodians. Every record waits for the keys
// it is sealed under, whoever made them.
func (e *escort) keys(wants []vault.Want) ([]*vault.Key, error) {
	keys, err := e.store.vault.Keys(wants)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if e.store.HoldKeys == nil {
		return keys, nil
	}
	edition := e.edition
	for _, k := range keys {
		edition = max(edition, k.Edition())
	}
	if edition > e.edition { // a later edition has all that an earlier one has
		e.edition, e.held = edition, e.store.HoldKeys(edition)
	}
	return keys, nil
}

// blob stores a large ciphertext here and sends it to custodians: one after the other, so that each has a slow link to itself.
func (e *escort) blob(ctx context.Context, hash verify.Hash, blob []byte) error {
	if err := e.store.Blobs.Put(ctx, hash, blob); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if e.store.HoldBlob == nil {
		return nil
	}
	before, sent := e.sent, make(chan int, 1)
	e.sent = sent
	e.store.working.Go(func() {
		n := math.MaxInt
		if before != nil {
			n = <-before
		}
		sent <- min(n, e.store.HoldBlob(ctx, hash, blob))
	})
	return nil
}

// copies waits for the custodians, as long as they may take, and tells how many hold everything.
func (e *escort) copies(ctx context.Context) int {
	n := math.MaxInt
	if e.held != nil {
		n = e.held(ctx)
	}
	if e.sent == nil {
		return n
	}
	select {
	case m := <-e.sent:
		return min(n, m)
	case <-ctx.Done():
		return 0
	}
}

// pending is a record on its way to the disk and, with what it rests on, to custodians.
type pending struct {
	journal *journal.Pending
	escort  *escort
	entries int // in the record
}

// settle waits until a record is durable and held by custodians. It is held by as many as hold all that opening it takes.
func settle(ctx context.Context, p *pending) (journal.Ack, error) {
	copies := p.escort.copies(ctx)
	ack, err := p.journal.Wait(ctx)
	if err != nil {
		return ack, refusal(err)
	}
	ack.Copies = min(ack.Copies, copies)
	if s := p.escort.store; s.Copies != nil && ack.Copies < s.Copies()-1 {
		first := p.journal.Cursor().Entry
		s.Anchors.LocalOnly(first, first+uint64(p.entries))
	}
	return ack, nil
}

// refusal is the journal's error as the record's: who gave up waiting is told just that.
func refusal(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
