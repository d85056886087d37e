package definition

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/sijil-health/sijil/fhir/tape"
)

// Package is a FHIR package that was read: definitions of an implementation guide (https://hl7.org/fhir/packages.html).
type Package struct {
	Name, Version string // "hl7.fhir.us.core", "6.1.0"
	Title         string
	Canonical     string
	Dependencies  []string // NAME#VERSION, in order; whether they are there nobody asks

	bytes []byte
	pack  *pack
}

// ID is the package's name and version, "hl7.fhir.us.core#6.1.0". It is fit for the name of a file.
func (p *Package) ID() string { return p.Name + "#" + p.Version }

// Len is the number of definitions in it.
func (p *Package) Len() int { return len(p.pack.items) - len(p.pack.of(ofPackage)) }

// Pack is the package as OpenPackage opens it, much faster than ReadPackage reads it. It must not be changed, and is for this version of
// the program.
func (p *Package) Pack() []byte { return p.bytes }

// OpenPackage opens what Pack gave. It goes on to use b.
func OpenPackage(b []byte) (*Package, error) {
	p := &Package{bytes: b}
	var err error
	if p.pack, err = open(b); err != nil {
		return nil, err
	}
	for _, it := range p.pack.of(ofPackage) {
		b, err := p.pack.raw(&it)
		if err != nil {
			return nil, err
		}
		if err := p.describe(b); err != nil {
			return nil, err
		}
	}
	if p.Name == "" {
		return nil, errPack
	}
	return p, nil
}

// ErrPackage is wrapped by the errors of ReadPackage that say that the bytes are no package that can be used.
var ErrPackage = errors.New("no usable FHIR package")

// Limits of a package. The largest that HL7 publishes for R4 has some 7,000 files and 70 MB.
const (
	MaxPackage        = 64 << 20  // bytes, compressed
	maxPackageContent = 512 << 20 // bytes, uncompressed
	maxPackageFile    = 32 << 20
	maxPackageFiles   = 50_000
)

var (
	packageName    = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$`)
	packageVersion = regexp.MustCompile(`^[0-9][0-9A-Za-z.+-]*$`)
)

func badPackage(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrPackage}, args...)...)
}

// ReadPackage reads a package (.tgz). Of what is in its folder "package" it takes the definitions; examples and other folders are passed
// over. It goes no further than its limits, and writes nothing anywhere.
func ReadPackage(r io.Reader) (*Package, error) {
	compressed := &io.LimitedReader{R: r, N: MaxPackage + 1}
	z, err := gzip.NewReader(bufio.NewReader(compressed))
	if err != nil {
		return nil, badPackage("it is not compressed with gzip")
	}
	content := &io.LimitedReader{R: z, N: maxPackageContent + 1}
	p := &Package{}
	all, err := p.files(tar.NewReader(content))
	if err == nil {
		if _, err = io.Copy(io.Discard, content); err != nil { // the checksum is at the end
			err = badPackage("its archive is damaged or cut off")
		}
	}
	switch {
	case compressed.N <= 0:
		return nil, badPackage("it has more than %d bytes", MaxPackage)
	case content.N <= 0:
		return nil, badPackage("it has more than %d bytes uncompressed", maxPackageContent)
	case err != nil:
		return nil, err
	case p.Name == "":
		return nil, badPackage("package/package.json is missing")
	case len(all) == 1:
		return nil, badPackage("there are no definitions in it")
	}
	b, err := makePack(all, zstd.SpeedDefault)
	if err != nil {
		return nil, err
	}
	return OpenPackage(b)
}

// files reads all files.
func (p *Package) files(r *tar.Reader) ([]packed, error) {
	var all []packed
	var t tape.Tape
	for n := 0; ; n++ {
		h, err := r.Next()
		switch {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return nil, badPackage("its archive is damaged or cut off")
		case n == maxPackageFiles:
			return nil, badPackage("it has more than %d files", maxPackageFiles)
		case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader:
			continue
		case h.Typeflag != tar.TypeReg:
			return nil, badPackage("%q is neither a file nor a folder", h.Name)
		case path.Clean(h.Name) != strings.TrimPrefix(h.Name, "./") || path.IsAbs(h.Name) || strings.HasPrefix(h.Name, "..") || strings.Contains(h.Name, `\`):
			return nil, badPackage("%q is no name that a file in it may have", h.Name)
		}
		folder, file := path.Split(strings.TrimPrefix(h.Name, "./"))
		if folder != "package/" || strings.HasPrefix(file, ".") || path.Ext(file) != ".json" {
			continue
		}
		if h.Size > maxPackageFile {
			return nil, badPackage("%q has more than %d bytes", h.Name, maxPackageFile)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return nil, badPackage("its archive is damaged or cut off")
		}
		if file == "package.json" {
			if p.Name != "" {
				return nil, badPackage("there are two of package/package.json")
			}
			if err := p.describe(b); err != nil {
				return nil, err
			}
			all = append(all, packed{item{kind: ofPackage}, b})
			continue
		}
		b = bytes.TrimPrefix(b, []byte("\ufeff"))
		if err := t.Parse(b, tape.Limits{Bytes: maxPackageFile, Nodes: 4 << 20}); err != nil {
			return nil, badPackage("%q: %v", h.Name, err)
		}
		if d, ok := take(t.Root()); ok {
			all = append(all, d)
		}
	}
}

// describe reads package.json.
func (p *Package) describe(b []byte) error {
	var d struct {
		Name, Version, Title, Canonical string
		FHIRVersions                    []string          `json:"fhirVersions"`
		FHIRVersionList                 []string          `json:"fhir-version-list"`
		Dependencies                    map[string]string `json:"dependencies"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return badPackage("package/package.json cannot be read")
	}
	switch {
	case len(d.Name) > 128 || !packageName.MatchString(d.Name):
		return badPackage("its name %q is none that a FHIR package may have", clip(d.Name))
	case len(d.Version) > 64 || !packageVersion.MatchString(d.Version):
		return badPackage("its version %q is none that a FHIR package may have", clip(d.Version))
	}
	versions := append(d.FHIRVersions, d.FHIRVersionList...)
	if len(versions) > 0 && !slices.ContainsFunc(versions, func(v string) bool { return strings.HasPrefix(v, "4.0") }) {
		return badPackage("it is for FHIR %s, not for %s", clip(strings.Join(versions, ", ")), Version)
	}
	p.Name, p.Version, p.Title, p.Canonical = d.Name, d.Version, d.Title, d.Canonical
	for name, version := range d.Dependencies {
		p.Dependencies = append(p.Dependencies, name+"#"+version)
	}
	slices.Sort(p.Dependencies)
	return nil
}

func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}
