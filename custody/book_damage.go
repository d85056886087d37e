package custody

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// BookDamage says that the book is not what was written.
type BookDamage struct {
	File   string // or the book's directory, where the damage does not tell
	Reason string
	Aside  bool // it is an earlier book, which was put aside
}

// Error says what is damaged and how.
func (d *BookDamage) Error() string {
	return fmt.Sprintf("custody: %s is damaged: %s", d.File, d.Reason)
}

// condemned is the file beside the book that says that it was found damaged: the next start puts it aside.
const condemned = ".condemned"

// bookFaults is what an open book met. It is Pebble's logger too: what Pebble calls fatal must not end the process, on which the node's
// own record depends.
type bookFaults struct {
	log *slog.Logger

	mu     sync.Mutex
	damage *BookDamage // the first one
	failed error       // the disk refused what Pebble cannot do without: nothing is written any more
}

func (f *bookFaults) condemned(dir string) bool {
	_, err := os.Lstat(dir + condemned)
	return err == nil
}

// met notes damage, so that the status tells of it and the next start puts the book aside.
func (f *bookFaults) met(dir string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.damage != nil {
		return
	}
	f.damage = bookDamage(dir, err)
	f.log.Error("custody: the book of what was vouched for is damaged; the next start puts it aside and makes what it can anew",
		"file", f.damage.File, "reason", f.damage.Reason)
	if err := os.WriteFile(dir+condemned, nil, 0o600); err != nil {
		f.log.Error("custody: that the book is damaged could not be noted", "err", err)
	}
}

// writable is why nothing can be written to the book any more, or nil.
func (f *bookFaults) writable() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// Infof implements pebble.Logger.
func (*bookFaults) Infof(string, ...any) {}

// Errorf implements pebble.Logger; the errors are returned.
func (*bookFaults) Errorf(string, ...any) {}

// Fatalf implements pebble.Logger. After a failed write to the list of its files Pebble makes no further changes to it, and the next
// start begins another: until then the book is only read. Everything else is a fault of the program.
func (f *bookFaults) Fatalf(format string, a ...any) {
	text := fmt.Sprintf(format, a...)
	var cause error
	for _, arg := range a {
		if err, ok := arg.(error); ok {
			cause = err
		}
	}
	if cause == nil || !strings.HasPrefix(text, "MANIFEST") {
		panic("custody: book: " + text)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.failed = fmt.Errorf("custody: the book cannot be written to before a restart: %w", cause)
		f.log.Error("custody: the book of what was vouched for cannot be written to; make room or mend the disk, then restart the node", "err", cause)
	}
}

// failure gives the error of a read or write of the book, and notes damage.
func (b *book) failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	if pebble.IsCorruptionError(err) {
		b.met(b.dir, err)
		return bookDamage(b.dir, err)
	}
	return fmt.Errorf("custody: %s the book: %w", doing, err)
}

// bookError tells damage from what the disk refuses.
func bookError(dir string, err error) error {
	for _, disk := range []error{
		fs.ErrPermission, fs.ErrClosed, syscall.ENOSPC, syscall.EIO, syscall.EROFS, syscall.EDQUOT, syscall.EFBIG, syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN,
	} {
		if errors.Is(err, disk) {
			return fmt.Errorf("custody: open %s: %w", dir, err)
		}
	}
	return bookDamage(dir, err)
}

// bookFile is the name of one of Pebble's files in what it says of damage.
var bookFile = regexp.MustCompile(`(MANIFEST|OPTIONS)-\d{6}|\d{6}\.(sst|log|blob)|CURRENT|marker\.[\w.-]+`)

func bookDamage(dir string, err error) *BookDamage {
	reason, _, _ := strings.Cut(err.Error(), "\n") // what follows is for Pebble
	d := &BookDamage{File: dir, Reason: reason}
	if name := bookFile.FindString(err.Error()); name != "" {
		d.File = filepath.Join(dir, name)
	}
	return d
}

// unlocked is the file system without the lock that Pebble makes a file for: whoever only reads changes nothing, not even that.
type unlocked struct{ vfs.FS }

// Lock implements vfs.FS.
func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Unwrap implements vfs.FS.
func (u unlocked) Unwrap() vfs.FS { return u.FS }

// CheckBook looks at the book in dir, the directory of what is held, of a node that does not run, and writes nothing: it names the damage
// and books put aside. Errors: those of the disk.
func CheckBook(dir string) (found []BookDamage, err error) {
	path := filepath.Join(dir, "book")
	if _, err := os.Stat(dir); err != nil {
		return nil, ignoreMissing(err) // nothing is held
	}
	if found, err = asideBooks(dir); err != nil {
		return found, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		owners, err := ownersIn(dir)
		if len(owners) > 0 {
			found = append(found, BookDamage{File: path, Reason: "it is missing, and copies are held here"})
		}
		return found, err
	}
	err = readBook(path)
	var damage *BookDamage
	if errors.As(err, &damage) {
		return append(found, *damage), nil
	}
	return found, err
}

func readBook(path string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = bookDamage(path, fmt.Errorf("%v", r))
		}
	}()
	quiet := &bookFaults{log: slog.New(slog.DiscardHandler)}
	opts := bookOptions(path, quiet)
	opts.ReadOnly, opts.FS = true, unlocked{vfs.Default}
	opts.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}
	db, err := pebble.Open(path, opts)
	if err != nil {
		return bookError(path, err)
	}
	b := &book{db: db, dir: path, bookFaults: quiet}
	err = b.check(func() error { return nil })
	if err != nil {
		err = bookError(path, err)
	}
	return errors.Join(err, db.Close())
}

// check reads the whole book; step may end it.
func (b *book) check(step func() error) error {
	it, err := b.db.NewIter(nil)
	if err != nil {
		return err
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		if _, err = it.ValueAndErr(); err == nil {
			err = step()
		}
	}
	return errors.Join(err, it.Error(), it.Close())
}
