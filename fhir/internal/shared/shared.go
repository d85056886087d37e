// Package shared finds the published sample data and definitions that tests and generators read: the folder named by
// SIJIL_SHARED, or ../shared beside the repository.
package shared

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Dir gives the folder, or "" where there is none.
func Dir() string {
	if dir := os.Getenv("SIJIL_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			dir = filepath.Join(filepath.Dir(dir), "shared")
			if _, err := os.Stat(dir); err != nil {
				return ""
			}
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

// Files lists the files that match a pattern below Dir, in order of their names.
func Files(pattern string) []string {
	dir := Dir()
	if dir == "" {
		return nil
	}
	names, _ := filepath.Glob(filepath.Join(dir, pattern)) // the only error is a bad pattern, which finds nothing
	return names
}

// Read gives a file's content, uncompressed where its name ends in .gz.
func Read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(name, ".gz") {
		return io.ReadAll(f)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
