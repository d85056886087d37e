package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// export is one job.
type export struct {
	*Exports
	id      string
	request Request
	since   time.Time

	mu        sync.Mutex // guards all below
	resources int
	typ       string
	list      List
	seen      map[string]bool // what earlier queries of the type gave; nil where there is one alone
	size      int64           // of the files, sealed
}

// Run makes all files. What fails leaves none.
func (e *export) Run(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		err = e.files.Begin(e.id)
	}
	for i := 0; i < len(e.request.Queries) && err == nil; i++ {
		e.remember(i)
		err = e.query(ctx, e.request.Queries[i])
	}
	if err == nil {
		err = e.complete(ctx)
	}
	if err != nil {
		err = errors.Join(err, e.files.Remove(e.id))
	}
	return err
}

// Remove removes the files.
func (e *export) Remove() error { return e.files.Remove(e.id) }

// remember keeps in mind what the queries of one type give, where there are several, so that nothing is given twice.
func (e *export) remember(i int) {
	list := e.request.Queries
	if i > 0 && list[i-1].Type == list[i].Type {
		return
	}
	if e.seen = nil; i+1 < len(list) && list[i+1].Type == list[i].Type {
		e.seen = make(map[string]bool)
	}
}

// again tells whether a resource was given already.
func (e *export) again(id string) bool {
	if e.seen == nil {
		return false
	}
	was := e.seen[id]
	e.seen[id] = true
	return was
}

// query makes the files of one query.
func (e *export) query(ctx context.Context, q record.Query) error {
	e.mu.Lock()
	e.typ = q.Type
	e.mu.Unlock()
	q.Count = e.opt.Limits.Page
	var p *pair
	for page, err := range e.pages(ctx, q) {
		if err != nil {
			return err
		}
		page.Versions = slices.DeleteFunc(page.Versions, func(v record.Exported) bool { return e.again(v.ID) })
		if len(page.Versions) > 0 {
			if p == nil {
				if p, err = e.newPair(q.Type); err != nil {
					return err
				}
			}
			if err := e.page(ctx, p, page.Versions); err != nil {
				return err
			}
		}
		if p != nil && (page.Next == "" || p.resources.Count >= e.opt.Limits.File) {
			if err := p.close(e); err != nil {
				return err
			}
			p = nil
		}
	}
	return ctx.Err()
}

// page adds resources to a pair of files, and then their receipts.
func (e *export) page(ctx context.Context, p *pair, versions []record.Exported) error {
	breaks := make(map[string][]byte)
	for i := range versions {
		v := &versions[i]
		if v.Damaged {
			if err := p.damaged(v); err != nil {
				return err
			}
			continue
		}
		line, where := verify.OneLine(v.Body)
		if len(where) > 0 {
			breaks[nameOf(v.Type, v.ID, v.Version.Version)] = where
		}
		if err := p.resources.line(line); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, e.opt.Limits.Anchor)
	defer cancel()
	err := e.opt.Record.Receipts(ctx, versions, func(r *verify.BatchReceipt) error {
		if err := addBreaks(r, breaks); err != nil {
			return err
		}
		b, err := r.Encode()
		if err != nil {
			return err
		}
		return p.receipts.write(b, len(r.Entries))
	})
	if err != nil {
		return fmt.Errorf("receipts: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.resources += len(versions)
	if e.size+p.resources.Bytes+p.receipts.Bytes > e.opt.Limits.Bytes {
		return fmt.Errorf("the export takes more than %d bytes", e.opt.Limits.Bytes)
	}
	return nil
}

func nameOf(typ, id string, version uint64) string { return fmt.Sprintf("%s/%s/%d", typ, id, version) }

// addBreaks says of each entry where its line has blanks in place of line ends.
func addBreaks(r *verify.BatchReceipt, breaks map[string][]byte) error {
	if len(breaks) == 0 {
		return nil
	}
	for i := range r.Entries {
		entry, err := verify.DecodeEntry(r.Entries[i].Entry.Body)
		if err != nil {
			return err
		}
		if len(entry.Targets) == 1 {
			r.Entries[i].Breaks = breaks[fmt.Sprintf("%s/%d", entry.Targets[0].Ref, entry.Targets[0].Version)]
		}
	}
	return nil
}
