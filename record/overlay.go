package record

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/term"
)

// overlay holds what was written and is not in the index yet, and knows how far the index is. A write is visible through it from
// the moment it has its place in the journal: whoever reads it appends a later entry, which cannot become durable before it.
type overlay struct {
	mu      sync.Mutex
	writes  map[string]*written // by "Type/id", the newest
	entries map[uint64]*written // by journal number of the entry
	looks   map[uint64]struct{} // entries, by their number, that change nothing: the index need not open them to see that
	bytes   int                 // that entries take in memory
	at      uint64              // the index has taken in all entries below
	last    uint64              // all entries from this one on are accesses: they change nothing that is found
	grown   chan struct{}       // closed and replaced whenever `at` grows
	waiting int                 // who waits for that
	due     chan struct{}       // has one when there is a reason not to rest any longer
	failed  error               // why the index never goes on
	stalled error               // why it does not go on at the moment
}

// written is a version on its way into the index.
type written struct {
	typ, id string
	version index.Version
	request [16]byte // that wrote it
	blob    []byte   // nil when it is a blob of its own
	terms   []term.Term
	rules   uint64 // by which they were made
}

// size is what the version takes in memory, about.
func (w *written) size() int {
	n := 512 + len(w.blob)
	for i := range w.terms {
		n += w.terms[i].Size()
	}
	return n
}

// What is on its way is bounded in number and in bytes: beyond, writes wait for the index. Those that are under way by then still come in.
const (
	maxOverlay      = 20_000
	maxOverlayBytes = 64 << 20
)

func newOverlay() *overlay {
	return &overlay{writes: make(map[string]*written), entries: make(map[uint64]*written), looks: make(map[uint64]struct{}), grown: make(chan struct{}), due: make(chan struct{}, 1)}
}

func (o *overlay) get(typ, id string) *written {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.writes[typ+"/"+id]
}

func (o *overlay) entry(n uint64) *written {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.entries[n]
}

// look says that n entries from a number on are accesses.
func (o *overlay) look(first uint64, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range uint64(n) {
		if first+i >= o.at && len(o.looks) < maxOverlay { // what is not noted here is opened
			o.looks[first+i] = struct{}{}
		}
	}
	o.full()
}

// isLook tells whether an entry is known to change nothing.
func (o *overlay) isLook(n uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ok := o.looks[n]
	return ok
}

func (o *overlay) add(first uint64, ws []*written) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, w := range ws {
		if w == nil {
			continue
		}
		w.version.Entry = first + uint64(i)
		o.last = max(o.last, w.version.Entry+1)
		if w.version.Entry < o.at {
			continue // the index was faster
		}
		o.writes[w.typ+"/"+w.id] = w
		o.entries[w.version.Entry] = w
		o.bytes += w.size()
	}
	o.full()
}

// applied says that the index has taken in all entries below n.
func (o *overlay) applied(n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for entry := o.at; entry < n && len(o.entries)+len(o.looks) > 0; entry++ {
		delete(o.looks, entry)
		w := o.entries[entry]
		if w == nil {
			continue
		}
		delete(o.entries, entry)
		o.bytes -= w.size()
		if ref := w.typ + "/" + w.id; o.writes[ref] == w {
			delete(o.writes, ref)
		}
	}
	o.at = n
	o.wake()
}

func (o *overlay) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = err
	o.wake()
}

// stall says that the index does not go on at the moment, and why; with nil, that it does again.
func (o *overlay) stall(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stalled = err
	o.wake()
}

// wake rouses those who wait. The caller holds mu.
func (o *overlay) wake() {
	close(o.grown)
	o.grown = make(chan struct{})
}

func (o *overlay) position() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.at
}

// wait returns once the index has taken in all entries below n.
func (o *overlay) wait(ctx context.Context, n uint64) error {
	return o.until(ctx, func() bool { return o.at >= n })
}

// settle returns once everything is found that was written before the call. It does not wait for the entries of accesses, of which each search
// leaves some.
func (o *overlay) settle(ctx context.Context) error {
	o.mu.Lock()
	last := o.last
	o.mu.Unlock()
	return o.until(ctx, func() bool { return o.failed == nil && o.at >= last })
}

// room returns once there is room for more writes. Where the index never goes on there is none: what is written would never be found.
func (o *overlay) room(ctx context.Context) error {
	return o.until(ctx, func() bool { return o.failed == nil && len(o.entries) < maxOverlay && o.bytes < maxOverlayBytes })
}

func (o *overlay) until(ctx context.Context, holds func() bool) error {
	for {
		o.mu.Lock()
		ok, err, grown := holds(), cmp.Or(o.failed, o.stalled), o.grown
		if ok || err != nil {
			o.mu.Unlock()
			if ok {
				return nil
			}
			return err
		}
		o.waiting++
		o.hurry()
		o.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		o.mu.Lock()
		o.waiting--
		o.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// The index rests after what it has taken in, so that the next batch is larger: values that resources share then come onto their lists once for
// many. It rests no longer than maxRest, nor while somebody waits for it or more than enough is on its way.
const (
	maxRest     = 100 * time.Millisecond
	enough      = 256     // entries
	enoughBytes = 8 << 20 // of their versions
)

// rest returns when the index is to go on; ends tells behind which entry the journal ends at the moment.
func (o *overlay) rest(ctx context.Context, ends uint64) {
	o.mu.Lock()
	select {
	case <-o.due: // of before
	default:
	}
	busy := o.waiting > 0 || ends >= o.at+enough
	o.full()
	o.mu.Unlock()
	if busy {
		return
	}
	over := time.NewTimer(maxRest)
	defer over.Stop()
	select {
	case <-o.due:
	case <-over.C:
	case <-ctx.Done():
	}
}

// full ends the rest when enough is on its way. The caller holds mu.
func (o *overlay) full() {
	if len(o.entries)+len(o.looks) >= enough || o.bytes >= enoughBytes {
		o.hurry()
	}
}

// hurry ends the rest. The caller holds mu.
func (o *overlay) hurry() {
	select {
	case o.due <- struct{}{}:
	default:
	}
}
