package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// batch is a group on its way: its lines, where they stand, and where the pass goes on behind it.
type batch struct {
	group Group
	lines []waiter
	end   position
}

// position is where a pass goes on.
type position struct {
	input int
	at    place
	index int64
}

// pass goes once through the lines: all of them in the first pass, those that wait in a later one. While a group is stored the next is prepared.
func (w *work) pass(ctx context.Context) error {
	list, err := w.openWaiting(w.state.Pass, w.state.Waiting)
	if err != nil {
		return err
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	ready := make(chan *batch)
	var read error // how prepare ended, once ready is closed
	go func() {
		defer close(ready)
		read = w.prepare(reading, ready)
	}()
	for b := range ready {
		if err == nil {
			if err = w.store(ctx, b, list); err != nil {
				stop()
			}
		}
		b.group.Release()
	}
	if err == nil && !errors.Is(read, errRead) {
		err = read
	}
	if err == nil {
		err = w.savePosition(list)
	}
	return errors.Join(err, list.close())
}

// errRead is how prepare ends when there are no more lines.
var errRead = errors.New("all lines were read")

// prepare reads lines and gives them on in groups.
func (w *work) prepare(ctx context.Context, ready chan<- *batch) error {
	src, err := w.source()
	if err != nil {
		return err
	}
	defer src.close()
	through := w.passes.Pass(w.state.Last)
	for {
		lines, b, err := src.group(&w.opt.Limits)
		if len(lines) > 0 {
			if err := patiently(ctx, func() (err error) { b.group, err = through.Prepare(ctx, lines); return err }); err != nil {
				return err
			}
			select {
			case ready <- b:
			case <-ctx.Done():
				b.group.Release()
				return ctx.Err()
			}
		}
		if err != nil {
			return err
		}
	}
}

// store stores a group, counts what became of its lines, and makes the position durable when it is time.
func (w *work) store(ctx context.Context, b *batch, list *waitingList) error {
	var results []Result
	if err := patiently(ctx, func() (err error) { results, err = b.group.Store(ctx); return err }); err != nil {
		return err
	}
	w.mu.Lock()
	for i, r := range results {
		in := &w.state.Inputs[b.lines[i].input]
		if w.state.Pass == 1 {
			in.Lines++
		}
		switch r.Kind {
		case Created:
			in.Created++
		case Updated:
			in.Updated++
		case Unchanged:
			in.Unchanged++
		case Refused:
			w.refuse(b.lines[i].input, r.Outcome)
		case Waits:
			w.state.Waiting++
			if err := list.add(b.lines[i]); err != nil {
				w.mu.Unlock()
				return err
			}
		default:
			w.mu.Unlock()
			return fmt.Errorf("a line has become nothing that is known: %d", r.Kind)
		}
	}
	w.state.Input, w.state.At, w.state.Index = b.end.input, b.end.at, b.end.index
	w.mu.Unlock()
	if len(w.segment) < maxSegment && time.Since(w.saved) < w.opt.Limits.Position {
		return nil
	}
	return w.savePosition(list)
}

// savePosition makes durable how far the pass is, and before that what it rests on.
func (w *work) savePosition(list *waitingList) error {
	if err := list.sync(); err != nil {
		return err
	}
	w.mu.Lock()
	err := w.saveSegment()
	w.mu.Unlock()
	if err != nil {
		return err
	}
	w.saved = time.Now()
	return w.save()
}

// source gives the lines of a pass.
type source struct {
	w      *work
	waited *waited // nil in the first pass
	at     position
	input  int // that is open; -1 for none
	lines  *lines
	closer func() error
}

func (w *work) source() (*source, error) {
	s := &source{w: w, input: -1, at: position{w.state.Input, w.state.At, w.state.Index}}
	if w.state.Pass == 1 {
		return s, nil
	}
	var err error
	s.waited, err = w.openWaited(w.state.Pass-1, w.state.Index, w.state.Waited)
	return s, err
}

func (s *source) close() {
	if s.lines != nil {
		_ = s.closer() // it was only read
	}
	if s.waited != nil {
		_ = s.waited.f.Close()
	}
}

// open opens an input, unless it is open.
func (s *source) open(input int) error {
	if s.input == input {
		return nil
	}
	if s.lines != nil {
		_ = s.closer() // as in close
		s.lines = nil
	}
	content, closer, err := s.w.files.Open(s.w.id, spoolName(input))
	if err != nil {
		return err
	}
	s.input, s.lines, s.closer = input, newLines(content, s.w.opt.Limits.Line), closer
	return nil
}

// group reads the next lines. With errRead there are no more behind them.
func (s *source) group(l *Limits) (list []Line, b *batch, err error) {
	b = &batch{}
	for size := 0; len(list) < l.Group && size < l.Bytes; {
		text, at, err := s.next()
		if err != nil {
			b.end = s.at
			return list, b, err
		}
		in := &s.w.state.Inputs[at.input]
		list = append(list, Line{Text: text, Type: in.Type, Input: in.Name(), Number: at.at.Line + 1})
		b.lines = append(b.lines, at)
		size += len(text)
	}
	b.end = s.at
	return list, b, nil
}

// next reads the next line of the pass.
func (s *source) next() (text []byte, at waiter, err error) {
	if s.waited != nil {
		if at, err = s.waited.next(); err != nil {
			if errors.Is(err, io.EOF) {
				err = errRead
			}
			return nil, at, err
		}
		s.at.index++
		if err = s.open(at.input); err == nil {
			if err = s.lines.seek(at.at); err == nil {
				text, _, err = s.lines.next()
			}
		}
		return text, at, err
	}
	for s.at.input < len(s.w.state.Inputs) {
		if s.w.state.Inputs[s.at.input].Ready {
			if err := s.open(s.at.input); err != nil {
				return nil, at, err
			}
			if s.lines.at != s.at.at {
				s.lines.reset(s.at.at)
			}
			text, where, err := s.lines.next()
			if err == nil {
				s.at.at = s.lines.at
				return text, waiter{s.at.input, where}, nil
			}
			if !errors.Is(err, io.EOF) {
				return nil, at, err
			}
		}
		s.at = position{input: s.at.input + 1}
	}
	return nil, at, errRead
}
