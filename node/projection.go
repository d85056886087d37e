package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/fhir"
	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/postgres"
)

// lookIndex bounds how long a start looks through the index. A large one is read whole only by a scrub.
const lookIndex = 2 * time.Second

// openIndex opens the index. One that is damaged, or was made by other rules than this version of the program goes by, is removed and made anew
// from the journal: it holds nothing of its own.
func (n *Node) openIndex(ctx context.Context, key []byte) (err error) {
	at := n.Index()
	open := func() (*index.Index, error) { return index.Open(at, key) }
	remove := func() error { return index.Remove(at) }
	if url := n.config.Index; url != "" {
		at = "the database of the index"
		open = func() (*index.Index, error) { return postgres.Open(ctx, url, key) }
		remove = func() error { return postgres.Remove(ctx, url) }
	}
	n.index, err = open()
	if err == nil {
		if err = n.checkIndex(ctx); err == nil {
			return nil
		}
		err = errors.Join(err, n.index.Close())
	}
	switch {
	case errors.Is(err, index.ErrOutdated):
		n.log.Info("what resources are found by has changed since the index was made; it is made anew from the journal, which takes a while where there is much", "index", at)
	case errors.Is(err, index.ErrDamaged):
		n.log.Warn("the index is damaged; it is made anew from the journal, which takes a while where there is much", "index", at, "error", err)
	default:
		return fmt.Errorf("%s: %w", at, err)
	}
	if err := remove(); err != nil {
		return err
	}
	if n.index, err = open(); err != nil {
		return err
	}
	return n.index.Agree(fhir.TermsRules(n.parameters))
}

// checkIndex looks through the index, for as long as a start may take, and compares its rules.
func (n *Node) checkIndex(ctx context.Context) error {
	look, cancel := context.WithTimeout(ctx, lookIndex)
	defer cancel()
	if err := n.index.Check(look); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return n.index.Agree(fhir.TermsRules(n.parameters))
}
