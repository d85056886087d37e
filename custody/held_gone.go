package custody

import (
	"path/filepath"

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
