package custody

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/sijil-health/sijil/verify"
)

const (
	// maxPagesHeld bounds the pages of a key store taken from one custodian: 32 million keys.
	maxPagesHeld = 1 << 20
	// maxPageBytes bounds what they weigh together, in bytes.
	maxPageBytes = 4 << 30
)

// Pages brings back the key store: every page that any member holds, each different copy once, in ascending order, the top page
// first. What a member says of a page's version proves nothing, so none takes the place of another: which are true the key store
// tells when it opens them. Of a member that gives more than a key store can have, the rest is not asked for. Errors: ErrNowhere.
func (f *Fetcher) Pages(ctx context.Context) ([]Page, error) {
	var all []Page
	var errs []error
	seen := make(map[copyOf]bool)
	for _, org := range rank(f.org, nil, f.members()) {
		pages, err := f.pagesOf(ctx, org, seen)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", org, err))
		}
		all = append(all, pages...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: key store: %w", ErrNowhere, errors.Join(errs...))
	}
	slices.SortStableFunc(all, func(a, b Page) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}

// copyOf is what tells one copy of a page from another.
type copyOf struct {
	number uint64
	hash   verify.Hash
}

// pagesOf gives the pages that a custodian holds and that were not seen yet, as far as they came before an error.
func (f *Fetcher) pagesOf(ctx context.Context, org verify.OrgID, seen map[copyOf]bool) (list []Page, err error) {
	count, size := 0, 0
	for from := uint64(0); ; {
		pages, err := f.ask.pages(ctx, org, from)
		if err != nil || len(pages) == 0 {
			return list, err
		}
		for _, p := range pages {
			if count, size = count+1, size+len(p.Sealed); count > maxPagesHeld || size > f.maxPageBytes {
				return list, fmt.Errorf("custody: it claims to hold more pages than a key store has: %d with %d bytes", count, size)
			}
			if c := (copyOf{p.Number, hashOf(p.Sealed)}); !seen[c] {
				seen[c] = true
				list = append(list, p)
			}
		}
		last := pages[len(pages)-1].Number
		if last == math.MaxUint64 {
			return list, nil
		}
		from = last + 1
	}
}
