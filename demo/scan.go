package demo

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sijil-health/sijil/internal/durable"
)

// What a stored file holds cannot be told from outside, and people may load more. So the file of the scanned document, which the walk
// damages, is noted when the document is loaded: DIR/scan names it below the hospital's blobs.

func (d *Demo) scanNote() string { return filepath.Join(d.Dir, "scan") }

// noteScan notes which file has come since before.
func (d *Demo) noteScan(m *Member, before map[string]bool) error {
	after, err := blobs(m)
	if err != nil {
		return err
	}
	var fresh []string
	for name := range after {
		if !before[name] {
			fresh = append(fresh, name)
		}
	}
	if len(fresh) != 1 {
		return fmt.Errorf("the scanned document was to make one stored file and made %d", len(fresh))
	}
	return durable.Write(d.scanNote(), []byte(fresh[0]+"\n"), 0o600)
}

// scanFile is the stored file of the scanned document.
func (d *Demo) scanFile(m *Member) (string, error) {
	b, err := os.ReadFile(d.scanNote())
	if err != nil {
		return "", fmt.Errorf("which file holds the scanned document is not known; make a new demonstration: %w", err)
	}
	name := strings.TrimSpace(string(b))
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%s names no file of the demonstration", d.scanNote())
	}
	return filepath.Join(m.Data, "blobs", name), nil
}

// blobs lists a member's stored files, below its directory for them.
func blobs(m *Member) (map[string]bool, error) {
	root, names := filepath.Join(m.Data, "blobs"), make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		names[name] = true
		return err
	})
	return names, err
}
