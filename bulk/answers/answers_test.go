package answers_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sijil-health/sijil/bulk/answers"
	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/policy"
	"github.com/sijil-health/sijil/record"
)

var amal, badr = record.Access{Actor: "amal", Org: "o"}, record.Access{Actor: "badr", Org: "o"}

func open(t *testing.T, l answers.Limits) (x *answers.Answers, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "answers")
	x, err := answers.Open(answers.Options{Dir: dir, Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	return x, dir
}

// twice is a request that is answered with its body, doubled, once it is let go.
func twice(a record.Access, body string, let <-chan struct{}) answers.Request {
	return answers.Request{
		Access: a, Act: policy.Search,
		Body: func(to io.Writer) error { _, err := io.WriteString(to, body); return err },
		Answer: func(ctx context.Context, body *io.SectionReader, to io.Writer) (string, error) {
			select {
			case <-let:
			case <-ctx.Done():
				return "", ctx.Err()
			}
			b, err := io.ReadAll(body)
			if err == nil {
				_, err = to.Write(append(b, b...))
			}
			return "text/plain", err
		},
	}
}

// now lets everything go.
var now = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

func read(t *testing.T, x *answers.Answers, a record.Access, id string) string {
	t.Helper()
	content, media, closing, err := x.Answer(a, id)
	if err != nil {
		t.Fatal(err)
	}
	defer closing()
	b, err := io.ReadAll(content)
	if err != nil || media != "text/plain" {
		t.Errorf("%s, %v", media, err)
	}
	return string(b)
}

// kept lists the files, and looks for a word in them.
func kept(t *testing.T, dir, word string) (n int) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), word) {
			t.Errorf("%s can be read by anybody", name)
		}
	}
	return len(list)
}

func TestAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, dir := open(t, answers.Limits{Jobs: 3, Actor: 2, Workers: 1})
		let := make(chan struct{})
		first, err := x.Start(twice(amal, "secret", let))
		if err != nil {
			t.Fatal(err)
		}
		second, err := x.Start(twice(amal, "other", let))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Start(twice(amal, "x", now)); !errors.Is(err, job.ErrBusy) {
			t.Errorf("more than an actor may have: %v", err)
		}
		synctest.Wait()
		if s, err := x.Status(amal, first); err != nil || s.Done || !s.Running || s.Act != policy.Search {
			t.Errorf("%+v, %v", s, err)
		}
		if s, err := x.Status(amal, second); err != nil || s.Done || s.Running {
			t.Errorf("one that waits: %+v, %v", s, err)
		}
		if _, _, _, err := x.Answer(amal, first); !errors.Is(err, answers.ErrRunning) {
			t.Errorf("before it is there: %v", err)
		}
		if _, err := x.Status(badr, first); !errors.Is(err, job.ErrUnknown) {
			t.Errorf("another's: %v", err)
		}
		if n := kept(t, dir, "secret"); n != 3 { // a body, an answer that is begun, a body
			t.Errorf("%d files", n)
		}
		if err := x.Drop(amal, second); err != nil {
			t.Error(err)
		}
		close(let)
		synctest.Wait()
		if got := read(t, x, amal, first); got != "secretsecret" {
			t.Errorf("%q", got)
		}
		if got := read(t, x, amal, first); got != "secretsecret" {
			t.Errorf("a second time: %q", got)
		}
		if _, _, _, err := x.Answer(badr, first); !errors.Is(err, job.ErrUnknown) {
			t.Errorf("another's: %v", err)
		}
		if n := kept(t, dir, "secret"); n != 1 {
			t.Errorf("%d files beside the answer", n-1)
		}
		time.Sleep(answers.DefaultLimits.Age + 2*time.Minute)
		if _, err := x.Status(amal, first); !errors.Is(err, job.ErrUnknown) || kept(t, dir, "") != 0 {
			t.Errorf("after its time: %v", err)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the directory is left: %v", err)
		}
	})
}

// TestBounds fills what may be kept, by one actor and by all, with bodies and with answers, and makes room again.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, dir := open(t, answers.Limits{Bytes: 100, Share: 60, Time: time.Minute})
		defer x.Close()
		started := func(a record.Access, bytes int, let <-chan struct{}) (string, error) {
			id, err := x.Start(twice(a, strings.Repeat("x", bytes), let))
			synctest.Wait()
			return id, err
		}
		if _, err := started(amal, 61, now); !errors.Is(err, answers.ErrFull) {
			t.Errorf("a body beyond the share: %v", err)
		}
		large, err := started(amal, 30, now) // 30 and then 60 more
		if err != nil {
			t.Fatal(err)
		}
		if s, err := x.Status(amal, large); err != nil || !errors.Is(s.Failed, answers.ErrFull) {
			t.Errorf("an answer beyond the share: %+v, %v", s, err)
		}
		if _, _, _, err := x.Answer(amal, large); !errors.Is(err, answers.ErrRunning) {
			t.Errorf("it gives an answer: %v", err)
		}
		if err := x.Drop(amal, large); err != nil {
			t.Error(err)
		}
		for _, a := range []record.Access{amal, badr} {
			if _, err := started(a, 20, now); err != nil { // 40 stay
				t.Errorf("%s: %v", a.Actor, err)
			}
		}
		third := record.Access{Actor: "third"}
		if _, err := started(third, 21, now); !errors.Is(err, answers.ErrFull) {
			t.Errorf("beyond what all may have: %v", err)
		}
		small, err := started(third, 5, now)
		if err != nil || read(t, x, third, small) != "xxxxxxxxxx" {
			t.Errorf("up to what all may have: %v", err)
		}
		if err := x.Drop(third, small); err != nil {
			t.Error(err)
		}
		slow, err := started(third, 1, make(chan struct{}))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if s, err := x.Status(third, slow); err != nil || !errors.Is(s.Failed, context.DeadlineExceeded) {
			t.Errorf("one that never ends: %+v, %v", s, err)
		}
		if n := kept(t, dir, "no such"); n != 2 {
			t.Errorf("%d files beside two answers", n-2)
		}
		panics := twice(third, "", now)
		panics.Answer = func(context.Context, *io.SectionReader, io.Writer) (string, error) { panic("a fault") }
		id, err := x.Start(panics)
		synctest.Wait()
		if s, failed := x.Status(third, id); err != nil || failed != nil || s.Failed == nil {
			t.Errorf("one that panics: %+v, %v, %v", s, err, failed)
		}
		broken := twice(third, "", now)
		broken.Body = func(io.Writer) error { return io.ErrUnexpectedEOF }
		if _, err := x.Start(broken); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a body that broke off: %v", err)
		}
	})
}
