package custody

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// maybeVouched refuses to withdraw what a lost book may have known as vouched for. It is no alarm: nobody can tell.
func (k *Keeper) maybeVouched(owner verify.OrgID, first uint64) error {
	var l lost
	if _, err := k.book.get(bookKey(keyLost, owner), &l); err != nil || first >= l.End {
		return err
	}
	return refuse(http.StatusConflict, codeVouched, fmt.Sprintf("this custodian has lost its book of what it vouched for: entries below %d, "+
		"which it held then, cannot be withdrawn", l.End), first)
}

// renew begins to make again what a lost book knew of an owner. The caller is opening the shelf.
func (k *Keeper) renew(s *shelf) error {
	var l lost
	if found, err := k.book.get(bookKey(keyLost, s.owner), &l); err != nil || !found || l.Anew {
		return err
	}
	if l.End == 0 {
		for _, r := range s.mirror.Held() {
			l.End = max(l.End, r.End.Entry)
		}
		if err := k.book.setLost(s.owner, l); err != nil {
			return err
		}
	}
	k.renewal.Go(func() {
		s.vouch.Lock() // nothing is signed, and nothing withdrawn, before the tags are known
		defer s.vouch.Unlock()
		if err := k.makeAnew(s, l); err != nil && k.ctx.Err() == nil {
			k.opt.Log.Error("custody: what a lost book knew could not be made again; the next start tries once more", "owner", s.owner, "err", err)
		}
	})
	return nil
}

func (k *Keeper) makeAnew(s *shelf, l lost) error {
	if err := k.voidAnew(s); err != nil {
		return err
	}
	if err := k.tagsAnew(s, l.End); err != nil {
		return err
	}
	l.Anew = true
	k.opt.Log.Warn("custody: what a lost book knew of what is held was made again", "owner", s.owner, "entries", l.End)
	return k.book.setLost(s.owner, l)
}

// voidAnew notes again what was withdrawn, from what was put aside then.
func (k *Keeper) voidAnew(s *shelf) error {
	files, err := filepath.Glob(filepath.Join(s.aside(), "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if durable.IsTemp(filepath.Base(file)) {
			continue
		}
		first, leaves, err := readAside(file)
		if err != nil {
			k.alarm(s.owner, "damage", 0, fmt.Sprintf("%s cannot be read: %v", file, err))
			continue
		}
		if err := k.book.void(s.owner, first, leaves); err != nil {
			return err
		}
	}
	return nil
}

// readAside reads a file of putAside: the leaves withdrawn, and the number of the first.
func readAside(file string) (first uint64, leaves []verify.Hash, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, nil, err
	}
	if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
		return 0, nil, errors.New("it is cut short")
	}
	size := binary.BigEndian.Uint32(b)
	w := new(withdrawal)
	if err := wireDec.Unmarshal(b[4:][:size], w); err != nil {
		return 0, nil, err
	}
	frames := b[4+size:]
	if hashOf(frames) != w.Hash {
		return 0, nil, errors.New("its records do not have the hash that was withdrawn")
	}
	found, err := journal.Records(w.Range.Start, frames)
	for _, l := range found {
		for i := range l.Record.Entries {
			leaves = append(leaves, l.Record.Entries[i].Leaf())
		}
	}
	return w.Range.Start.Entry, leaves, err
}

// tagsAnew notes the tags of all entries held below a number. Of two entries with one tag the first has it, and the other is an alarm.
func (k *Keeper) tagsAnew(s *shelf, end uint64) error {
	h := &hearing{Keeper: k, ctx: k.ctx, shelf: s, owner: s.owner, tags: make(map[verify.Tag]place)}
	from := journal.Cursor{}
	for {
		err := s.mirror.Scan(from, func(l journal.Located) error {
			for i := range l.Record.Entries {
				number := l.Record.First + uint64(i)
				if number >= end {
					break
				}
				err := h.tag(l.Record.Entries[i].Tag, place{number, l.At})
				if _, reused := refusedAs(err, codeTagReuse); err != nil && !reused {
					return err
				}
			}
			if len(h.tags) < 1<<14 {
				return k.ctx.Err()
			}
			return errors.Join(h.noteTags(), k.ctx.Err())
		})
		damage := new(journal.DamageError)
		if !errors.As(err, &damage) {
			return errors.Join(err, h.noteTags())
		}
		from = journal.Cursor{Segment: damage.Segment + 1} // the scrub tells of it
	}
}

// noteTags writes down the tags gathered so far, and leaves how far is vouched for as it is.
func (h *hearing) noteTags() error {
	t, err := h.book.tally(h.owner)
	if err != nil {
		return err
	}
	err = h.book.vouch(h.owner, t, h.tags)
	clear(h.tags)
	return err
}
