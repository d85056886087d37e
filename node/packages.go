package node

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sijil-health/sijil/fhir/definition"
	"github.com/sijil-health/sijil/internal/durable"
)

// A FHIR package lies in the data directory as it was published, NAME#VERSION.tgz, and beside it in the form in which it is opened quickly,
// NAME#VERSION.pack, after the SHA-256 of both. The second can be missing, damaged or of another version of the program: it is made anew.
const packageFile, packFile = ".tgz", ".pack"

// ErrNoPackage says that a node has no package of that name and version.
var ErrNoPackage = errors.New("there is no such package")

// AddPackage takes a FHIR package, as a file of NPM's form, into a node's directory. The node opens it when it is started. The error wraps
// definition.ErrPackage where the file is none.
func AddPackage(dir, file string) (*definition.Package, error) {
	l := Layout{dir}
	if _, err := ReadConfig(l.Config()); err != nil {
		return nil, err
	}
	published, err := readPackageFile(file)
	if err != nil {
		return nil, err
	}
	p, err := definition.ReadPackage(bytes.NewReader(published))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := durable.MkdirAll(l.Packages(), 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(l.Packages(), p.ID())
	if err := durable.Write(path+packageFile, published, 0o600); err != nil {
		return nil, err
	}
	return p, durable.Write(path+packFile, packed(published, p), 0o600)
}

// RemovePackage takes a package, named NAME#VERSION, out of a node's directory.
func RemovePackage(dir, id string) error {
	l := Layout{dir}
	names, err := l.packages()
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != id {
			continue
		}
		path := filepath.Join(l.Packages(), id)
		if err := os.Remove(path + packFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return errors.Join(os.Remove(path+packageFile), durable.SyncDir(l.Packages()))
	}
	return fmt.Errorf("%s: %w", id, ErrNoPackage)
}

// Packages opens the packages of a node's directory. Those that cannot be are named by failed, and left out.
func Packages(dir string) (opened []*definition.Package, failed []error, err error) {
	l := Layout{dir}
	names, err := l.packages()
	for _, name := range names {
		p, err := l.openPackage(name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		opened = append(opened, p)
	}
	return opened, failed, err
}

// packages are the names of those that lie there.
func (l Layout) packages() (names []string, err error) {
	if _, err := ReadConfig(l.Config()); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(l.Packages())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), packageFile); ok && f.Type().IsRegular() && !durable.IsTemp(f.Name()) {
			names = append(names, name)
		}
	}
	return names, err
}

func (l Layout) openPackage(name string) (*definition.Package, error) {
	path := filepath.Join(l.Packages(), name)
	published, err := readPackageFile(path + packageFile)
	if err != nil {
		return nil, err
	}
	if b, err := os.ReadFile(path + packFile); err == nil && len(b) > sha256.Size && [sha256.Size]byte(b) == sumOf(published, b[sha256.Size:]) {
		if p, err := definition.OpenPackage(b[sha256.Size:]); err == nil {
			return p, nil
		}
	}
	p, err := definition.ReadPackage(bytes.NewReader(published))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path+packageFile, err)
	}
	return p, durable.Write(path+packFile, packed(published, p), 0o600)
}

// readPackageFile reads a file no further than a package may reach.
func readPackageFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, definition.MaxPackage+1))
	if err != nil {
		return nil, err
	}
	return b, nil
}

// packed is the content of a pack's file.
func packed(published []byte, p *definition.Package) []byte {
	sum := sumOf(published, p.Pack())
	return append(sum[:], p.Pack()...)
}

func sumOf(published, pack []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(published)
	h.Write(pack)
	return [sha256.Size]byte(h.Sum(nil))
}
