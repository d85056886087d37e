package child

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/ledger"
)

// linked gives both ends of a connection; the second serves.
func linked(t *testing.T, serve handler) *link {
	t.Helper()
	a, b := net.Pipe()
	asks, serves := newLink(t.Context(), a, serve), newLink(t.Context(), b, serve)
	for _, l := range []*link{asks, serves} {
		ended := make(chan struct{})
		go func() { defer close(ended); _ = l.run() }() // it ends with the test
		t.Cleanup(func() { l.cancel(); <-ended })
	}
	return asks
}

// TestCallsBeyondTheSlots: streams hold every slot, and more calls come. Those are refused; the streams, whose credit stands behind the calls, go
// on, and a slot that is free again serves.
func TestCallsBeyondTheSlots(t *testing.T) {
	const items = 4 * window
	l := linked(t, func(ctx context.Context, m method, _ *args, emit func(any) error) (any, error) {
		for i := 0; m == callFollow && i < items; i++ {
			if err := emit(i); err != nil {
				return nil, err
			}
		}
		return 1, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a link that is stuck fails the test, no more
	defer cancel()
	started, resume, ended := make(chan struct{}, maxServed), make(chan struct{}), make(chan error, maxServed)
	for range maxServed {
		go func() {
			n := 0
			_, err := l.call(ctx, callFollow, &args{}, func(cbor.RawMessage) error {
				if n++; n == 1 {
					started <- struct{}{}
					<-resume
				}
				return nil
			})
			if err == nil && n != items {
				err = errors.New("items are missing")
			}
			ended <- err
		}()
	}
	for range maxServed {
		<-started
	}
	refused := make(chan error, 2*maxServed)
	for range cap(refused) {
		go func() {
			_, err := ask[int](ctx, l, callHead, &args{})
			refused <- err
		}()
	}
	for range cap(refused) {
		if err := <-refused; !errors.Is(err, ledger.ErrFull) {
			t.Fatalf("a call beyond the slots: %v", err)
		}
	}
	close(resume)
	for range maxServed {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	if n, err := ask[int](ctx, l, callHead, &args{}); n != 1 || err != nil {
		t.Errorf("when the slots are free again: %d, %v", n, err)
	}
}

// TestWhatCannotBeSent is told to whom it is for, and the connection lives.
func TestWhatCannotBeSent(t *testing.T) {
	l := linked(t, func(_ context.Context, m method, _ *args, _ func(any) error) (any, error) {
		switch m {
		case callProof:
			return make([]byte, maxFrame+1), nil
		case callAnchor:
			return func() {}, nil
		}
		return 1, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // see above
	defer cancel()
	for _, m := range []method{callProof, callAnchor} {
		if _, err := l.call(ctx, m, &args{}, nil); err == nil || ctx.Err() != nil {
			t.Errorf("call %d: %v", m, err)
		}
	}
	if _, err := l.call(ctx, callSubmit, &args{Tx: make([]byte, maxFrame)}, nil); err == nil || errors.Is(err, ledger.ErrDown) {
		t.Errorf("a call that is too large: %v", err)
	}
	if n, err := ask[int](ctx, l, callHead, &args{}); n != 1 || err != nil {
		t.Errorf("after them: %d, %v", n, err)
	}
}
