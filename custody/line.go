package custody

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
)

// line is one stream of groups to a custodian. Groups are written as they come and answered in the same order, so the one waiting
// longest is the first of the list. A line that breaks is replaced by the next group that is sent.
type line struct {
	c      *courier
	buffer *bufio.Reader
	stream *peer.Stream

	mu      sync.Mutex
	work    sync.Cond // there is something to write, or the line broke
	unsent  []*parcel
	unheard []*parcel // sent, or being sent
	broken  error
	watched bool // somebody looks whether the oldest is ever answered
}

// parcel is a group for one custodian.
type parcel struct {
	g    journal.Group
	sent time.Time
	done chan error // buffered: nobody need wait
}

// send puts a group on the line; the answer comes when it is durable there, or not. It never blocks.
func (c *courier) send(g journal.Group) <-chan error {
	p := &parcel{g: g, sent: time.Now(), done: make(chan error, 1)}
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.line == nil || c.line.spent() || !c.line.take(p) {
		c.line = &line{c: c}
		c.line.work.L = &c.line.mu
		c.line.take(p)
		c.work.Go(c.line.run)
	}
	return p.done
}

// spent gives up a line whose connection will end before long, as long as nothing is under way on it.
func (l *line) spent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream == nil || len(l.unsent)+len(l.unheard) > 0 || !l.stream.Aged() {
		return false
	}
	l.fail(errSpent)
	return true
}

var errSpent = errors.New("custody: the connection is too old")

// take queues a parcel, unless the line is broken.
func (l *line) take(p *parcel) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return false
	}
	l.unsent = append(l.unsent, p)
	l.work.Signal()
	if !l.watched {
		l.watched = true
		l.watch(sendTimeout)
	}
	return true
}

// watch breaks the line if what is the oldest by then has waited too long. The caller holds l.mu.
func (l *line) watch(after time.Duration) {
	time.AfterFunc(after, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		oldest := append(l.unheard[:len(l.unheard):len(l.unheard)], l.unsent...)
		if len(oldest) == 0 || l.broken != nil {
			l.watched = false
			return
		}
		left := sendTimeout - time.Since(oldest[0].sent)
		if left <= 0 {
			l.fail(fmt.Errorf("custody: %s left a group unanswered for %v", l.c.org, sendTimeout))
			return
		}
		l.watch(left)
	})
}

// run opens the stream and writes until it breaks or the replicator is closed.
func (l *line) run() {
	stop := context.AfterFunc(l.c.ctx, func() { l.breaks(context.Canceled) })
	defer stop()
	if err := l.c.meet(); err != nil {
		l.breaks(err)
		return
	}
	ctx, cancel := context.WithTimeout(l.c.ctx, sendTimeout)
	stream, err := l.c.opt.Client.Open(ctx, l.c.org, pathStream)
	cancel()
	if err != nil {
		l.breaks(err)
		return
	}
	l.mu.Lock()
	l.stream, l.buffer = stream, bufio.NewReader(stream)
	broken := l.broken
	l.mu.Unlock()
	if broken != nil {
		_ = stream.Close() // it broke while it was being opened
		return
	}
	l.c.work.Go(l.listen)
	for {
		b := l.next()
		if b == nil {
			return
		}
		if _, err := stream.Write(b); err != nil {
			l.breaks(err)
			return
		}
	}
}

// next waits for parcels and gives their bytes, as one write; nil when the line is broken.
func (l *line) next() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.unsent) == 0 && l.broken == nil {
		l.work.Wait()
	}
	if l.broken != nil {
		return nil
	}
	size := 0
	for _, p := range l.unsent {
		size += messageHead + len(p.g.Frames)
	}
	b := make([]byte, 0, size)
	for _, p := range l.unsent {
		b = appendMessage(b, p.g.Start, p.g.Frames)
	}
	l.unheard = append(l.unheard, l.unsent...)
	l.unsent = nil
	return b
}

// listen hands out the answers until the line breaks.
func (l *line) listen() {
	for {
		end, refusal, err := readReply(l.buffer)
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %s ended the stream", peer.ErrUnreachable, l.c.org)
		}
		if err != nil {
			l.breaks(err)
			return
		}
		l.mu.Lock()
		if len(l.unheard) == 0 {
			l.fail(fmt.Errorf("custody: %s answered what it was not sent", l.c.org))
			l.mu.Unlock()
			return
		}
		p := l.unheard[0]
		l.unheard = l.unheard[1:]
		l.mu.Unlock()
		p.done <- l.judge(p, end, refusal)
	}
}

func (l *line) judge(p *parcel, end journal.Cursor, refusal *peer.Problem) error {
	took := time.Since(p.sent)
	l.stream.Answered(took)
	if refusal != nil {
		if refusal.Code == codeFault {
			l.breaks(refusal) // whatever failed there may last as long as the stream
		}
		return refusal
	}
	if took < l.c.opt.Patience {
		l.c.prompt()
	}
	return l.c.holds(journal.Range{Start: p.g.Start, End: p.g.End}, end)
}

// breaks gives the line up: who waits is told why, and the next group opens another one.
func (l *line) breaks(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail(err)
}

// fail is breaks for who holds l.mu.
func (l *line) fail(err error) {
	if l.broken != nil {
		return
	}
	l.broken = err
	for _, p := range append(l.unheard, l.unsent...) {
		p.done <- err
	}
	l.unheard, l.unsent = nil, nil
	l.work.Broadcast()
	if l.stream != nil {
		_ = l.stream.Close() // there is nothing more to learn from it
	}
}
