package journal

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// silent is a Holder that does not answer before it is told to.
type silent chan struct{}

func (s silent) Hold(context.Context, Group) int {
	<-s
	return 0
}

// TestAppendCanBeGivenUp: whoever waits for room, or for a turn behind one who does, can stop waiting. What was given up is not in the journal, and
// those who go on waiting get in.
func TestAppendCanBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(silent)
		j := mustOpen(t, t.TempDir(), Options{Hold: answer})
		defer j.Close()
		ctx, cancel := context.WithCancel(t.Context())
		const patient = 3
		given, in := make(chan error, 1000), make(chan error, patient)
		for i := range uint64(40) { // 20 MiB
			go func() {
				_, err := j.AppendContext(ctx, sample(i, 8, 64<<10))
				given <- err
			}()
		}
		synctest.Wait()
		for i := range patient { // behind them all
			go func() {
				_, err := j.Append(sample(uint64(100+i), 1, 100))
				in <- err
			}()
		}
		synctest.Wait()
		if len(given) == 40 || len(in) > 0 {
			t.Fatalf("all got in: %d and %d", len(given), len(in))
		}
		cancel()
		synctest.Wait()
		entered := 0
		for range 40 {
			switch err := <-given; {
			case err == nil:
				entered++
			case !errors.Is(err, context.Canceled):
				t.Error(err)
			}
		}
		close(answer)
		for range patient {
			if err := <-in; err != nil {
				t.Error(err)
			}
		}
		if err := j.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := int(j.End().Entry); got != 8*entered+patient {
			t.Errorf("%d entries, want %d", got, 8*entered+patient)
		}
	})
}
