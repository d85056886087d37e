package imports

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lines reads the lines of a file. It knows where each stands, so that reading can begin at any of them.
type lines struct {
	content *io.SectionReader
	r       *bufio.Reader
	at      place // of what is read next
	limit   int
}

// place is where a line stands: its first byte, and how many lines come before it.
type place struct{ Offset, Line int64 }

// far is the least gap that is sought over rather than read over.
const far = 1 << 20

func newLines(content *io.SectionReader, limit int) *lines {
	l := &lines{content: content, r: bufio.NewReaderSize(nil, 256<<10), limit: limit}
	l.reset(place{})
	return l
}

func (l *lines) reset(at place) {
	l.at = at
	l.r.Reset(io.NewSectionReader(l.content, at.Offset, l.content.Size()-at.Offset))
}

// seek goes on, or back, to a line.
func (l *lines) seek(at place) error {
	gap := at.Offset - l.at.Offset
	if gap < 0 || gap > far {
		l.reset(at)
		return nil
	}
	_, err := l.r.Discard(int(gap))
	l.at = at
	return err
}

// byteOrderMark may stand before the first line, and means nothing (RFC 8259, section 8.1).
var byteOrderMark = []byte("\xef\xbb\xbf")

const blanks = " \t\r\n"

// next gives the next line that is not blank, as bytes of its own without the blanks around it, and where it stands; nil for one that is longer than it may
// be. io.EOF: there is none.
func (l *lines) next() (text []byte, at place, err error) {
	for {
		at = l.at
		text, long, err := l.line()
		if err != nil {
			return nil, at, err
		}
		if at.Offset == 0 {
			text = bytes.TrimPrefix(text, byteOrderMark)
		}
		text = bytes.Trim(text, blanks)
		switch {
		case long, len(text) > l.limit:
			return nil, at, nil
		case len(text) > 0:
			return text, at, nil
		}
	}
}

// line reads up to the end of a line, and keeps no more than may be of it.
func (l *lines) line() (text []byte, long bool, err error) {
	for {
		part, err := l.r.ReadSlice('\n')
		l.at.Offset += int64(len(part))
		if long = long || len(text)+len(part) > l.limit+len("\r\n"); long {
			text = nil
		} else {
			text = append(text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(text) > 0 || long):
			l.at.Line++
			return text, long, nil
		case err != nil:
			return nil, false, err
		}
		l.at.Line++
		return text, long, nil
	}
}
