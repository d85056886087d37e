package custody

import (
	"fmt"
	"net/http"

	"github.com/sijil-health/sijil/internal/durable"
)

// claim is room taken before bytes are written, so that requests at the same time cannot together exceed what each of them was allowed.
type claim struct {
	k    *Keeper
	s    *shelf
	size int64 // bytes
}

// room takes room for size bytes, or refuses what would exceed the owner's quota or the disk, before a byte is written. The claim has to be
// settled.
func (k *Keeper) room(s *shelf, size int64) (claim, error) {
	c := claim{k, s, size}
	pending := k.claimed.Add(size)
	if used := s.used.Add(size); used > k.opt.Quota {
		c.settle(0)
		return claim{}, refuse(http.StatusInsufficientStorage, codeQuota, fmt.Sprintf(
			"this custodian holds %d bytes for your organisation and grants %d; ask its administrator for more", used-size, k.opt.Quota), 0)
	}
	left, err := durable.Free(k.dir)
	if err != nil {
		c.settle(0)
		return claim{}, fmt.Errorf("custody: free space of %s: %w", k.dir, err)
	}
	if left-pending < k.opt.Reserve {
		c.settle(0)
		return claim{}, full()
	}
	return c, nil
}

// settle ends a claim: kept bytes are held now, the others were not needed.
func (c claim) settle(kept int64) {
	c.s.used.Add(kept - c.size)
	c.k.claimed.Add(-c.size)
}
