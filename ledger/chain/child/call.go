package child

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/ledger"
)

// ask makes a call with one result.
func ask[T any](ctx context.Context, l *link, m method, a *args) (T, error) {
	var v T
	body, err := l.call(ctx, m, a, nil)
	if err != nil {
		return v, err
	}
	if err := decMode.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("child: decode: %w", err)
	}
	return v, nil
}

// call makes a call and waits for its reply, giving each item to take.
func (l *link) call(ctx context.Context, m method, a *args, take func(cbor.RawMessage) error) (cbor.RawMessage, error) {
	id, c, err := l.begin()
	if err != nil {
		return nil, err
	}
	defer l.forget(id)
	body, err := encMode.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("child: encode: %w", err)
	}
	if err := l.send(&frame{ID: id, Kind: kindCall, Method: m, Body: body}); errors.Is(err, errFrame) {
		return nil, err
	} else if err != nil {
		return nil, l.lost(err)
	}
	taken := uint32(0)
	for {
		select {
		case <-ctx.Done():
			_ = l.send(&frame{ID: id, Kind: kindCancel}) // where it is lost, so is the call
			return nil, ctx.Err()
		case item := <-c.items:
			if err := take(item); err != nil {
				_ = l.send(&frame{ID: id, Kind: kindCancel})
				return nil, err
			}
			if taken++; taken >= window/4 {
				if err := l.send(&frame{ID: id, Kind: kindCredit, Credit: taken}); err != nil {
					return nil, l.lost(err)
				}
				taken = 0
			}
		case f, ok := <-c.reply:
			if !ok {
				return nil, l.lost(io.ErrUnexpectedEOF)
			}
			for len(c.items) > 0 { // they came before the reply
				if err := take(<-c.items); err != nil {
					return nil, err
				}
			}
			if f.Err != nil {
				return nil, f.Err.err()
			}
			return f.Body, nil
		}
	}
}

func (l *link) begin() (uint64, *call, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return 0, nil, l.broken
	}
	l.last++
	c := &call{items: make(chan cbor.RawMessage, window), reply: make(chan *frame, 1)}
	l.calls[l.last] = c
	return l.last, c, nil
}

func (l *link) forget(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.calls, id)
}

// lost gives the reason why the connection is gone, in terms of ledger.ErrDown.
func (l *link) lost(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	_ = l.conn.Close() // half a frame may be on its way; run ends with this
	return fmt.Errorf("%w: %w", ledger.ErrDown, err)
}
