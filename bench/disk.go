package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/sijil-health/sijil/journal"
)

// place is a class of file and where it lies in a data directory.
type place struct{ name, under string }

// places are the classes of file of a data directory, the more particular before the more general.
var places = []place{
	{"journal", "journal"}, {"held for others", "held"}, {"blobs", "blobs"}, {"key store", "keys"}, {"index", "index"}, {"recent plans", "ledger/plans"},
	{"chain, kept for ever", "ledger/chain/state"}, {"chain, consensus log", "ledger/chain/data/cs.wal"}, {"chain, recent blocks", "ledger/chain/data"},
	{"checkpoints", "checkpoints"}, {"plans", ""},
}

// trimmedPlan is what is left of a plan, in bytes, a while after its batch is committed: most of a plan is recent, and goes.
const trimmedPlan = 12

// pruned tells the classes that do not grow by the number of entries: to a limit only, or by one checkpoint a day.
var pruned = map[string]bool{"recent plans": true, "chain, consensus log": true, "chain, recent blocks": true, "checkpoints": true}

// classes gives the bytes of each class of file, but for "plans". Space that is allocated ahead, zeros at a file's end, does not count.
func classes(dir string) map[string]int64 {
	all := make(map[string]int64)
	_ = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // a file that went away while it was counted
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		class := "other"
		for _, p := range places {
			if p.under != "" && strings.HasPrefix(filepath.ToSlash(rel), p.under+"/") {
				class = p.name
				break
			}
		}
		all[class] += filled(path)
		return nil
	})
	return all
}

// filled is a file's size without the zeros at its end, of which a journal's last segment has megabytes.
func filled(path string) int64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	end, piece := info.Size(), make([]byte, 64<<10)
	for end > 0 {
		p := piece[:min(int64(len(piece)), end)]
		if _, err := f.ReadAt(p, end-int64(len(p))); err != nil {
			return end // it became shorter
		}
		if rest := bytes.TrimRight(p, "\x00"); len(rest) > 0 {
			return end - int64(len(p)-len(rest))
		}
		end -= int64(len(p))
	}
	return 0
}

// size is what the files of a directory have, in bytes.
func size(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // a file that went away while it was counted
		}
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}

// contents is what a journal is made of, in bytes but for the counts.
type contents struct{ records, entries, envelopes, ciphertexts int64 }

// dissect reads a journal, which may be in use.
func dissect(dir string) (c contents, err error) {
	err = journal.Scan(dir, journal.Cursor{}, func(l journal.Located) error {
		c.records++
		c.entries += int64(len(l.Record.Entries))
		for i := range l.Record.Entries {
			c.envelopes += int64(len(l.Record.Entries[i].Envelope))
		}
		for _, blob := range l.Record.Blobs {
			c.ciphertexts += int64(len(blob))
		}
		return nil
	})
	return c, err
}
