package answers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"

	"github.com/sijil-health/sijil/bulk/job"
)

// The files of a request.
const (
	bodyName   = "body"
	answerName = "answer"
)

// asked is one request, as a job. What it keeps is written by one goroutine after the other: Start's, and then that of Run.
type asked struct {
	*Answers
	id      string
	request Request
	running atomic.Bool
	media   string // of the answer; set before the job is done
	kept    int64  // bytes that were counted for it
}

// Run makes the answer, and lets go of the body.
func (k *asked) Run(ctx context.Context) error {
	k.running.Store(true)
	ctx, cancel := context.WithTimeout(ctx, k.limits.Time)
	defer cancel()
	body, closing, err := k.files.Open(k.id, bodyName)
	if err != nil {
		return err
	}
	err = k.write(answerName, func(to io.Writer) error { return k.answer(ctx, body, to) })
	k.request.Body, k.request.Answer = nil, nil // they hold what was asked
	return errors.Join(err, closing(), k.files.RemoveFile(k.id, bodyName), k.forget(body.Size()))
}

// answer makes the answer. A panic ends it alone, as net/http has it for what is answered at once.
func (k *asked) answer(ctx context.Context, body *io.SectionReader, to io.Writer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	k.media, err = k.request.Answer(ctx, body, to)
	return err
}

// Remove removes what is kept.
func (k *asked) Remove() error { return errors.Join(k.files.Remove(k.id), k.forget(k.kept)) }

// forget counts what is not kept any more.
func (k *asked) forget(n int64) error {
	k.kept -= n
	return k.take(k.request.Access.Actor, -n)
}

// write makes a file; one that fails is not there.
func (k *asked) write(name string, content func(io.Writer) error) error {
	w, err := k.files.Create(k.id, name)
	if err != nil {
		return err
	}
	before := k.kept
	if err = content(&counted{k, w}); err != nil {
		return errors.Join(err, w.Abandon(), k.forget(k.kept-before))
	}
	return w.Close()
}

// counted counts what goes into a file.
type counted struct {
	k *asked
	w *job.Writer
}

func (c *counted) Write(b []byte) (int, error) {
	n := int64(len(b))
	if err := c.k.take(c.k.request.Access.Actor, n); err != nil {
		return 0, err
	}
	c.k.kept += n
	return c.w.Write(b)
}
