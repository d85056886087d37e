package custody

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"github.com/sijil-health/sijil/journal"
)

// Gone names the files of journal copies that were held and are not there any more, as this node knew them when it opened them or met since.
func (k *Keeper) Gone() (found []journal.DamageError) {
	for _, s := range k.opened() {
		for _, r := range s.mirror.Gone() {
			found = append(found, *s.mirror.GonePart(r))
		}
		found = append(found, s.mirror.Absent()...)
	}
	return found
}

// scrubVouched names entries that this node vouched for and does not hold any more, though no mark of the journal copy tells of them: the
// copy was taken away as a whole. The owner finds the gap when it next asks what is held, and brings them again.
func (k *Keeper) scrubVouched(s *shelf, found func(string)) (damages int, err error) {
	held, missing, first := s.mirror.Held(), 0, uint64(math.MaxUint64)
	err = k.book.each(bookKey(keyTag, s.owner), func(_, value []byte) error {
		p, err := decodePlace(value)
		if err == nil && !slices.ContainsFunc(held, func(r journal.Range) bool { return r.Start.Compare(p.at) <= 0 && p.at.Compare(r.End) < 0 }) {
			missing++
			first = min(first, p.number)
		}
		return err
	})
	if err != nil || missing == 0 {
		return 0, err
	}
	detail := fmt.Sprintf("of the entries that this node vouched for, %d are not held any more; the first is %d", missing, first)
	k.alarm(s.owner, "damage", first, detail)
	found(filepath.Join(s.dir, "journal") + ": " + detail)
	return 1, nil
}

// CheckHeld is Gone for a node that does not run, given the directory of what is held. It writes nothing.
func CheckHeld(dir string) (found []journal.DamageError, err error) {
	owners, err := ownersIn(dir)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	for _, owner := range owners {
		gone, err := journal.CheckMirror(filepath.Join(dir, owner.String(), "journal"))
		if err != nil {
			return found, err
		}
		found = append(found, gone...)
	}
	return found, nil
}
