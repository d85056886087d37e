package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/index"
)

// checkIndex bounds how long a start looks through the index. A large one is read whole only by a scrub.
const checkIndex = 2 * time.Second

// openIndex opens the index. One that is damaged is removed and made anew from the journal: it holds nothing of its own.
func (n *Node) openIndex(ctx context.Context, key []byte) (err error) {
	n.index, err = index.Open(n.Index(), key)
	if err == nil {
		look, cancel := context.WithTimeout(ctx, checkIndex)
		err = n.index.Check(look)
		cancel()
		if err == nil || errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		err = errors.Join(err, n.index.Close())
	}
	if !errors.Is(err, index.ErrDamaged) {
		return fmt.Errorf("%s: %w", n.Index(), err)
	}
	n.log.Warn("the index is damaged; it is made anew from the journal, which takes a while where there is much", "directory", n.Index(), "error", err)
	if err := index.Remove(n.Index()); err != nil {
		return err
	}
	n.index, err = index.Open(n.Index(), key)
	return err
}
