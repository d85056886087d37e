package custody

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sijil-health/sijil/internal/durable"
)

// An erasure rests on it that no top page but the one that stands can be read here any more. So each of the three files that can hold
// one has a name of its own, is overwritten before it goes, and a newer version is only said to be held once the older is no more.

func (s *shelf) topName() string { return filepath.Join(s.dir, "top") }
func (s *shelf) oldTop() string  { return s.topName() + ".old" } // a second name for what is being replaced
func (s *shelf) newTop() string  { return s.topName() + ".new" } // not in place yet

// findTop learns which top page stands when the shelf is opened, and overwrites those that do not.
func (s *shelf) findTop() error {
	if err := errors.Join(s.shredOldTop(), shred(s.newTop())); err != nil {
		return fmt.Errorf("custody: %w", err)
	}
	top, err := os.ReadFile(s.topName())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && len(top) < 8 {
		err = errors.New("custody: the top page is cut short")
	}
	if err == nil {
		s.standing = binary.BigEndian.Uint64(top)
		s.pages[TopPage] = s.standing
	}
	return err
}

// replaceTop puts a new top page in place and overwrites the old one. A crash in between leaves the new one in place and the
// old one to be overwritten when the shelf is opened next. Where only the overwriting failed, the next call does that, and until then
// the new one does not count as held: the owner's erasure is not complete. The caller holds pagesMu.
func (s *shelf) replaceTop(p *Page) error {
	if err := s.shredOldTop(); err != nil {
		return err
	}
	if p.Version > s.standing {
		if err := ignoreMissing(os.Link(s.topName(), s.oldTop())); err != nil {
			return err
		}
		if err := s.placeTop(p); err != nil {
			// Which of the two stands is not known here.
			return errors.Join(err, s.shredOldTop())
		}
		s.standing = p.Version
		if err := s.shredOldTop(); err != nil {
			return err
		}
	}
	s.pages[TopPage] = s.standing
	return nil
}

// placeTop is durable.Place for a top page: what is not put in place is overwritten.
func (s *shelf) placeTop(p *Page) error {
	if err := shred(s.newTop()); err != nil {
		return err
	}
	f, err := os.OpenFile(s.newTop(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(binary.BigEndian.AppendUint64(nil, p.Version), p.Sealed...))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(s.newTop(), s.topName())
	}
	if err != nil {
		return errors.Join(err, shred(s.newTop()))
	}
	return durable.SyncDir(s.dir)
}

// shredOldTop overwrites a top page that was replaced. Where the replacing never happened the old name is only a second one
// for the page that still stands, and goes without harm to it.
func (s *shelf) shredOldTop() error {
	was, err := os.Stat(s.oldTop())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	now, err := os.Stat(s.topName())
	if err := ignoreMissing(err); err != nil {
		return err
	}
	if now != nil && os.SameFile(was, now) {
		err = os.Remove(s.oldTop())
	} else {
		err = shred(s.oldTop())
	}
	return errors.Join(err, durable.SyncDir(s.dir))
}

// dropTop overwrites every top page. The caller holds pagesMu.
func (s *shelf) dropTop() error {
	if err := errors.Join(s.shredOldTop(), shred(s.newTop()), shred(s.topName())); err != nil {
		return err
	}
	s.standing = 0
	delete(s.pages, TopPage)
	return durable.SyncDir(s.dir)
}
