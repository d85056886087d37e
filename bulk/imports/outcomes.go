package imports

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
)

// OutcomesName is the file that says why lines of an input were refused.
func OutcomesName(input int) string { return fmt.Sprintf("errors.%d.ndjson", input+1) }

// While an import is under way what is to be said of refused lines is kept in segments, one for each durable position, of lines `input TAB outcome`.
func segmentName(n int) string { return fmt.Sprintf("outcomes.%d", n) }

// maxSegment is how much of it waits for a durable position.
const maxSegment = 4 << 20

// refuse keeps why a line was refused, as far as there is room. The caller holds mu.
func (w *work) refuse(input int, outcome []byte) {
	in := &w.state.Inputs[input]
	in.Refused++
	kept := int64(0)
	for i := range w.state.Inputs {
		kept += w.state.Inputs[i].Listed
	}
	if kept >= int64(w.opt.Limits.Outcomes) {
		return
	}
	in.Listed++
	w.segment = strconv.AppendInt(w.segment, int64(input), 10)
	w.segment = append(append(append(w.segment, '\t'), outcome...), '\n')
}

// saveSegment makes durable what is to be said of refused lines.
func (w *work) saveSegment() error {
	if len(w.segment) == 0 {
		return nil
	}
	if err := w.files.Put(w.id, segmentName(w.state.Segments), w.segment); err != nil {
		return err
	}
	w.state.Segments++
	w.segment = w.segment[:0]
	return nil
}

// collect makes of the segments one file for each input.
func (w *work) collect() error {
	for i := range w.state.Inputs {
		if w.state.Inputs[i].Listed == 0 {
			continue
		}
		if err := w.files.RemoveFile(w.id, OutcomesName(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		out, err := w.files.Create(w.id, OutcomesName(i))
		if err != nil {
			return err
		}
		for n := 0; n < w.state.Segments && err == nil; n++ {
			err = w.pick(out, n, i)
		}
		if err != nil {
			return errors.Join(err, out.Abandon())
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	return nil
}

// pick copies the outcomes of an input from a segment.
func (w *work) pick(to io.Writer, segment, input int) error {
	content, closing, err := w.files.Open(w.id, segmentName(segment))
	if err != nil {
		return err
	}
	r := bufio.NewReader(content)
	prefix := append(strconv.AppendInt(nil, int64(input), 10), '\t')
	for err == nil {
		var line []byte
		if line, err = r.ReadBytes('\n'); err == nil {
			if line, ok := bytes.CutPrefix(line, prefix); ok {
				_, err = to.Write(line)
			}
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, closing())
}
