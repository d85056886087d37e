package custody

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/sijil-health/sijil/journal"
	"github.com/sijil-health/sijil/verify"
)

// Kept is what this node holds for one other member.
type Kept struct {
	Owner   verify.OrgID   `json:"owner"`
	Bytes   int64          `json:"bytes"`
	Quota   int64          `json:"quota"`   // bytes
	Entries uint64         `json:"entries"` // held
	Last    journal.Cursor `json:"last"`    // end of the furthest run held
	Runs    int            `json:"runs"`
	Pages   int            `json:"pages"` // of the owner's key store
	// Covered is the entry below which all that is held is known to be anchored. Unanchored counts what is held from there on; it is
	// small unless the owner is cut off from the ledger, or leaves entries out.
	Covered    uint64  `json:"covered"`
	Unanchored uint64  `json:"unanchored"`
	Withdrawn  int     `json:"withdrawn,omitempty"` // times that the owner withdrew records; what they were is kept aside
	Alarms     []Alarm `json:"alarms,omitempty"`
}

// Status tells what is held, in ascending order of owner.
func (k *Keeper) Status() ([]Kept, error) {
	all := []Kept{}
	for _, s := range k.opened() {
		t, err := k.book.tally(s.owner)
		if err != nil {
			return nil, err
		}
		kept := Kept{Owner: s.owner, Bytes: s.used.Load(), Quota: k.opt.Quota, Pages: len(s.pageVersions()), Covered: t.Covered}
		for _, r := range s.mirror.Held() {
			kept.Runs++
			kept.Last = r.End
			kept.Entries += r.End.Entry - r.Start.Entry
			if from := max(r.Start.Entry, t.Covered); from < r.End.Entry {
				kept.Unanchored += r.End.Entry - from
			}
		}
		if kept.Withdrawn, err = s.withdrawals(); err != nil {
			return nil, err
		}
		if kept.Alarms, err = k.book.alarmsOf(s.owner); err != nil {
			return nil, err
		}
		all = append(all, kept)
	}
	return all, nil
}

func (k *Keeper) opened() []*shelf {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []*shelf
	for _, s := range k.shelves {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *shelf) int { return bytes.Compare(a.owner[:], b.owner[:]) })
	return all
}

// Scrub reads everything held and raises an alarm for what cannot be read any more; it returns how many such places there are. step
// is told the bytes read since it was last called, found of each damage, with the file. Damaged blobs are removed and damaged parts stay until the next start puts
// them aside; the owner's top-up brings fresh copies of both. A blob that cannot be read at all stays until then: the disk may give it yet.
func (k *Keeper) Scrub(ctx context.Context, step func(bytes int64), found func(what string)) (damages int, err error) {
	for _, s := range k.opened() {
		journals, err1 := k.scrubJournal(ctx, s, step, found)
		blobs, err2 := k.scrubBlobs(ctx, s, step, found)
		vouched, err3 := 0, error(nil)
		if journals == 0 {
			vouched, err3 = k.scrubVouched(s, found)
		}
		damages += journals + blobs + vouched
		if err := cmp.Or(err1, err2, err3); err != nil {
			return damages, err
		}
	}
	return damages, nil
}

func (k *Keeper) scrubJournal(ctx context.Context, s *shelf, step func(int64), found func(string)) (damages int, err error) {
	for _, r := range s.mirror.Gone() { // told by an alarm when the shelf was opened
		damages++
		found(s.mirror.GonePart(r).Error())
	}
	gone := false
	for from := (journal.Cursor{}); ; {
		err := s.mirror.Scan(from, func(l journal.Located) error {
			step(l.Next.Offset - l.At.Offset)
			return ctx.Err()
		})
		damage := new(journal.DamageError)
		if !errors.As(err, &damage) {
			if gone { // opened anew it no longer claims to hold that, and the owner brings it
				err = errors.Join(err, s.mirror.anew())
			}
			return damages, err
		}
		damages++
		k.alarm(s.owner, "damage", 0, "a held copy cannot be read: "+damage.Error())
		found(damage.Error())
		if journal.IsGone(damage) {
			gone = true
		}
		from = journal.Cursor{Segment: damage.Segment + 1}
	}
}

func (k *Keeper) scrubBlobs(ctx context.Context, s *shelf, step func(int64), found func(string)) (damages int, err error) {
	err = filepath.WalkDir(filepath.Join(s.dir, "blobs"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		hash, ok := parseHash(d.Name())
		if !ok {
			return nil
		}
		if info, err := d.Info(); err == nil {
			step(info.Size())
		}
		if !k.intact(s, hash) {
			damages++
			found(name + " cannot be read, or is damaged: it does not have the hash that is its name")
		}
		return ctx.Err()
	})
	return damages, err
}
