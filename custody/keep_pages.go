package custody

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strconv"

	"github.com/sijil-health/sijil/verify"
)

func pageKey(owner verify.OrgID, number uint64) []byte {
	return binary.BigEndian.AppendUint64(bookKey(keyPage, owner), number)
}

// countPages learns which pages are held when the shelf is opened, and finishes the overwriting of top pages that do not stand.
func (s *shelf) countPages(b *book) error {
	prefix := bookKey(keyPage, s.owner)
	err := b.each(prefix, func(key, value []byte) error {
		if len(key) != len(prefix)+8 || len(value) < 8 {
			return errors.New("custody: malformed page in the book")
		}
		s.pages[binary.BigEndian.Uint64(key[len(prefix):])] = binary.BigEndian.Uint64(value)
		s.used.Add(int64(len(value)))
		return nil
	})
	if err != nil {
		return err
	}
	return s.findTop()
}

func (s *shelf) pageVersions() map[uint64]uint64 {
	s.pagesMu.Lock()
	defer s.pagesMu.Unlock()
	return maps.Clone(s.pages)
}

// putPages keeps the newer versions of the caller's pages, all of them or none, the top page after all others.
func (k *Keeper) putPages(r *http.Request, v *visit) error {
	body, err := readBody(r, maxProposal)
	if err != nil {
		return err
	}
	pages, err := decodePages(body)
	if err != nil {
		return malformed(err.Error())
	}
	c, err := k.room(v.shelf, int64(len(body)))
	if err != nil {
		return err
	}
	kept := int64(0)
	defer func() { c.settle(kept) }()
	v.pagesMu.Lock()
	defer v.pagesMu.Unlock()
	batch := k.book.db.NewBatch()
	defer batch.Close()
	var top *Page
	var size int64
	for i := range pages {
		p := &pages[i]
		switch held, ok := v.pages[p.Number]; {
		case ok && held >= p.Version:
		case p.Number == TopPage:
			top = p
		default:
			value := append(binary.BigEndian.AppendUint64(nil, p.Version), p.Sealed...)
			if err := batch.Set(pageKey(v.owner, p.Number), value, nil); err != nil {
				return err
			}
			if !ok {
				size += int64(len(value))
			}
		}
	}
	if err := k.book.commit(batch); err != nil {
		return err
	}
	for i := range pages {
		if p := &pages[i]; p.Number != TopPage {
			v.pages[p.Number] = max(v.pages[p.Number], p.Version)
		}
	}
	kept = size
	if top != nil {
		if err := v.replaceTop(top); err != nil {
			return err
		}
	}
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// getPages gives the caller its own pages from a number on, as many as fit into one answer, in order; none means that was all.
func (k *Keeper) getPages(r *http.Request, v *visit) error {
	from, err := strconv.ParseUint(r.URL.Query().Get("from"), 10, 64)
	if err != nil {
		return malformed("from: want the number of a page")
	}
	v.pagesMu.Lock()
	defer v.pagesMu.Unlock()
	pages, total := []Page{}, 0
	if from == TopPage {
		top, err := os.ReadFile(v.topName())
		switch {
		case err == nil && len(top) >= 8:
			pages = append(pages, Page{Number: TopPage, Version: binary.BigEndian.Uint64(top), Sealed: top[8:]})
			total = len(top)
		case !errors.Is(err, os.ErrNotExist):
			return fmt.Errorf("custody: top page of %d bytes: %w", len(top), err)
		}
	}
	done := errors.New("enough")
	prefix := bookKey(keyPage, v.owner)
	err = k.book.between(pageKey(v.owner, from), after(prefix), func(key, value []byte) error {
		number := binary.BigEndian.Uint64(key[len(prefix):])
		if len(pages) > 0 && total+len(value) > maxRead || len(pages) == maxPages {
			return done
		}
		total += len(value)
		pages = append(pages, Page{Number: number, Version: binary.BigEndian.Uint64(value), Sealed: append([]byte(nil), value[8:]...)})
		return nil
	})
	if err != nil && !errors.Is(err, done) {
		return err
	}
	answerCBOR(v.w, pages)
	return nil
}

// dropPages forgets the caller's key store: the caller has other custodians for it now, and what it erases later must not
// survive here.
func (k *Keeper) dropPages(_ *http.Request, v *visit) error {
	v.pagesMu.Lock()
	defer v.pagesMu.Unlock()
	if err := v.dropTop(); err != nil {
		return err
	}
	prefix := bookKey(keyPage, v.owner)
	batch := k.book.db.NewBatch()
	defer batch.Close()
	if err := errors.Join(batch.DeleteRange(prefix, after(prefix), nil), k.book.commit(batch)); err != nil {
		return err
	}
	clear(v.pages)
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// decodePages reads an untrusted list of pages.
func decodePages(b []byte) ([]Page, error) {
	var pages []Page
	if err := wireDec.Unmarshal(b, &pages); err != nil {
		return nil, err
	}
	if len(pages) > maxPages {
		return nil, fmt.Errorf("%d pages, at most %d", len(pages), maxPages)
	}
	seen := make(map[uint64]bool, len(pages))
	for i := range pages {
		if n := len(pages[i].Sealed); n == 0 || n > maxPage {
			return nil, fmt.Errorf("page %d has %d bytes, want 1 to %d", pages[i].Number, n, maxPage)
		}
		if seen[pages[i].Number] {
			return nil, fmt.Errorf("page %d comes twice", pages[i].Number)
		}
		seen[pages[i].Number] = true
	}
	return pages, nil
}
