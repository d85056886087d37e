package subscription

import (
	"context"
	"sync"

	"github.com/sijil-health/sijil/record"
)

// line is what stays the same of a Subscription while its owner changes it: its events, and who listens.
type line struct {
	id string

	mu      sync.Mutex
	tally   tally
	told    uint64 // the last event that was told
	sockets map[*socket]bool
	grown   chan struct{} // closed and replaced when there is something to do
}

func newLine(id string, t tally, told uint64) *line {
	return &line{id: id, tally: t, told: told, sockets: map[*socket]bool{}, grown: make(chan struct{})}
}

func (l *line) counted() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tally
}

// wake rouses the courier. The caller holds mu.
func (l *line) wake() {
	close(l.grown)
	l.grown = make(chan struct{})
}

// grow takes what was found and is durable.
func (l *line) grow(t tally) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally = t
	l.wake()
}

// waiting gives the range of events that are to be told, both included, and what is closed when there may be more. dropped says that events were forgotten
// before they were told.
func (l *line) waiting() (from, to uint64, dropped bool, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from = l.told + 1
	if from < l.tally.First {
		from, dropped = l.tally.First, true
	}
	return from, l.tally.Count, dropped, l.grown
}

// passed notes that events up to a number were told.
func (l *line) passed(b *book, number uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number <= l.told {
		return nil
	}
	l.told = number
	return b.tell(l.id, number)
}

// listen adds or removes a socket.
func (l *line) listen(s *socket, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if on {
		l.sockets[s] = true
	} else {
		delete(l.sockets, s)
	}
	l.wake()
}

func (l *line) listeners() (list []*socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range l.sockets {
		list = append(list, s)
	}
	return list
}

// watch is a Subscription as its owner wrote it last.
type watch struct {
	*asked
	line    *line
	by      record.Access // the owner
	since   uint64        // the journal entry by which they wrote it
	version uint64        // of the resource as it is taken; guarded by Subscriptions.mu
	cancel  context.CancelFunc
	done    chan struct{} // closed when its courier has ended; closed from the beginning where it has none

	mu    sync.Mutex
	state string // its status, as the node has it
	why   string // it is in error
}

func (w *watch) id() string { return w.line.id }

func (w *watch) status() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

func (w *watch) set(state, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state, w.why = state, why
}
