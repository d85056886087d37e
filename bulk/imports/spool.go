package imports

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

func spoolName(input int) string { return fmt.Sprintf("spool.%d", input) }

// spool brings the lines of an input onto the disk, sealed. When it returns they are durable.
func (w *work) spool(input int, send func(io.Writer) error) error {
	name := spoolName(input)
	if err := w.files.RemoveFile(w.id, name); err != nil && !errors.Is(err, fs.ErrNotExist) { // a piece, of an earlier process or attempt
		return unavailable(err)
	}
	out, err := w.files.Create(w.id, name)
	if err != nil {
		return unavailable(err)
	}
	b := &bounded{x: w.Imports, w: out}
	if err := send(b); err != nil {
		w.hold(-b.n)
		return errors.Join(err, out.Abandon())
	}
	if err := out.Close(); err != nil {
		w.hold(-b.n)
		return unavailable(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	in := &w.state.Inputs[input]
	in.Bytes, in.Ready = b.n, true
	return nil
}

// bounded takes room for what is written through it.
type bounded struct {
	x *Imports
	w io.Writer
	n int64
}

func (b *bounded) Write(p []byte) (int, error) {
	n := int64(len(p))
	if b.n+n > b.x.opt.Limits.File {
		return 0, ErrLarge
	}
	if !b.x.hold(n) {
		return 0, ErrFull
	}
	b.n += n
	if _, err := b.w.Write(p); err != nil {
		return 0, unavailable(err)
	}
	return len(p), nil
}

// size is what the spool of an import has.
func (w *work) size() (n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.state.Inputs {
		n += w.state.Inputs[i].Bytes
	}
	return n
}

// removeSpool removes the files that are not needed any more: what opens them is overwritten.
func (w *work) removeSpool() {
	var names []string
	for i := range w.state.Pass {
		names = append(names, waitingName(i+1))
	}
	for i := range w.state.Inputs {
		names = append(names, spoolName(i))
	}
	for i := range w.state.Segments {
		names = append(names, segmentName(i))
	}
	for _, name := range names {
		if err := w.files.RemoveFile(w.id, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.opt.Log.Error("what an import has no use for any more could not be removed", "job", w.id, "file", name, "err", err)
		}
	}
}
