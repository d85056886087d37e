package imports

import (
	"cmp"
	"time"
)

// Limits of imports. A zero field stands for the one of DefaultLimits.
type Limits struct {
	Jobs     int           // kept at once, over all
	Actor    int           // of them of one actor
	Age      time.Duration // how long what is to be said of a complete one is kept
	Inputs   int           // files of one import
	Line     int           // bytes of one line
	File     int64         // bytes of one file, without compression
	Spool    int64         // bytes of all files that wait
	Group    int           // lines stored as one record of the journal
	Bytes    int           // of a group, after which it takes no more lines
	Outcomes int           // lines of one import of which it is kept why they were refused; beyond, they are counted
	Position time.Duration // how old the durable position may become
	Patience time.Duration // how long who gives a file may be silent
}

// DefaultLimits suit a small machine.
var DefaultLimits = Limits{
	Jobs: 32, Actor: 16, Age: 24 * time.Hour, Inputs: 200, Line: 16 << 20, File: 64 << 30, Spool: 128 << 30,
	Group: 200, Bytes: 2 << 20, Outcomes: 100_000, Position: time.Second, Patience: time.Minute,
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits
	return Limits{
		Jobs: cmp.Or(l.Jobs, d.Jobs), Actor: cmp.Or(l.Actor, d.Actor), Age: cmp.Or(l.Age, d.Age), Inputs: cmp.Or(l.Inputs, d.Inputs),
		Line: cmp.Or(l.Line, d.Line), File: cmp.Or(l.File, d.File), Spool: cmp.Or(l.Spool, d.Spool), Group: cmp.Or(l.Group, d.Group),
		Bytes: cmp.Or(l.Bytes, d.Bytes), Outcomes: cmp.Or(l.Outcomes, d.Outcomes), Position: cmp.Or(l.Position, d.Position),
		Patience: cmp.Or(l.Patience, d.Patience),
	}
}
