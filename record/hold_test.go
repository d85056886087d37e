package record_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// held is a journal whose groups so many custodians hold.
type held int

func (h held) Hold(context.Context, journal.Group) int { return int(h) }

// Whoever writes under a key waits until custodians have it, whether or not it made the key; and a key, or a large ciphertext, that fewer
// have than the entry is what counts.
func TestNothingIsAcknowledgedBeforeItsKeys(t *testing.T) {
	s := newSite(t)
	arrived, asked := make(chan int), make(chan uint64, 16)
	s.hold = held(2)
	s.holdKeys = func(edition uint64) func(context.Context) int {
		asked <- edition
		return func(context.Context) int { return <-arrived }
	}
	s.close()
	s.open()
	defer s.close()
	ctx := context.Background()
	type answer struct {
		copies int
		err    error
	}
	answers := make(chan answer)
	write := func(id string) {
		done, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, id, "Patient/1", id)})
		if err != nil {
			answers <- answer{err: err}
			return
		}
		answers <- answer{copies: done.Copies}
	}
	go write("a") // makes the keys
	if <-asked == 0 {
		t.Error("keys of no edition")
	}
	go write("b") // finds them made
	if <-asked == 0 {
		t.Error("keys of no edition")
	}
	select {
	case a := <-answers:
		t.Fatalf("acknowledged (%+v) before custodians have the keys", a)
	case arrived <- 2:
	}
	if a := <-answers; a.err != nil || a.copies != 2 {
		t.Errorf("%+v, want 2 copies", a)
	}
	if short := s.short.Load(); short != 0 {
		t.Errorf("entries with 2 copies are said to be local only: %x", short)
	}
	arrived <- 0
	if a := <-answers; a.err != nil || a.copies != 0 {
		t.Errorf("%+v, want 0 copies: nobody has the keys", a)
	}
	if short := s.short.Load(); short>>32 != s.log.End().Entry || short<<32>>32 != s.log.End().Entry-1 {
		t.Errorf("an entry that nobody else can open was acknowledged, and the anchor is not told: %x", short)
	}

	s.holdBlob = func(context.Context, verify.Hash, []byte) int { return 1 }
	go write("c")
	<-asked
	arrived <- 2
	if a := <-answers; a.err != nil || a.copies != 2 {
		t.Errorf("%+v, want 2 copies", a)
	}
	go func() {
		c := change(record.OpCreate, "large", "Patient/1", "large")
		c.Source = append(make([]byte, 0, 200<<10), `{"text":"`...)
		for len(c.Source) < 200<<10 {
			c.Source = append(c.Source, 'x')
		}
		c.Source = append(c.Source, `"}`...)
		done, err := s.store.Write(ctx, clinician, []record.Change{c})
		if err != nil {
			answers <- answer{err: err}
			return
		}
		answers <- answer{copies: done.Copies}
	}()
	<-asked
	arrived <- 2
	if a := <-answers; a.err != nil || a.copies != 1 {
		t.Errorf("%+v, want the 1 copy of the large ciphertext", a)
	}
}

// TestNobodyWaitsForOthersCustodians has a large ciphertext that custodians keep waiting: whoever writes something else, or reads, does not, and
// it is not acknowledged before they answer.
func TestNobodyWaitsForOthersCustodians(t *testing.T) {
	s := newSite(t)
	s.hold = held(2)
	s.close()
	s.open()
	defer s.close()
	asked, answer := make(chan struct{}), make(chan int)
	s.holdBlob = func(context.Context, verify.Hash, []byte) int {
		asked <- struct{}{}
		return <-answer
	}
	acked := make(chan int, 1)
	go func() {
		done, err := s.store.Write(t.Context(), clinician, []record.Change{
			change(record.OpCreate, "large", "Patient/1", strings.Repeat("x", 200<<10)),
			change(record.OpCreate, "larger", "Patient/1", strings.Repeat("x", 300<<10)),
		})
		if err != nil {
			t.Error(err)
			acked <- -1
			return
		}
		acked <- done.Copies
	}()
	<-asked
	for i := range 1000 { // as many as would meet by chance in any small number of shared locks
		if _, err := s.store.Write(t.Context(), clinician, []record.Change{change(record.OpCreate, fmt.Sprint("o", i), "Patient/2", "small")}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case n := <-acked:
		t.Errorf("acknowledged, with %d copies, before custodians answered", n)
	case answer <- 2:
	}
	<-asked
	answer <- 1
	if n := <-acked; n != 1 {
		t.Errorf("%d copies, want the 1 of the larger", n)
	}
}

// silent is a custodian that does not answer before it is told to.
type silent chan struct{}

func (s silent) Hold(context.Context, journal.Group) int {
	<-s
	return 0
}

// TestWhoGivesUpWaitingIsLetGo fills the journal with writes that custodians do not answer: those who wait for room in it, with their charts
// locked, can give up, and neither they nor those who come after leave a hole in a chart.
func TestWhoGivesUpWaitingIsLetGo(t *testing.T) {
	s := newSite(t)
	answer := make(silent)
	s.hold = answer
	s.close()
	s.open()
	defer s.close()
	ctx, cancel := context.WithCancel(t.Context())
	body := strings.Repeat("x", 60<<10)
	var all sync.WaitGroup
	for i := range 400 { // 24 MB; 16 MiB have room
		all.Go(func() {
			_, err := s.store.Write(ctx, clinician, []record.Change{change(record.OpCreate, fmt.Sprint("o", i), fmt.Sprint("Patient/", i%3), body)})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("given up: %v", err)
			}
		})
	}
	for s.log.End().Offset < 16<<20-64<<10 { // these are on the disk; nobody else gets in
		time.Sleep(time.Millisecond)
	}
	cancel()
	all.Wait()
	close(answer)
	for chart := range 3 {
		if _, err := s.store.Write(t.Context(), clinician, []record.Change{change(record.OpCreate, fmt.Sprint("p", chart), fmt.Sprint("Patient/", chart), "after")}); err != nil {
			t.Error(err)
		}
	}
	s.entries() // are dense
}

// TestReadOfAnOldVersionCanBeGivenUp while it waits for the index.
func TestReadOfAnOldVersionCanBeGivenUp(t *testing.T) {
	s := newSite(t)
	defer s.close()
	s.store.Unfollow()
	op := record.OpCreate
	for _, body := range []string{"one", "two"} {
		_, err := s.store.Write(t.Context(), clinician, []record.Change{change(op, "a", "Patient/1", body)})
		s.ok(err)
		op = record.OpUpdate
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.store.Read(ctx, clinician, "Observation", "a", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
