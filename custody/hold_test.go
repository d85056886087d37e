package custody

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/peer"
	"github.com/sijil-health/sijil/verify"
)

func TestHoldBringsExactBytes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 4)
	o := c.nodes[0].own(3, journal.Options{})
	o.start(Sources{})
	for i := range 20 {
		if ack := o.write(1 + i%3); ack.Copies != 2 {
			t.Fatalf("write %d: %d copies, want 2", i, ack.Copies)
		}
	}
	want, err := o.journal.Frames(journal.Cursor{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for place := range 2 {
		s, err := o.custodian(0, place).keeper.shelf(o.self.Org)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := s.mirror.last().Copy(0, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want.Frames) {
			t.Errorf("custodian %d holds other bytes than the owner", place)
		}
	}
	if n := o.custodian(0, 2).heldOf(o.self.Org); n != 0 {
		t.Errorf("a member that is no custodian of the segment holds %d bytes", n)
	}
}

func TestHoldInOrderUnderLoad(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	o := c.nodes[0].own(2, journal.Options{SegmentSize: 64 << 10})
	o.start(Sources{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range 64 {
		wg.Go(func() {
			for range 20 {
				mu.Lock()
				r := record(&o.tags, 1)
				mu.Unlock()
				if ack, err := o.append(r); err != nil || ack.Copies != 1 {
					t.Errorf("copies %d, %v", ack.Copies, err)
				}
			}
		})
	}
	wg.Wait()
	for _, m := range c.nodes[1:] {
		s, err := m.keeper.shelf(o.self.Org)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[uint32]int{}
		for _, r := range s.mirror.Held() {
			seen[r.Start.Segment]++
		}
		for segment, pieces := range seen {
			if pieces != 1 {
				t.Errorf("segment %d is held in %d pieces", segment, pieces)
			}
		}
	}
}

func TestLoneNodeAsksNobody(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	o := c.nodes[0].own(1, journal.Options{})
	o.start(Sources{})
	if ack := o.write(1); ack.Copies != 0 {
		t.Errorf("%d copies", ack.Copies)
	}
	o = newCluster(t, 1).nodes[0].own(2, journal.Options{})
	if ack := o.write(1); ack.Copies != 0 {
		t.Errorf("%d copies where there is nobody", ack.Copies)
	}
}

// blackhole is an address that accepts connections and never answers.
func blackhole(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestSilentCustodianIsReplacedOnceAndToppedUpLater(t *testing.T) {
	t.Parallel()
	for name, silence := range map[string]func(m *member){
		"blackhole": func(m *member) { moved := m.self; moved.Peer = blackhole(t); m.c.set(moved) },
		"dead":      func(m *member) { moved := m.self; moved.Peer = "127.0.0.1:1"; m.c.set(moved) },
		"slow": func(m *member) {
			m.intercept(func(http.ResponseWriter, *http.Request) bool { time.Sleep(2 * time.Second); return false })
		},
		"wrong node": func(m *member) { moved := m.self; moved.Peer = m.c.nodes[0].self.Peer; m.c.set(moved) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 4)
			c.patience = time.Second
			o := c.nodes[0].own(2, journal.Options{})
			first, second := o.custodian(0, 0), o.custodian(0, 1)
			silence(first)
			o.start(Sources{})
			for range 10 {
				if ack := o.write(1); ack.Copies != 1 {
					t.Fatalf("%d copies, want the substitute's", ack.Copies)
				}
			}
			if second.heldOf(o.self.Org) == 0 {
				t.Error("the substitute holds nothing")
			}
			if !o.repl.courier(first.self.Org).onProbation() {
				t.Error("the silent custodian is not on probation")
			}
			c.set(first.self)
			first.before.Store(nil)
			eventually(t, "the custodian is topped up", func() bool {
				return first.heldOf(o.self.Org) == o.journal.End().Offset
			})
			eventually(t, "nothing is short any more", func() bool { return len(o.repl.Status().Short) == 0 })
			if ack := o.write(1); ack.Copies != 1 || first.heldOf(o.self.Org) != o.journal.End().Offset {
				t.Error("the custodian did not get its place back")
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.patience = time.Second
	o := c.nodes[0].own(2, journal.Options{})
	for _, m := range c.nodes[1:] {
		moved := m.self
		moved.Peer = blackhole(t)
		c.set(moved)
	}
	o.start(Sources{})
	if ack := o.write(1); ack.Copies != 0 {
		t.Fatalf("%d copies", ack.Copies)
	}
	if st := o.repl.Status(); len(st.Short) != 1 || st.Short[0].Copies != 0 {
		t.Errorf("status: %+v", st)
	}
	for _, m := range c.nodes[1:] {
		c.set(m.self)
	}
	eventually(t, "what was written alone is held after all", func() bool { return len(o.repl.Status().Short) == 0 })
}

func TestLateCustodianTakesAHistoryOfManySegments(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	o := c.nodes[0].own(2, journal.Options{SegmentSize: 16 << 10})
	for range 200 {
		o.write(1)
	}
	o.start(Sources{})
	c.join()
	c.join()
	eventually(t, "all segments are held", func() bool { return len(o.repl.Status().Short) == 0 })
	for _, m := range c.nodes[1:] {
		if _, err := m.keeper.Scrub(context.Background(), func(int64) {}, func(string) {}); err != nil {
			t.Error(err)
		}
	}
}

func TestLostDiskOfACustodianIsFilledAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	o.start(Sources{})
	for range 10 {
		o.write(1)
	}
	m := c.nodes[1]
	m.stop()
	m.dir = t.TempDir()
	m.start(m.self.Peer)
	// The next group finds the gap by itself: the custodian lists what it holds once it was unreachable or a while has passed.
	o.repl.courier(m.self.Org).suspend("test: restarted")
	eventually(t, "the copy is complete again", func() bool { return m.heldOf(o.self.Org) == o.journal.End().Offset })
}

func TestRestartedKeeperHoldsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	m := c.nodes[1]
	o.start(Sources{})
	// The group is stored and the answer to it is lost, as when the process is killed between the two.
	m.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != pathStream {
			return false
		}
		m.keeper.ServeHTTP(mute{w}, r)
		return true
	})
	if ack := o.write(1); ack.Copies != 0 {
		t.Fatalf("%d copies although no answer came", ack.Copies)
	}
	m.before.Store(nil)
	m.restart()
	eventually(t, "the group is known to be held", func() bool { return len(o.repl.Status().Short) == 0 })
	if got := m.alarms(t, o.self.Org); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
	eventually(t, "groups are held again", func() bool { return o.write(1).Copies == 1 })
}

// mute is a response that breaks off where the first answer would be.
type mute struct{ http.ResponseWriter }

func (mute) Write([]byte) (int, error) { panic(http.ErrAbortHandler) }

func (m mute) Unwrap() http.ResponseWriter { return m.ResponseWriter }

func TestRevokedMembersStreamStops(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	o := c.nodes[0].own(3, journal.Options{})
	o.start(Sources{})
	if ack := o.write(1); ack.Copies != 2 {
		t.Fatalf("%d copies", ack.Copies)
	}
	// A custodian leaves: it gets nothing more, on the open stream neither.
	left, kept := c.nodes[1], c.nodes[2]
	c.drop(left.self.Org)
	before := left.heldOf(o.self.Org)
	if ack := o.write(1); ack.Copies != 1 || left.heldOf(o.self.Org) != before {
		t.Errorf("%d copies, and the member that left holds %d bytes more", ack.Copies, left.heldOf(o.self.Org)-before)
	}
	// The owner is revoked and does not know it yet.
	lagging := peer.Members(func() func() []verify.Member {
		all := c.members()
		return func() []verify.Member { return all }
	}())
	o.view.Store(&lagging)
	c.drop(o.self.Org)
	before = kept.heldOf(o.self.Org)
	if ack := o.write(1); ack.Copies != 0 || kept.heldOf(o.self.Org) != before {
		t.Errorf("%d copies of a revoked member's group", ack.Copies)
	}
}

// TestFaultEndsTheStream has a custodian answer with a fault of its own for as long as a stream lasts: the next group goes on another one.
func TestFaultEndsTheStream(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	o := c.nodes[0].own(2, journal.Options{})
	var streams atomic.Int32
	c.nodes[1].intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != pathStream || streams.Add(1) > 1 {
			return false
		}
		w.WriteHeader(http.StatusOK)
		for answers, b := http.NewResponseController(w), bufio.NewReader(r.Body); answers.Flush() == nil; {
			at, _, err := readMessage(b)
			if err != nil {
				break
			}
			_, _ = w.Write(appendReply(nil, at, refuse(http.StatusInternalServerError, codeFault, "test", 0)))
		}
		return true
	})
	o.start(Sources{})
	if n := o.write(1).Copies; n != 0 {
		t.Fatalf("%d copies at a custodian that failed", n)
	}
	eventually(t, "groups are held on another stream", func() bool { return o.write(1).Copies == 1 })
}
