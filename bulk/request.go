package bulk

import (
	"cmp"
	"errors"
	"time"

	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/record"
)

// ErrRunning refuses the files of an export that is not complete.
var ErrRunning = errors.New("the export is not complete")

// Request is what an export shall hold.
type Request struct {
	URL     string                  // as asked, for the manifest
	Access  record.Access           // who asks; its Request joins all entries
	Queries []record.Query          // of one type each, in the order of the files; Count is set by the job
	Of      func(chart string) bool // which charts; nil for all
}

// Status is how far an export is.
type Status struct {
	job.State
	Resources int // given so far
	Type      string
}

// Limits of exports. A zero field stands for the one of DefaultLimits.
type Limits struct {
	Jobs   int           // kept at once, over all
	Actor  int           // of them of one actor
	Age    time.Duration // how long a complete one is kept
	File   int           // resources in one file
	Page   int           // resources opened at once
	Bytes  int64         // of all files of one export, sealed
	Anchor time.Duration // how long it waits for the block of one page
}

// DefaultLimits suit a small machine.
var DefaultLimits = Limits{Jobs: 16, Actor: 4, Age: 24 * time.Hour, File: 100_000, Page: 1000, Bytes: 64 << 30, Anchor: 5 * time.Minute}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	return Limits{Jobs: cmp.Or(l.Jobs, d.Jobs), Actor: cmp.Or(l.Actor, d.Actor), Age: cmp.Or(l.Age, d.Age), File: cmp.Or(l.File, d.File),
		Page: cmp.Or(l.Page, d.Page), Bytes: cmp.Or(l.Bytes, d.Bytes), Anchor: cmp.Or(l.Anchor, d.Anchor)}
}
