package backup

import (
	"context"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A place is trusted with nothing for long: each backup reads back and opens one part of what lies there, another one each time, so that
// within maxParts backups all was read. What is damaged counts as not there, and is stored again as far as the backup needs it.
const (
	maxParts  = 32
	leastPart = 64 << 20 // bytes: what is smaller is read whole each time
)

// ReadBack is what a backup found when it read back a part of what was at the place.
type ReadBack struct {
	Parts   uint64   `json:"parts"`             // one part of so many was read
	Objects int      `json:"objects"`           // in it
	Bytes   int64    `json:"bytes"`             // in it
	Damaged int      `json:"damaged"`           // objects, of that part, or missing anywhere
	Damages []Damage `json:"damages,omitempty"` // the first maxNamed of them
}

// ReadBack tells what was found damaged. What is not mended after Commit this backup does not need: it is whole.
func (w *Writer) ReadBack() ReadBack {
	w.read.Damaged, w.read.Damages = w.bad.report()
	return w.read
}

func (d damages) report() (n int, named []Damage) {
	for _, name := range slices.Sorted(maps.Keys(d))[:min(len(d), maxNamed)] {
		named = append(named, *d[name])
	}
	return len(d), named
}

// there tells whether an object with so many bytes of content is at the place, and not known to be damaged.
func (w *Writer) there(name string, size int64) bool {
	bad := w.bad[name]
	return w.stored[name] == size+int64(overhead) && (bad == nil || bad.Mended)
}

// miss notes what the last backup needs and is not there.
func (w *Writer) miss() {
	if w.last == nil {
		return
	}
	look := func(name, of string, size int64) {
		if sealed, is := w.stored[name]; !is {
			w.bad.add(&DamageError{Object: name, Of: of, Reason: "it is missing", gone: true})
		} else if sealed != size+int64(overhead) {
			w.bad.add(&DamageError{Object: name, Of: of, Reason: "it has another size"})
		}
	}
	for i := range w.last.Files {
		f := &w.last.Files[i]
		for i, h := range f.pieces() {
			look(w.keys.object(h), f.Path, f.size(i))
		}
	}
	for _, s := range w.last.Secrets {
		if w.last.Month == w.manifest.Month {
			look(s.Object, s.Name, s.Size)
		}
	}
}

// readBack reads this backup's part of the pieces and of the month's secrets.
func (w *Writer) readBack(ctx context.Context) error {
	total := int64(0)
	for _, size := range w.stored {
		total += size
	}
	w.read.Parts = partsOf(total)
	var mine []sealedObject
	secrets := "epoch/" + w.manifest.Month + "/secrets/"
	for name, size := range w.stored {
		if partOf(name, w.read.Parts) != w.manifest.Number%w.read.Parts {
			continue
		}
		switch {
		case strings.HasPrefix(name, "objects/"):
			mine = append(mine, w.pieceObject(name, "", size))
		case strings.HasPrefix(name, secrets):
			mine = append(mine, secretObject(name, "", size, w.manifest.Month, w.month))
		default:
			continue
		}
		w.progress.Share += size
	}
	return w.inspectAll(ctx, mine, func(o *sealedObject, damage *DamageError) {
		if damage != nil {
			w.bad.add(damage)
		}
		w.read.Objects++
		w.read.Bytes += o.size
		w.progress.Checked += o.size
		w.tell("", 0)
	})
}

// partsOf tells into how many parts a place with so many bytes falls. They are doubled as it grows, never changed otherwise, so that the
// turn of each comes.
func partsOf(total int64) uint64 {
	n := uint64(1)
	for n < maxParts && total >= int64(2*n)*leastPart {
		n *= 2
	}
	return n
}

// partOf gives the part that an object is in, by the first byte of the hash that names it. What is not named by a hash is nobody's, and in
// part 0.
func partOf(name string, parts uint64) uint64 {
	base := path.Base(name)
	first, _ := strconv.ParseUint(base[:min(2, len(base))], 16, 8) // see above
	return first % parts
}
