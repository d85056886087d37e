package vault

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"slices"
)

// scrubStep is how many pages are compared before others may write again.
const scrubStep = 256

// Scrub reads every file of the key store again and compares it with what is in memory, which is whole. What is damaged, missing or not what
// was acknowledged is written anew, crash-safe, and given to found, with the error where that failed. read is told of bytes as they are read.
// The error says that the scrub could not be made.
func (v *Vault) Scrub(ctx context.Context, read func(bytes int64), found func(damage ErrDamagedPage, heal error)) error {
	s := scrubbing{vault: v, read: read, found: found}
	for _, part := range []func() error{s.openPages, s.log, s.mark, s.top} {
		if err := s.locked(part); err != nil {
			return err
		}
	}
	var heads []pageHead
	if err := s.locked(func() error { heads = v.changed(0, math.MaxInt); return nil }); err != nil {
		return err
	}
	slices.SortFunc(heads, func(a, b pageHead) int {
		return cmp.Or(cmp.Compare(a.id.level, b.id.level), cmp.Compare(a.id.number, b.id.number))
	})
	for len(heads) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		step := heads[:min(len(heads), scrubStep)]
		heads = heads[len(step):]
		if err := s.locked(func() error { return s.pages(step) }); err != nil {
			return err
		}
	}
	return nil
}

// Size is how many bytes Scrub reads, about.
func (v *Vault) Size() int64 {
	v.write.Lock()
	defer v.write.Unlock()
	if v.closed {
		return 0
	}
	return int64(len(v.changed(0, math.MaxInt)))*pageSize + v.store.size + topSize
}

type scrubbing struct {
	vault *Vault
	read  func(int64)
	found func(ErrDamagedPage, error)
}

func (s *scrubbing) locked(part func() error) error {
	s.vault.write.Lock()
	defer s.vault.write.Unlock()
	if s.vault.closed {
		return ErrClosed
	}
	return part()
}

// heal runs what mends damage, unless the store takes no writes any more. One that fails ends its writing, as every write does.
func (s *scrubbing) heal(d ErrDamagedPage, mend func() error) {
	err := s.vault.writable()
	if err == nil {
		if err = mend(); err != nil {
			s.vault.fail(err)
		}
	}
	s.found(d, err)
}

// openPages opens the files of pages by their names: one that was removed or exchanged is not the one that is open. The new file of one that is
// gone is empty; pages then finds that all are missing.
func (s *scrubbing) openPages() error {
	st := s.vault.store
	for level := range st.files {
		path := st.path(pagesName(level))
		f, err := st.disk.Open(path)
		if err != nil {
			s.heal(ErrDamagedPage{Path: path, Why: "cannot be opened: " + err.Error()}, func() error {
				if f, err = st.disk.Create(path); err == nil {
					err = st.disk.SyncDir(st.dir)
				}
				return err
			})
		}
		if err != nil {
			continue
		}
		st.files[level].Close() // it was synced
		st.files[level] = f
	}
	clear(st.window[:])
	return nil
}

// log reads the log again. The pages that it holds are in memory: they go to their places, and a new log begins.
func (s *scrubbing) log() error {
	st := s.vault.store
	path := st.path(logName(st.generation))
	why := ""
	f, err := st.disk.Open(path)
	if err != nil {
		why = "cannot be opened: " + err.Error()
	} else {
		b := make([]byte, st.size)
		n, err := f.ReadAt(b, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			why = "cannot be read: " + err.Error()
		} else if groups, torn, err := parseLog(b[:n], st.generation); err != nil || torn > 0 || uint64(len(groups)) != st.sequence {
			why = "keys that were acknowledged cannot be read"
		}
		s.read(int64(n))
		f.Close() // only read
	}
	if why != "" {
		s.heal(ErrDamagedPage{Path: path, Why: why}, func() error { return st.settle(s.vault.edition) })
	}
	return nil
}

// mark reads again how far the store was acknowledged.
func (s *scrubbing) mark() error {
	st := s.vault.store
	path := st.path(markName)
	f, err := st.disk.Open(path)
	var m mark
	if err == nil {
		m, err = readMark(f)
		f.Close() // only read
	}
	if err == nil && m != st.acked {
		err = errors.New("it is not the mark that was written")
	}
	if err != nil {
		s.heal(ErrDamagedPage{Path: path, Why: err.Error()}, func() error {
			st.mark.Close() // another takes its place
			st.mark = nil
			return st.settleMark(s.vault.edition)
		})
	}
	return nil
}

// top reads the file of the top secret again: both copies of the slot in force must be whole.
func (s *scrubbing) top() error {
	v := s.vault
	path := v.top.path
	f, err := v.disk.Open(path)
	why := ""
	if err != nil {
		why = "cannot be opened: " + err.Error()
	} else {
		b := make([]byte, topSize)
		n, _ := f.ReadAt(b, 0) // what cannot be read is no copy
		s.read(int64(n))
		f.Close() // only read
		for _, at := range []int{v.top.slot, v.top.slot + 2} {
			if r, ok := parseTop(b[at*topBlock : (at+1)*topBlock]); !ok || r.edition != v.topEdition {
				why = "a copy of the top secret is damaged"
			}
		}
	}
	if why != "" {
		s.heal(ErrDamagedPage{Path: path, Why: why}, func() error { return v.renewTop(err != nil) })
	}
	return nil
}

// renewTop writes the top secret again, into a new file where there is none. The caller holds write.
func (v *Vault) renewTop(gone bool) error {
	r, err := wrapTop(v.root, v.id, v.epoch, v.topEdition, v.tree.top)
	if err != nil {
		return err
	}
	f, open := v.top.f, v.disk.Open
	if gone {
		open = v.disk.Create
	}
	if v.top.f, err = open(v.top.path); err != nil { // by its name: another may have taken its place
		v.top.f = f
		return err
	}
	f.Close() // it was synced
	if err := v.top.settle(r); err != nil || !gone {
		return err
	}
	return v.disk.SyncDir(v.store.dir)
}

// pages compares pages in their places with what is in memory. Those that wait in the log were read with it.
func (s *scrubbing) pages(heads []pageHead) error {
	v := s.vault
	b := make([]byte, pageSize)
	for _, old := range heads {
		h := pageHead{old.id, v.editionNow(old.id), v.epoch}
		if h.id.level == topLevel || v.store.waiting[h.id] != nil {
			continue
		}
		key, _ := v.tree.key(h.id)
		n, err := v.store.files[h.id.level].ReadAt(b, h.id.offset())
		s.read(int64(n))
		var is pageHead
		if err == nil || errors.Is(err, io.EOF) {
			is, _, err = openPage(&key, &v.id, h.id, b[:n])
		}
		if err == nil && is.edition == h.edition {
			continue
		}
		why := "the page is older than the one that was acknowledged"
		if err != nil {
			why = err.Error()
		}
		d := ErrDamagedPage{Path: v.store.path(pagesName(int(h.id.level))), Offset: h.id.offset(), Why: why}
		s.heal(d, func() error {
			page := sealedFrame{h, sealPage(&key, &v.id, h, v.plan().body(h.id))}
			err := v.store.append(v.epoch, []sealedFrame{page})
			if err == nil {
				err = v.store.settle(v.edition)
			}
			return err
		})
	}
	return nil
}
