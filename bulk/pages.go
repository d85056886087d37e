package bulk

import (
	"context"
	"iter"

	"github.com/sijil-health/sijil/record"
)

// pages gives the pages of a query, each opened while the one before is written and its receipts are made. After an error there is none.
func (e *export) pages(ctx context.Context, q record.Query) iter.Seq2[*record.ExportPage, error] {
	type opened struct {
		page *record.ExportPage
		err  error
	}
	return func(yield func(*record.ExportPage, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		ahead := make(chan opened) // without room: one page is written, and one waits
		go func() {
			defer close(ahead)
			for more := true; more; {
				page, err := e.opt.Record.Export(ctx, e.request.Access, q, e.request.Of)
				select {
				case ahead <- opened{page, err}:
				case <-ctx.Done():
					return
				}
				if more = err == nil && page.Next != ""; more {
					q.After = page.Next
				}
			}
		}()
		defer func() {
			stop()
			for range ahead { // until nobody reads the record any more
			}
		}()
		for o := range ahead {
			if !yield(o.page, o.err) {
				return
			}
		}
	}
}
