package node

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// maxPlaces bounds how many damaged places are remembered.
const maxPlaces = 1000

// damageBook is the damage that was met and not healed, until a scrub finds all whole. It outlives the process: a start does not look at
// everything again. Safe for concurrent use.
type damageBook struct {
	mu     sync.Mutex
	read   bool
	places []string // files, in the order they were met
}

func (l Layout) damageFile() string { return filepath.Join(l.Dir, "damage.json") }

// load reads the book once. One that cannot be read is empty: a scrub writes it anew. The caller holds b.mu.
func (b *damageBook) load(l Layout) {
	if b.read {
		return
	}
	b.read = true
	if text, err := os.ReadFile(l.damageFile()); err == nil && json.Unmarshal(text, &b.places) != nil {
		b.places = nil
	}
}

// save writes the book; an empty one is no file. The caller holds b.mu.
func (b *damageBook) save(l Layout) error {
	if len(b.places) > 0 {
		return writeJSON(l.damageFile(), b.places)
	}
	if err := os.Remove(l.damageFile()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// met notes whether a damaged place was healed.
func (b *damageBook) met(l Layout, place string, healed bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.load(l)
	at := slices.Index(b.places, place)
	switch {
	case healed && at >= 0:
		b.places = slices.Delete(b.places, at, at+1)
	case !healed && at < 0 && len(b.places) < maxPlaces:
		b.places = append(b.places, place)
	default:
		return nil
	}
	return b.save(l)
}

// scrubbed replaces the book by what a scrub of everything found.
func (b *damageBook) scrubbed(l Layout, places []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.load(l)
	b.places = slices.Clone(places[:min(len(places), maxPlaces)])
	return b.save(l)
}

// standing gives how much damage is known, and the last place.
func (b *damageBook) standing(l Layout) (count int, last string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.load(l)
	if len(b.places) == 0 {
		return 0, ""
	}
	return len(b.places), b.places[len(b.places)-1]
}
