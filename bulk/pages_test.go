package bulk

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"github.com/sijil-health/sijil/record"
)

// counted is a record that has so many pages, of which one may fail.
type counted struct {
	Record
	pages, fails int
	asked        chan int
}

var errPage = errors.New("it does not open")

func (c *counted) Export(ctx context.Context, _ record.Access, q record.Query, _ func(string) bool) (*record.ExportPage, error) {
	n, _ := strconv.Atoi(q.After)
	c.asked <- n
	if n == c.fails {
		return nil, errPage
	}
	p := &record.ExportPage{Versions: make([]record.Exported, n)}
	if n+1 < c.pages {
		p.Next = strconv.Itoa(n + 1)
	}
	return p, ctx.Err()
}

// TestPages: every page comes once and in order, the last thing is an error, and whoever stops leaves nothing running.
func TestPages(t *testing.T) {
	for _, c := range []struct {
		pages, fails, stop int
		want               []int
	}{
		{1, -1, -1, []int{0}}, {5, -1, -1, []int{0, 1, 2, 3, 4}}, {5, 2, -1, []int{0, 1}}, {5, 0, -1, nil}, {100, -1, 3, []int{0, 1, 2, 3}},
	} {
		r := &counted{pages: c.pages, fails: c.fails, asked: make(chan int, 200)}
		e := &export{Exports: &Exports{opt: Options{Record: r}}}
		var got []int
		var failed error
		for page, err := range e.pages(t.Context(), record.Query{}) {
			if failed = err; err != nil {
				continue
			}
			got = append(got, len(page.Versions))
			if len(page.Versions) == c.stop {
				break
			}
		}
		if !slices.Equal(got, c.want) || (failed != nil) != (c.fails >= 0) {
			t.Errorf("%+v: %v, %v", c, got, failed)
		}
		close(r.asked) // whoever asked still would panic
		if n := len(r.asked); n > len(c.want)+2 {
			t.Errorf("%+v: %d pages were opened", c, n)
		}
	}
}
