package job_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/vault"
)

var silent = slog.New(slog.DiscardHandler)

// work runs until it is let go, or cancelled.
type work struct {
	let     chan error
	running atomic.Bool
	removed atomic.Int32
	early   atomic.Bool // removed while it ran
}

func newWork() *work { return &work{let: make(chan error, 1)} }

func (w *work) Run(ctx context.Context) error {
	w.running.Store(true)
	defer w.running.Store(false)
	select {
	case err := <-w.let:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *work) Remove() error {
	w.early.Store(w.running.Load())
	w.removed.Add(1)
	return nil
}

func TestJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := job.Open[*work](job.Limits{Jobs: 3, Actor: 2, Workers: 1, Age: time.Hour}, silent)
		amal, badr := record.Access{Actor: "amal", Org: "o"}, record.Access{Actor: "badr", Org: "o"}
		a, b, c, d := newWork(), newWork(), newWork(), newWork()
		for id, w := range map[string]*work{"a": a, "b": b} {
			if err := j.Start(amal, id, w); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Start(amal, "c", c); !errors.Is(err, job.ErrBusy) {
			t.Errorf("more than one actor may have: %v", err)
		}
		if err := j.Start(badr, "c", c); err != nil {
			t.Error(err)
		}
		if err := j.Start(record.Access{Actor: "dina"}, "d", d); !errors.Is(err, job.ErrBusy) {
			t.Errorf("more than there may be: %v", err)
		}
		for _, other := range []record.Access{badr, {Actor: "amal", Org: "p"}, {Actor: "amal", Org: "o", Chart: "Patient/x"}} {
			if _, _, err := j.Find(other, "a"); !errors.Is(err, job.ErrUnknown) {
				t.Errorf("%+v sees another's job: %v", other, err)
			}
			if err := j.Drop(other, "a"); !errors.Is(err, job.ErrUnknown) {
				t.Errorf("%+v drops another's job: %v", other, err)
			}
		}
		synctest.Wait()
		if a.running.Load() == b.running.Load() || c.running.Load() {
			t.Error("not one at a time")
		}
		first, second := a, b
		if b.running.Load() {
			first, second = b, a
		}
		names := map[*work]string{a: "a", b: "b"}
		if err := j.Drop(amal, names[first]); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if first.removed.Load() != 1 || first.early.Load() {
			t.Error("a job that was dropped is not removed once, when it has stopped")
		}
		failed := errors.New("it failed")
		second.let <- failed
		c.let <- nil
		synctest.Wait()
		if _, s, err := j.Find(amal, names[second]); err != nil || !s.Done || !errors.Is(s.Failed, failed) {
			t.Errorf("%+v, %v", s, err)
		}
		if _, s, err := j.Find(badr, "c"); err != nil || !s.Done || s.Failed != nil || time.Until(s.Expires) != time.Hour {
			t.Errorf("%+v, %v", s, err)
		}
		time.Sleep(time.Hour + 2*time.Minute)
		if _, _, err := j.Find(badr, "c"); !errors.Is(err, job.ErrUnknown) || c.removed.Load() != 1 {
			t.Errorf("kept beyond its age: %v", err)
		}
		j.Restore(amal, "old", time.Now(), d, job.State{})
		synctest.Wait()
		if !d.running.Load() {
			t.Error("a job of an earlier process does not go on")
		}
		j.Close()
		if d.removed.Load() != 0 {
			t.Error("the end of the process removes what a job keeps")
		}
		if err := j.Start(amal, "late", newWork()); !errors.Is(err, job.ErrBusy) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestDroppingManyDoesNotWait fills the line behind a running job, empties it and fills it again.
func TestDroppingManyDoesNotWait(t *testing.T) {
	j := job.Open[*work](job.Limits{Jobs: 3, Actor: 3, Workers: 1, Age: time.Hour}, silent)
	defer j.Close()
	a := record.Access{Actor: "amal"}
	for range 10 {
		for _, id := range []string{"a", "b", "c"} {
			if err := j.Start(a, id, newWork()); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{"a", "b", "c"} {
			if err := j.Drop(a, id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	lasting := vault.NewStreamKey()
	f, err := job.LastingFiles(dir+"/x", lasting)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Begin("j"); err != nil {
		t.Fatal(err)
	}
	const secret = "Hassan al-Masri, 1980"
	w, err := f.Create("j", "content")
	if err == nil {
		_, err = io.WriteString(w, strings.Repeat(secret, 10_000))
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = f.Put("j", "state", []byte("one"))
	}
	if err == nil {
		err = f.Put("j", "state", []byte("two"))
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(f.Path("j", "content"))
	if err != nil || strings.Contains(string(raw), "Hassan") {
		t.Errorf("readable on the disk: %v", err)
	}
	again, err := job.LastingFiles(dir+"/x", lasting)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := again.Get("j", "state", 100); err != nil || string(b) != "two" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := again.Get("j", "state", 2); err == nil {
		t.Error("longer than it may be")
	}
	r, closing, err := again.Open("j", "content")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil || string(b) != strings.Repeat(secret, 10_000) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if err := closing(); err != nil {
		t.Error(err)
	}
	if err := os.Rename(f.Path("j", "content"), f.Path("j", "state")); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Get("j", "state", 1<<30); !errors.Is(err, vault.ErrSealed) {
		t.Errorf("a file under another name: %v", err)
	}
	kept, err := os.OpenFile(f.Path("j", "state"), os.O_RDONLY, 0) // as it lies on the disk after its name is gone
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if err := again.Remove("j"); err != nil {
		t.Fatal(err)
	}
	if _, err := lasting.OpenStream(kept, int64(len(raw)), []byte("j/content")); !errors.Is(err, vault.ErrSealed) {
		t.Errorf("what was removed still opens: %v", err)
	}
	if ids, err := again.Jobs(); err != nil || len(ids) != 0 {
		t.Errorf("%v, %v", ids, err)
	}
}
