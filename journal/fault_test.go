package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
)

// TestEveryOperationFails lets each single change of the disk fail in turn, once, with the errors of a full and of a broken disk. What
// was acknowledged is there afterwards, what comes later is refused.
func TestEveryOperationFails(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
		for at := range 400 {
			d := newMemDisk()
			failed := ""
			n := 0
			d.fail = func(op, name string) error {
				if n++; n == at+1 {
					failed = op + " " + name
					return cause
				}
				return nil
			}
			acked, err := workUntilFailure(t, d)
			if failed == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err != nil && !errors.Is(err, cause) {
				t.Fatalf("%s failed with %v, reported as %v", failed, cause, err)
			}
			d.fail = nil
			j, err := Open("j", Options{disk: d, SegmentSize: 1500})
			if err != nil {
				t.Fatalf("after %s failed: %v", failed, err)
			}
			var found []uint64
			if err := scan(d, "j", Cursor{}, func(l Located) error {
				found = append(found, uint64(l.Record.Time))
				return nil
			}); err != nil {
				t.Fatalf("after %s failed: %v", failed, err)
			}
			if len(found) < acked || len(found) > acked+1 {
				t.Fatalf("after %s failed: %d records, %d acknowledged", failed, len(found), acked)
			}
			if len(found) > 0 {
				same(t, "records", found, count(len(found)))
			}
			put(t, j, sample(99, 1, 9))
			j.Close()
		}
	}
	t.Fatal("the work never finished")
}

// workUntilFailure opens, appends and closes; it gives the number of records acknowledged and the first error.
func workUntilFailure(t *testing.T, d *memDisk) (acked int, err error) {
	j, err := Open("j", Options{disk: d, SegmentSize: 1500})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	for i := range 12 {
		p, err := j.Append(sample(uint64(i), 1, 200))
		if err != nil {
			return acked, err
		}
		if _, err := p.Wait(context.Background()); err != nil {
			if !errors.Is(err, ErrFailed) {
				t.Fatalf("not marked as failure: %v", err)
			}
			for range 2 {
				if _, err := j.Append(sample(50, 1, 1)); !errors.Is(err, ErrFailed) {
					t.Fatalf("accepted after a failure: %v", err)
				}
			}
			if _, err := j.Read(Cursor{}); acked > 0 && err != nil {
				t.Fatalf("reading stopped with writing: %v", err)
			}
			return acked, err
		}
		acked++
	}
	return acked, nil
}

// TestFailureReachesEveryWaiter fails an fsync under concurrent appenders, some of them blocked for room.
func TestFailureReachesEveryWaiter(t *testing.T) {
	d := newMemDisk()
	j, err := Open("j", Options{disk: d})
	if err != nil {
		t.Fatal(err)
	}
	put(t, j, sample(0, 1, 10))
	d.mu.Lock()
	d.fail = func(op, _ string) error {
		if op == "sync" {
			return syscall.EIO
		}
		return nil
	}
	d.mu.Unlock()
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			p, err := j.Append(sample(uint64(i), 1, 3<<20))
			if err == nil {
				_, err = p.Wait(context.Background())
			}
			if !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EIO) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	same(t, "end", j.End().Entry, 1)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestHolderIsNeverBelievedAlone: copies elsewhere do not acknowledge what this node's disk refused.
func TestHolderIsNeverBelievedAlone(t *testing.T) {
	d := newMemDisk()
	j, err := Open("j", Options{disk: d, Hold: holderFunc(func(Group) int { return 3 })})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if ack := put(t, j, sample(0, 1, 10)); ack.Copies != 3 {
		t.Fatal(ack)
	}
	d.powerFailsAfter(1)
	p, err := j.Append(sample(1, 1, 10))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(context.Background()); !errors.Is(err, ErrFailed) {
		t.Fatal(err)
	}
}

// TestSlowHolderDelaysNobodyElse: a group is acknowledged when its own Hold has returned.
func TestSlowHolderDelaysNobodyElse(t *testing.T) {
	release := make(chan struct{})
	j := mustOpen(t, t.TempDir(), Options{Hold: holderFunc(func(g Group) int {
		if g.Start.Entry == 0 {
			<-release
			return 1
		}
		return 2
	})})
	first, err := j.Append(sample(0, 1, 10))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Follow(context.Background(), Cursor{}, func([]Located) error { return errStop }); !errors.Is(err, errStop) {
		t.Fatal(err) // it is durable here already
	}
	if ack := put(t, j, sample(1, 1, 10)); ack.Copies != 2 {
		t.Fatal(ack)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errStop)
	if _, err := first.Wait(ctx); !errors.Is(err, errStop) {
		t.Fatalf("acknowledged before the custodians answered: %v", err)
	}
	close(release)
	if ack, err := first.Wait(context.Background()); err != nil || ack.Copies != 1 {
		t.Fatal(ack, err)
	}
}

type holderFunc func(Group) int

func (f holderFunc) Hold(_ context.Context, g Group) int { return f(g) }

// TestMirrorOperationFails does for the mirror what TestEveryOperationFails does for the journal.
func TestMirrorOperationFails(t *testing.T) {
	groups := groupsOf(t, 12, 1500)
	for at := range 200 {
		d := newMemDisk()
		failed := ""
		n := 0
		d.fail = func(op, name string) error {
			if n++; n == at+1 {
				failed = op + " " + name
				return syscall.ENOSPC
			}
			return nil
		}
		acked := -1
		m, err := openMirror(d, "m")
		if err == nil {
			for i, g := range groups {
				if _, err := m.Append(g.Start, g.Frames); err != nil {
					if !errors.Is(err, syscall.ENOSPC) {
						t.Fatal(err)
					}
					break
				}
				acked = i
			}
			_ = m.Close()
		}
		if failed == "" {
			return
		}
		d.fail = nil
		if m, err = openMirror(d, "m"); err != nil {
			t.Fatalf("after %s failed: %v", failed, err)
		}
		for i, g := range groups {
			if i <= acked {
				if _, err := m.Read(recordPlace(g)); err != nil {
					t.Fatalf("after %s failed: group %d: %v", failed, i, err)
				}
			}
			if _, err := m.Append(g.Start, g.Frames); err != nil {
				t.Fatalf("after %s failed: %v", failed, err)
			}
		}
		same(t, "held", fmt.Sprint(m.Held()), fmt.Sprint(wholeSegments(groups)))
	}
	t.Fatal("the work never finished")
}
