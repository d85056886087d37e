package imports

import (
	"encoding/json"
	"time"

	"github.com/sijil-health/sijil/record"
)

// Input is one file of an import, and what has become of its lines.
type Input struct {
	Type string // that all its resources are to be; "" for any
	URL  string // as it was named; what was sent has none

	Bytes  int64 // of its content, once Ready
	Ready  bool  // it lies whole on the disk
	Absent bool  // it could not be fetched

	Lines, Created, Updated, Unchanged, Refused int64
	Listed                                      int64 // of Refused, those of which it is kept why
}

// Name is what the input is called where its lines are spoken of.
func (i *Input) Name() string {
	if i.URL == "" {
		return "the body"
	}
	return i.URL
}

// state is all that an import goes on from.
type state struct {
	Access record.Access // who asked; its Request joins all entries
	URL    string        // of the request
	Source string        // where the resources come from, as the request says
	Since  time.Time
	Inputs []Input

	Pass    int   // from 1
	Last    bool  // nothing waits any more
	Input   int   // in the first pass: the file that it is in,
	At      place // and the line
	Index   int64 // in a later one: how many of the lines that waited are done
	Waited  int64 // lines that waited for this pass
	Waiting int64 // that wait for the next

	Segments int // of outcomes
	Done     bool
	Failed   bool
	Finished time.Time
}

const (
	stateName = "state"
	maxState  = 16 << 20
)

func decodeState(b []byte) (*state, error) {
	s := new(state)
	return s, json.Unmarshal(b, s)
}

// copied gives the state as it is, whatever becomes of the original.
func (s *state) copied() *state {
	c := *s
	c.Inputs = append([]Input(nil), s.Inputs...)
	return &c
}
