package custody

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/verify"
)

// A book that is lost takes nobody's record with it: what is held lies beside it. Of each owner the tags of what is held, and what was
// withdrawn, are made again; pages and anchored batches the owner brings and tells again. Lost are the alarms, and which batches were
// signed last: so nothing that was held then may be withdrawn, for it may have been vouched for.

// asideMark is in the name of a book that was put aside, before the time.
const asideMark = ".damaged-"

// lookThrough bounds how long a start reads in the book. A large one is read whole only by a scrub.
const lookThrough = 2 * time.Second

// lost says, of one owner, that an earlier book is gone.
type lost struct {
	End  uint64 `cbor:"1,keyasint"` // entries below it were held when the book was lost; 0 while that is not known
	Anew bool   `cbor:"2,keyasint"` // what can be made again was
}

// BookStatus is what there is to tell of the book.
type BookStatus struct {
	Damage *BookDamage // met while the node runs: the next start puts the book aside
	Failed error       // nothing can be written to it before a restart
	Aside  []string    // books that were damaged or gone, until somebody removes them
}

// Book tells how the book does.
func (k *Keeper) Book() (s BookStatus, err error) {
	aside, err := asideBooks(k.dir)
	for _, d := range aside {
		s.Aside = append(s.Aside, d.File)
	}
	k.book.mu.Lock()
	defer k.book.mu.Unlock()
	s.Damage, s.Failed = k.book.damage, k.book.failed
	return s, err
}

// CheckBook reads the whole book of a running node, and names its damage and the books put aside.
func (k *Keeper) CheckBook(ctx context.Context) (found []BookDamage, err error) {
	if found, err = asideBooks(k.dir); err != nil {
		return found, err
	}
	err = k.book.failure("read", k.book.check(ctx.Err))
	if damage := (*BookDamage)(nil); errors.As(err, &damage) {
		return append(found, *damage), nil
	}
	return found, err
}

// asideBooks names the books in a directory that were put aside.
func asideBooks(dir string) (found []BookDamage, err error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	for _, d := range names {
		if strings.HasPrefix(d.Name(), "book"+asideMark) {
			found = append(found, BookDamage{Aside: true, File: filepath.Join(dir, d.Name()),
				Reason: "a start found it damaged or gone, put it aside and began another; alarms and which batches were signed last are lost"})
		}
	}
	return found, nil
}

// openBook opens the book. A damaged one is put aside for a new one; one that is gone, though things are held, was lost as well.
func (k *Keeper) openBook(owners []verify.OrgID) error {
	path := filepath.Join(k.dir, "book")
	b, err := openBook(path, &bookFaults{log: k.opt.Log})
	if err == nil {
		if err = b.lookThrough(); err != nil {
			err = errors.Join(err, b.close())
		}
	}
	damage := (*BookDamage)(nil)
	if errors.As(err, &damage) {
		aside, asideErr := putBookAside(path)
		if asideErr != nil {
			return errors.Join(damage, asideErr)
		}
		k.opt.Log.Error("custody: the book of what was vouched for is damaged and was put aside; another is begun and what can be is made again from what is held",
			"file", damage.File, "reason", damage.Reason, "aside", aside)
		b, err = openBook(path, &bookFaults{log: k.opt.Log})
	}
	if err != nil {
		return err
	}
	k.book = b
	return k.begin(owners, damage != nil)
}

// lookThrough reads as much of the book as time allows.
func (b *book) lookThrough() error {
	until := time.Now().Add(lookThrough)
	enough := errors.New("enough")
	err := b.check(func() error {
		if time.Now().After(until) {
			return enough
		}
		return nil
	})
	if err == nil || errors.Is(err, enough) {
		return nil
	}
	return bookError(b.dir, err)
}

func putBookAside(path string) (aside string, err error) {
	aside = path + asideMark + time.Now().UTC().Format("20060102T150405.000Z")
	if err := ignoreMissing(os.Rename(path, aside)); err != nil {
		return "", fmt.Errorf("custody: put aside: %w", err)
	}
	if err := ignoreMissing(os.Remove(path + condemned)); err != nil {
		return "", fmt.Errorf("custody: put aside: %w", err)
	}
	return aside, durable.SyncDir(filepath.Dir(path))
}

// begin marks a book that has no mark yet as begun, and of whom an earlier one is lost, in one step.
func (k *Keeper) begin(owners []verify.OrgID, told bool) error {
	if begun, err := k.book.get([]byte{keyBegun}, new(bool)); err != nil || begun {
		return err
	}
	if len(owners) > 0 && !told {
		aside := k.book.dir + asideMark + time.Now().UTC().Format("20060102T150405.000Z")
		if err := makeDir(aside); err != nil { // an empty one: so that it is told until somebody has seen it
			return err
		}
		k.opt.Log.Error("custody: the book of what was vouched for is gone; another is begun and what can be is made again from what is held", "aside", aside)
	}
	batch := k.book.db.NewBatch()
	defer batch.Close()
	err := batch.Set([]byte{keyBegun}, must(wireEnc.Marshal(true)), nil)
	for _, owner := range owners {
		err = errors.Join(err, batch.Set(bookKey(keyLost, owner), must(wireEnc.Marshal(lost{})), nil))
	}
	return errors.Join(err, k.book.commit(batch))
}

// commit makes a batch durable.
func (b *book) commit(batch *pebble.Batch) error {
	if err := b.writable(); err != nil {
		return err
	}
	return b.failure("write", batch.Commit(pebble.Sync))
}

func (b *book) setLost(owner verify.OrgID, l lost) error {
	batch := b.db.NewBatch()
	defer batch.Close()
	return errors.Join(batch.Set(bookKey(keyLost, owner), must(wireEnc.Marshal(l)), nil), b.commit(batch))
}
