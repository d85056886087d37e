package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// A mark says up to where a part was durable. A part that its mark names and that is not there was taken away; only Cut, which
// clears the mark first, and the beginning of a part do that themselves.

// goneReason is what is wrong with a part that is not there.
const goneReason = "the file is gone"

// noteGone finds the marks whose parts are not there. Those of what another part holds by now are cleared. It is called once all parts are
// loaded.
func (m *Mirror) noteGone(slots map[int]Range) error {
	for i, r := range slots {
		name := partName(m.dir, r.Start)
		if r.End.Offset <= r.Start.Offset || slices.ContainsFunc(m.parts[r.Start.Segment], func(p *part) bool { return p.name == name && p.slot == i }) {
			continue
		}
		if !m.lacks(r) {
			if err := m.marks.clear(i); err != nil {
				return fmt.Errorf("journal: clear the mark of %s: %w", name, err)
			}
			continue
		}
		m.gone = append(m.gone, r)
	}
	slices.SortFunc(m.gone, func(a, b Range) int { return a.Start.Compare(b.Start) })
	return nil
}

// lacks tells whether bytes of a range of one segment are not held. The caller holds m.mu, or has the mirror to itself.
func (m *Mirror) lacks(r Range) bool {
	at := r.Start.Offset
	for _, p := range m.parts[r.Start.Segment] {
		if p.start.Offset <= at {
			at = max(at, p.durable.Offset)
		}
	}
	return at < r.End.Offset
}

// Gone lists what was held durably when the mirror was last open, is no more, and has not been brought again.
func (m *Mirror) Gone() (list []Range) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.gone {
		if m.lacks(r) {
			list = append(list, r)
		}
	}
	return list
}

// Absent names the files that the mirror holds parts in and that somebody has taken away since it was opened.
func (m *Mirror) Absent() (found []DamageError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	names, err := m.disk.List(m.dir)
	if err != nil {
		return nil // who reads will tell
	}
	for _, parts := range m.parts {
		for _, p := range parts {
			if !slices.Contains(names, filepath.Base(p.name)) {
				found = append(found, *gonePart(m.dir, Range{p.start, p.durable}))
			}
		}
	}
	return found
}

// IsGone tells whether damage of a mirror is that a whole file is not there.
func IsGone(d *DamageError) bool { return d.Reason == goneReason }

// GonePart says what a range that Gone lists is, as damage.
func (m *Mirror) GonePart(r Range) *DamageError { return gonePart(m.dir, r) }

func gonePart(dir string, r Range) *DamageError {
	return &DamageError{File: partName(dir, r.Start), Segment: r.Start.Segment, Reason: goneReason}
}

// CheckMirror names the parts in dir, of a mirror that nobody has open, that are gone or shorter than what was durable. It reads no content and writes nothing.
func CheckMirror(dir string) (found []DamageError, err error) {
	d := osDisk{}
	f, err := d.Open(filepath.Join(dir, heldLog), false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	slots, err := marks{f}.load()
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	names, err := d.List(dir)
	if err != nil {
		return nil, fmt.Errorf("journal: list %s: %w", dir, err)
	}
	for _, r := range slots {
		name := partName(dir, r.Start)
		if r.End.Offset <= r.Start.Offset || slices.Contains(names, filepath.Base(name)) || coveredBy(slots, names, dir, r) {
			continue
		}
		found = append(found, *gonePart(dir, r))
	}
	slices.SortFunc(found, func(a, b DamageError) int { return strings.Compare(a.File, b.File) })
	return found, nil
}

// coveredBy tells whether the marks of parts that are there cover a range.
func coveredBy(slots map[int]Range, names []string, dir string, r Range) bool {
	var there []Range
	for _, s := range slots {
		if s.Start.Segment == r.Start.Segment && slices.Contains(names, filepath.Base(partName(dir, s.Start))) {
			there = append(there, s)
		}
	}
	slices.SortFunc(there, func(a, b Range) int { return a.Start.Compare(b.Start) })
	at := r.Start.Offset
	for _, s := range there {
		if s.Start.Offset <= at {
			at = max(at, s.End.Offset)
		}
	}
	return at >= r.End.Offset
}
