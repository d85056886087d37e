package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/ledger"
)

const (
	// window is how many items of a call may be underway that its caller has not taken.
	window = 64
	// maxServed bounds the calls being served at once. More are refused, and not left waiting: behind them come the credit and the cancels
	// that end those being served.
	maxServed = 256
	// maxRefused bounds the refusals that wait to be sent.
	maxRefused = 1 << 16
)

// handler answers a call of the other side. A call with many results gives each to emit.
type handler func(ctx context.Context, m method, a *args, emit func(any) error) (any, error)

// link is one side of a connection. Both sides call and serve.
type link struct {
	conn  io.ReadWriteCloser
	serve handler
	slots chan struct{}

	writing sync.Mutex

	mu     sync.Mutex
	last   uint64
	calls  map[uint64]*call
	served map[uint64]*served
	broken error // set once the connection is lost

	refused  []uint64 // calls whose refusal waits to be sent
	refusing bool     // refuse runs

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

// call is one of ours that awaits its reply. items has room for a whole window, so that reading never waits for it.
type call struct {
	items chan cbor.RawMessage
	reply chan *frame
}

// served is a call of the other side that is being answered.
type served struct {
	cancel context.CancelFunc
	credit chan uint32
}

func newLink(ctx context.Context, conn io.ReadWriteCloser, serve handler) *link {
	l := &link{
		conn: conn, serve: serve, slots: make(chan struct{}, maxServed),
		calls: map[uint64]*call{}, served: map[uint64]*served{},
	}
	l.ctx, l.cancel = context.WithCancel(ctx)
	return l
}

// run reads frames until the connection is lost, then ends all calls of either side. It returns why.
func (l *link) run() error {
	stop := context.AfterFunc(l.ctx, func() { _ = l.conn.Close() })
	defer stop()
	var err error
	for err == nil {
		var f *frame
		if f, err = readFrame(l.conn); err == nil {
			err = l.take(f)
		}
	}
	l.mu.Lock()
	l.broken = fmt.Errorf("%w: %w", ledger.ErrDown, err)
	for _, c := range l.calls {
		close(c.reply)
	}
	l.calls = nil
	l.mu.Unlock()
	l.cancel()
	_ = l.conn.Close()
	l.tasks.Wait()
	return err
}

func (l *link) take(f *frame) error {
	switch f.Kind {
	case kindCall:
		return l.answer(f)
	case kindReply, kindItem:
		return l.deliver(f)
	case kindCredit, kindCancel:
		l.mu.Lock()
		s := l.served[f.ID]
		l.mu.Unlock()
		if s == nil {
			return nil // ended meanwhile
		}
		if f.Kind == kindCancel {
			s.cancel()
			return nil
		}
		select {
		case s.credit <- f.Credit:
			return nil
		default:
			return errors.New("child: more credit than items")
		}
	}
	return fmt.Errorf("child: frame of kind %d", f.Kind)
}

func (l *link) deliver(f *frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.calls[f.ID]
	if c == nil {
		return nil // given up meanwhile
	}
	if f.Kind == kindReply {
		delete(l.calls, f.ID)
		c.reply <- f // has room for one
		return nil
	}
	select {
	case c.items <- f.Body:
		return nil
	default:
		return errors.New("child: more items than credit")
	}
}

func (l *link) send(f *frame) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return writeFrame(l.conn, f)
}

// answer serves a call in the background.
func (l *link) answer(f *frame) error {
	a := new(args)
	if err := decMode.Unmarshal(f.Body, a); err != nil {
		return fmt.Errorf("child: decode: %w", err)
	}
	select {
	case l.slots <- struct{}{}:
	default:
		return l.refuse(f.ID)
	}
	ctx, cancel := context.WithCancel(l.ctx)
	s := &served{cancel: cancel, credit: make(chan uint32, window)}
	l.mu.Lock()
	l.served[f.ID] = s
	l.mu.Unlock()
	l.tasks.Add(1)
	go func() {
		defer l.tasks.Done()
		defer func() { <-l.slots }()
		defer cancel()
		res, err := l.serve(ctx, f.Method, a, l.emitter(ctx, f.ID, s))
		l.mu.Lock()
		delete(l.served, f.ID)
		l.mu.Unlock()
		reply := &frame{ID: f.ID, Kind: kindReply}
		if err == nil {
			reply.Body, err = encMode.Marshal(res)
		}
		if err != nil {
			reply.Err = toWire(err)
		}
		l.reply(reply)
	}()
	return nil
}

// reply ends a call of the other side. What cannot be sent is replaced by the error that says so: the caller waits for it.
func (l *link) reply(f *frame) {
	if err := l.send(f); errors.Is(err, errFrame) {
		_ = l.send(&frame{ID: f.ID, Kind: kindReply, Err: toWire(err)}) // a lost connection is run's to notice
	}
}

// refuse ends a call for which there is no slot. The reader must not wait for the writing, which waits for the other side's reader.
func (l *link) refuse(id uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.refused) >= maxRefused {
		return errors.New("child: more calls than can be refused")
	}
	l.refused = append(l.refused, id)
	if l.refusing {
		return nil
	}
	l.refusing = true
	l.tasks.Go(func() {
		for {
			l.mu.Lock()
			ids := l.refused
			l.refused, l.refusing = nil, len(ids) > 0
			l.mu.Unlock()
			if len(ids) == 0 {
				return
			}
			for _, id := range ids {
				l.reply(&frame{ID: id, Kind: kindReply, Err: toWire(ledger.ErrFull)})
			}
		}
	})
	return nil
}

// emitter sends items, never more than window ahead of the caller.
func (l *link) emitter(ctx context.Context, id uint64, s *served) func(any) error {
	room := uint32(window)
	return func(v any) error {
		for room == 0 {
			select {
			case n := <-s.credit:
				room += n
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		room--
		body, err := encMode.Marshal(v)
		if err != nil {
			return fmt.Errorf("child: encode: %w", err)
		}
		return l.send(&frame{ID: id, Kind: kindItem, Body: body})
	}
}
