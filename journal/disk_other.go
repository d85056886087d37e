//go:build !linux

package journal

// Sync uses what the system offers for a whole file.
func (f osFile) Sync() error { return f.File.Sync() }

// Allocate does nothing: the file grows as it is written.
func (f osFile) Allocate(int64) error { return nil }
