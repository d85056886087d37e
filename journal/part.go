package journal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
)

const partSuffix = ".part"

// part is one file of a mirror: an unbroken run of an owner's segment, from a frame's beginning or the segment header on.
type part struct {
	name    string
	slot    int    // of its mark
	start   Cursor // of its first byte
	end     Cursor // after its last
	durable Cursor // fsynced up to here
	file    file   // open for writing; nil most of the time
}

func partName(dir string, start Cursor) string {
	return filepath.Join(dir, fmt.Sprintf("%010d-%015d%s", start.Segment, start.Offset, partSuffix))
}

// parsePartName gives segment and offset; the entry is told by the file.
func parsePartName(base string) (Cursor, error) {
	segment, offset, _ := strings.Cut(strings.TrimSuffix(base, partSuffix), "-")
	s, err1 := strconv.ParseUint(segment, 10, 32)
	o, err2 := strconv.ParseInt(offset, 10, 64)
	c := Cursor{Segment: uint32(s), Offset: o}
	if err1 != nil || err2 != nil || filepath.Base(partName("", c)) != base {
		return Cursor{}, fmt.Errorf("journal: %q is no name of a part; move the file away", base)
	}
	return c, nil
}

// loadPart finds the end of a part, from its mark on, and files it; an empty one is removed.
func (m *Mirror) loadPart(p *part, mark Range) (err error) {
	f, err := m.disk.Open(p.name, true)
	if err != nil {
		return fmt.Errorf("journal: open %s: %w", p.name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("journal: %s: %w", p.name, err)
	}
	p.start, p.end = mark.Start, mark.End
	if size+p.start.Offset == p.end.Offset && size > 0 {
		p.durable = p.end
		m.parts[p.start.Segment] = append(m.parts[p.start.Segment], p)
		return nil
	}
	torn, err := p.walk(f, size)
	if err != nil {
		return err
	}
	if torn > 0 {
		m.recovered = append(m.recovered, Recovery{File: p.name, Offset: p.end.Offset - p.start.Offset, Bytes: torn})
	}
	if p.end.Offset == p.start.Offset {
		return m.disk.Remove(p.name)
	}
	if err = f.Truncate(p.end.Offset - p.start.Offset); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("journal: cut off the tail of %s: %w", p.name, err)
	}
	p.durable = p.end
	m.parts[p.start.Segment] = append(m.parts[p.start.Segment], p)
	return nil
}

// walk moves p.end from the mark to the end of the good frames, and tells how many bytes of a torn tail follow.
func (p *part) walk(f file, size int64) (torn int64, err error) {
	t := tail{name: p.name, base: p.start.Offset, durable: p.end.Offset}
	w := p.window(f, p.start.Offset+size)
	if size < p.end.Offset-p.start.Offset {
		return 0, w.damage(Cursor{Segment: p.start.Segment, Offset: w.limit}, fmt.Sprintf("the file had %d bytes", p.end.Offset-p.start.Offset))
	}
	if p.end.Offset == p.start.Offset {
		p.begin(f, size)
	}
	for p.end.Offset > p.start.Offset || p.start.Offset > 0 {
		found, err := w.batch(p.end)
		if damage := (*DamageError)(nil); errors.As(err, &damage) || errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, err
		}
		p.end = found[len(found)-1].Next
	}
	rest := make([]byte, w.limit-p.end.Offset)
	if n, err := f.ReadAt(rest, p.end.Offset-p.start.Offset); n < len(rest) {
		return 0, fmt.Errorf("journal: read %s: %w", p.name, err)
	}
	if t.pos = p.end; p.end.Offset == p.start.Offset {
		t.pos.Entry = 0 // not even that is known
	}
	return t.judge(rest)
}

// begin learns the number of the first entry, and passes the segment header if the part has it. Of a torn beginning
// it learns nothing; walk will judge it.
func (p *part) begin(f file, size int64) {
	b := make([]byte, min(size, int64(headerSize)))
	if n, _ := f.ReadAt(b, 0); n < len(b) {
		return
	}
	if p.start.Offset > 0 {
		if len(b) >= frameHead+recordFixed {
			p.start.Entry = u48(b[frameHead+1:])
			p.end.Entry = p.start.Entry
		}
		return
	}
	if h, err := parseHeader(b); err == nil && h.number == p.start.Segment {
		p.start.Entry = h.first
		p.end = Cursor{Segment: h.number, Offset: int64(headerSize), Entry: h.first}
	}
}

func (p *part) window(src io.ReaderAt, limit int64) *window {
	return &window{src: src, name: p.name, base: p.start.Offset, limit: limit}
}
