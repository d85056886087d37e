package custody

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

const (
	// maxWithdrawals bounds how often one owner can have records put aside here: losses of power are few.
	maxWithdrawals = 1024
	maxWithdrawal  = 1 << 10 // bytes of the request
)

// withdraw takes an owner's word that records held here are void. They are kept aside with that word, as evidence, and held no more, so
// that others can take their places. What was vouched for here stays, and to try is an alarm. An anchor may have them without this
// custodian knowing: should a batch ever have a withdrawn entry, that is an alarm too; see hearing.noneVoid.
func (k *Keeper) withdraw(r *http.Request, v *visit) error {
	body, err := readBody(r, maxWithdrawal)
	if err != nil {
		return err
	}
	w := new(withdrawal)
	if err := wireDec.Unmarshal(body, w); err != nil {
		return malformed("the withdrawal cannot be read")
	}
	if w.Range.Start.Segment != w.Range.End.Segment || w.Range.Start.Offset >= w.Range.End.Offset {
		return malformed("a withdrawal names bytes of one segment")
	}
	owner, ok := k.opt.Members.Find(v.owner)
	if !ok || !owner.Key.Verify(w.signingBytes(k.opt.Chain, v.owner, k.opt.Org), w.Signature) {
		return refuse(http.StatusForbidden, codeForbidden, "the withdrawal does not carry the owner's signature", 0)
	}
	v.vouch.Lock()
	defer v.vouch.Unlock()
	leaves, err := v.readVoid(w)
	if err != nil {
		return err
	}
	if err := k.vouched(v, w.Range); err != nil {
		return err
	}
	if !slices.ContainsFunc(v.mirror.Held(), func(r journal.Range) bool { return r.End == w.Range.End }) {
		return refuse(http.StatusNotFound, codeUnknown, "no run of records held ends there", w.Range.Start.Entry) // before anything is noted
	}
	if err := k.putAside(v, w, body); err != nil {
		return err
	}
	if err := k.forget(v.shelf, w.Range, leaves); err != nil {
		return err
	}
	k.opt.Log.Warn("custody: an owner withdrew records; they are kept aside", "owner", v.owner,
		"from", w.Range.Start.String(), "to", w.Range.End.String())
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// forget notes the leaves of withdrawn records, and holds the records no more. In this order: a stop in between leaves both, and the owner,
// who still finds them held, withdraws them once more.
func (k *Keeper) forget(s *shelf, r journal.Range, leaves []verify.Hash) error {
	if err := k.book.void(s.owner, r.Start.Entry, leaves); err != nil {
		return err
	}
	if err := s.mirror.Cut(r); err != nil {
		return err
	}
	s.cut(r.Start)
	return nil
}

// readVoid reads what a withdrawal names, and gives the leaves of its entries. Its places must be those of the records held: on
// the number of the first entry rests whether they were vouched for.
func (s *shelf) readVoid(w *withdrawal) (leaves []verify.Hash, err error) {
	sum := sha256.New()
	if err := s.copyRange(w.Range, sum); err != nil {
		return nil, err
	}
	if verify.Hash(sum.Sum(nil)) != w.Hash {
		return nil, refuse(http.StatusNotFound, codeUnknown, "other bytes are held there than those withdrawn", w.Range.Start.Entry)
	}
	stop := errors.New("stop")
	err = s.mirror.Scan(w.Range.Start, func(l journal.Located) error {
		if l.At.Compare(w.Range.End) >= 0 {
			return stop
		}
		for i := range l.Record.Entries {
			leaves = append(leaves, l.Record.Entries[i].Leaf())
		}
		return nil
	})
	if errors.Is(err, stop) {
		err = nil
	}
	return leaves, err
}

// copyRange writes the frames of a range, checked, to w; the range must begin and end where frames held here do.
func (s *shelf) copyRange(r journal.Range, w io.Writer) error {
	for at := r.Start; at != r.End; {
		g, err := s.mirror.Frames(at, int(min(r.End.Offset-at.Offset, maxRead)))
		if err != nil {
			return err
		}
		if g.Start != at || len(g.Frames) == 0 || g.End.Offset > r.End.Offset {
			return journal.ErrNotHeld
		}
		if _, err := w.Write(g.Frames); err != nil {
			return err
		}
		at = g.End
	}
	return nil
}

// vouched raises an alarm where records to be withdrawn were vouched for by this custodian, or are known to be anchored.
func (k *Keeper) vouched(v *visit, r journal.Range) error {
	t, err := k.book.tally(v.owner)
	if err != nil {
		return err
	}
	end := t.Covered
	for _, s := range t.Signed {
		end = max(end, s.End)
	}
	first := r.Start.Entry
	if first == r.End.Entry {
		return nil
	}
	if first >= end {
		return k.maybeVouched(v.owner, first)
	}
	detail := fmt.Sprintf("the owner wants to withdraw entries from %d on, of which those below %d were vouched for", first, end)
	k.alarm(v.owner, codeVouched, first, detail)
	return refuse(http.StatusConflict, codeVouched, detail+"; an alarm was recorded", first)
}

// putAside keeps what is withdrawn: u32be length ‖ withdrawal ‖ the frames.
func (k *Keeper) putAside(v *visit, w *withdrawal, body []byte) error {
	n, err := v.withdrawals()
	if err != nil {
		return err
	}
	if n >= maxWithdrawals {
		return refuse(http.StatusInsufficientStorage, codeQuota, fmt.Sprintf("records were withdrawn %d times already; ask the administrator", n), 0)
	}
	// What is put aside was counted already; for a moment it lies on the disk twice.
	left, err := durable.Free(k.dir)
	if err != nil {
		return fmt.Errorf("custody: free space of %s: %w", k.dir, err)
	}
	if left-(w.Range.End.Offset-w.Range.Start.Offset) < k.opt.Reserve {
		return full()
	}
	if err := makeDir(v.aside()); err != nil {
		return err
	}
	name := fmt.Sprintf("%010d-%015d-%s", w.Range.Start.Segment, w.Range.Start.Offset, w.Hash)
	return durable.Place(filepath.Join(v.aside(), name), 0o600, func(f *os.File) error {
		if _, err := f.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)); err != nil {
			return err
		}
		return v.copyRange(w.Range, f)
	})
}

// aside is where withdrawn records are kept.
func (s *shelf) aside() string { return filepath.Join(s.dir, "withdrawn") }

func (s *shelf) withdrawals() (int, error) {
	names, err := os.ReadDir(s.aside())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return len(names), err
}

// noneVoid refuses a batch that has an entry which its owner has withdrawn here.
func (h *hearing) noneVoid(b *heard, leaves []verify.Hash) error {
	return h.book.voided(h.owner, b.Begin.Entry, b.End.Entry, func(number uint64, leaf verify.Hash) error {
		if leaves[number-b.Begin.Entry] != leaf {
			return nil
		}
		return h.accuse(codeVouched, number, fmt.Sprintf("batch %d has entry %d, which the owner has withdrawn here", b.Anchor.Seq, number))
	})
}

// void notes the leaves of entries that were withdrawn, the first of which has a number.
func (b *book) void(owner verify.OrgID, first uint64, leaves []verify.Hash) error {
	batch := b.db.NewBatch()
	defer batch.Close()
	for i, leaf := range leaves {
		if err := batch.Set(append(voidKey(owner, first+uint64(i)), leaf[:]...), nil, nil); err != nil {
			return fmt.Errorf("custody: write the book: %w", err)
		}
	}
	return b.commit(batch)
}

// voided walks the withdrawn entries with numbers from begin on and below end.
func (b *book) voided(owner verify.OrgID, begin, end uint64, fn func(number uint64, leaf verify.Hash) error) error {
	return b.between(voidKey(owner, begin), voidKey(owner, end), func(key, _ []byte) error {
		rest := key[1+len(owner):]
		if len(rest) != 8+32 {
			return errors.New("custody: malformed key of a withdrawn entry")
		}
		return fn(binary.BigEndian.Uint64(rest), verify.Hash(rest[8:]))
	})
}

func voidKey(owner verify.OrgID, number uint64) []byte {
	return binary.BigEndian.AppendUint64(bookKey(keyVoid, owner), number)
}
