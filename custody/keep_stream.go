package custody

import (
	"bufio"
	"net/http"
	"sync"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
)

// messageTime bounds how long one message may be on its way: what came of it is kept in memory.
const messageTime = 2 * time.Minute

// maxInbox bounds the bytes of groups received and not yet stored on one stream; a single larger group is let in alone.
const maxInbox = 8 << 20

// group is one message received.
type group struct {
	at     journal.Cursor
	frames []byte
}

// inbox holds the groups that came while others were being stored, so that they share the next fsync.
type inbox struct {
	mu     sync.Mutex
	change sync.Cond
	groups []group
	size   int
	ended  bool
}

// stream takes groups one after the other and answers each when it is durable. Every write and every read at the caller waits for
// this; groups that arrive meanwhile are stored together.
func (k *Keeper) stream(r *http.Request, v *visit) error {
	c := http.NewResponseController(v.w)
	v.w.Header().Set("Content-Type", "application/octet-stream")
	v.w.WriteHeader(http.StatusOK)
	if c.Flush() != nil {
		return nil // the caller is gone
	}
	in := new(inbox)
	in.change.L = &in.mu
	var reading sync.WaitGroup
	reading.Go(func() { in.fill(bufio.NewReaderSize(r.Body, 64<<10), c.SetReadDeadline) })
	ended := make(chan struct{})
	reading.Go(func() {
		select {
		case <-peer.Closing(r.Context()):
		case <-r.Context().Done():
		case <-ended:
		}
		in.end()
		_ = c.SetReadDeadline(time.Unix(1, 0)) // wakes the reader; if it cannot, the connection's end will
	})
	for {
		groups := in.take()
		if len(groups) == 0 || peer.Admitted(r.Context()) != nil {
			break
		}
		if _, err := v.w.Write(k.storeAll(v, groups)); err != nil || c.Flush() != nil {
			break
		}
	}
	in.end()
	close(ended)
	reading.Wait()
	return nil
}

// fill reads groups until the stream ends or breaks, waiting while the inbox is full. A stream may be silent between two messages, not
// within one.
func (in *inbox) fill(r *bufio.Reader, limit func(time.Time) error) {
	defer in.end()
	for {
		if _, err := r.Peek(1); err != nil || !in.limit(limit, time.Now().Add(messageTime)) {
			return
		}
		at, frames, err := readMessage(r)
		if err != nil || !in.limit(limit, time.Time{}) {
			return
		}
		in.mu.Lock()
		for in.size > 0 && in.size+len(frames) > maxInbox && !in.ended {
			in.change.Wait()
		}
		if in.ended {
			in.mu.Unlock()
			return
		}
		in.groups = append(in.groups, group{at, frames})
		in.size += len(frames)
		in.mu.Unlock()
		in.change.Broadcast()
	}
}

// limit sets the time by which bytes have to come, but not after the end, when the reader is to be woken.
func (in *inbox) limit(set func(time.Time) error, t time.Time) (ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	return !in.ended && set(t) == nil
}

func (in *inbox) end() {
	in.mu.Lock()
	in.ended = true
	in.mu.Unlock()
	in.change.Broadcast()
}

// take waits for groups and gives all there are; none once the stream has ended.
func (in *inbox) take() []group {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.groups) == 0 && !in.ended {
		in.change.Wait()
	}
	groups := in.groups
	in.groups, in.size = nil, 0
	in.change.Broadcast()
	return groups
}

// storeAll stores groups, those that follow one another at once, and gives the answers.
func (k *Keeper) storeAll(v *visit, groups []group) (answers []byte) {
	for len(groups) > 0 {
		n, size := 1, len(groups[0].frames)
		for n < len(groups) && groups[n-1].leadsTo(groups[n].at) && size+len(groups[n].frames) <= maxInbox {
			size += len(groups[n].frames)
			n++
		}
		run := groups[:n]
		groups = groups[n:]
		if n > 1 {
			if end, err := k.store(v, run[0].at, join(run, size)); err == nil {
				for _, g := range run[1:] {
					answers = appendReply(answers, g.at, nil)
				}
				answers = appendReply(answers, end, nil)
				continue
			}
		}
		// One by one, if only to tell which is refused.
		for _, g := range run {
			end, err := k.store(v, g.at, g.frames)
			if err != nil {
				answers = appendReply(answers, end, k.problem(v.owner, err))
				continue
			}
			answers = appendReply(answers, end, nil)
		}
	}
	return answers
}

// leadsTo tells whether the bytes of a group at a place follow this one's.
func (g *group) leadsTo(at journal.Cursor) bool {
	return at.Segment == g.at.Segment && at.Offset == g.at.Offset+int64(len(g.frames))
}

func join(run []group, size int) []byte {
	all := make([]byte, 0, size)
	for _, g := range run {
		all = append(all, g.frames...)
	}
	return all
}
