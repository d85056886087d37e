package backup

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/sijil-health/sijil/verify"
)

const (
	pieceSize = 4 << 20   // bytes of a file in one object
	maxObject = 256 << 20 // bytes of one object: a manifest of some million files
	maxPath   = 255       // bytes of a file's name

	repositoryFormat = "sijil-backup/1"
	repositoryFile   = "sijil-backup.json"
	latestFile       = "latest"
	signPurpose      = "sijil/backup/manifest/1\x00"
)

// File is a file as it was backed up.
type File struct {
	Path   string        `cbor:"1,keyasint"` // slash-separated, below the data directory
	Size   int64         `cbor:"2,keyasint"` // bytes
	Hash   verify.Hash   `cbor:"3,keyasint"` // SHA-256 of the whole
	Pieces []verify.Hash `cbor:"4,keyasint"` // SHA-256 of each 4 MiB; empty when the file is one piece, whose hash is Hash
}

// pieces gives the hash of each piece of the file.
func (f *File) pieces() []verify.Hash {
	switch {
	case f.Size == 0:
		return nil
	case len(f.Pieces) == 0:
		return []verify.Hash{f.Hash}
	}
	return f.Pieces
}

// size is the length of piece i in bytes.
func (f *File) size(i int) int64 { return min(pieceSize, f.Size-int64(i)*pieceSize) }

func (f *File) check() error {
	clean := path.Clean("/" + f.Path)[1:]
	n := (f.Size + pieceSize - 1) / pieceSize
	if f.Path == "" || clean != f.Path || len(f.Path) > maxPath || strings.ContainsAny(f.Path, "\\\x00") || f.Size < 0 || int64(len(f.pieces())) != n {
		return fmt.Errorf("the manifest names a file %q of %d bytes in %d pieces, which cannot be", f.Path, f.Size, len(f.Pieces))
	}
	return nil
}

// Secret is a small thing that must not outlive its month: sealed pages of the key store, a node's keys.
type Secret struct {
	Name   string      `cbor:"1,keyasint"`
	Object string      `cbor:"2,keyasint"` // at the destination
	Hash   verify.Hash `cbor:"3,keyasint"` // SHA-256
	Size   int64       `cbor:"4,keyasint"` // bytes
}

// Manifest is what one backup consists of.
type Manifest struct {
	Org     verify.OrgID `cbor:"1,keyasint"`
	Chain   string       `cbor:"2,keyasint"` // name of the ledger
	Number  uint64       `cbor:"3,keyasint"` // of the backup, rising
	Time    int64        `cbor:"4,keyasint"` // Unix milliseconds, when it began
	Month   string       `cbor:"5,keyasint"` // whose key seals it: 2026-11
	Lineage string       `cbor:"6,keyasint"` // of the node's copy that made it
	Files   []File       `cbor:"7,keyasint"`
	Secrets []Secret     `cbor:"8,keyasint"`
	Facts   []byte       `cbor:"9,keyasint"` // what the node notes for itself
}

// File finds a file by its name; nil when there is none.
func (m *Manifest) File(path string) *File {
	for i := range m.Files {
		if m.Files[i].Path == path {
			return &m.Files[i]
		}
	}
	return nil
}

type signed struct {
	Manifest  []byte           `cbor:"1,keyasint"`
	Signature verify.Signature `cbor:"2,keyasint"` // of the organisation, over "sijil/backup/manifest/1\0" ‖ SHA-256(Manifest)
}

func signedBytes(manifest []byte) []byte {
	sum := sha256.Sum256(manifest)
	return append([]byte(signPurpose), sum[:]...)
}

func monthOf(t time.Time) string { return t.UTC().Format("2006-01") }

var manifestForm = regexp.MustCompile(`^epoch/([0-9]{4}-[0-9]{2})/manifests/([0-9]{10})$`)

func manifestName(month string, number uint64) string {
	return fmt.Sprintf("epoch/%s/manifests/%010d", month, number)
}

func parseManifestName(name string) (month string, number uint64, ok bool) {
	m := manifestForm.FindStringSubmatch(name)
	if m == nil {
		return "", 0, false
	}
	number, err := strconv.ParseUint(m[2], 10, 64)
	return m[1], number, err == nil
}

func epochFile(month string) string { return "epochs/" + month }

// place is a destination with the keys that open it.
type place struct {
	Store
	keys   *master
	public verify.PublicKey
}

type repository struct {
	Format string `json:"format"`
	ID     string `json:"id"`
}

// recognise tells whether the backups at the place belong to the key. Errors: ErrNone, ErrKit.
func (p *place) recognise(ctx context.Context) error {
	b, err := p.Get(ctx, repositoryFile)
	if errors.Is(err, ErrNotFound) {
		return ErrNone
	}
	if err != nil {
		return err
	}
	var r repository
	if err := json.Unmarshal(b, &r); err != nil || r.Format != repositoryFormat {
		return &DamageError{Object: repositoryFile, Reason: "it does not say " + repositoryFormat}
	}
	if r.ID != p.keys.id {
		return ErrKit
	}
	return nil
}

// month gives the key of a month, or ErrNotFound once it was destroyed.
func (p *place) month(ctx context.Context, month string) ([]byte, error) {
	name := epochFile(month)
	b, err := p.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	key, err := unseal(p.keys.epochs, name, b)
	if err != nil || len(key) != keySize {
		return nil, &DamageError{Object: name, Reason: fmt.Sprintf("the key of the month does not open: %v", err)}
	}
	return key, nil
}

// manifest reads, opens and checks a manifest.
func (p *place) manifest(ctx context.Context, name string) (*Manifest, []byte, error) {
	month, number, ok := parseManifestName(name)
	if !ok {
		return nil, nil, &DamageError{Object: latestFile, Reason: "it does not name a manifest"}
	}
	key, err := p.month(ctx, month)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, &DamageError{Object: epochFile(month), Of: name, Reason: "the key of its month is gone"}
	}
	if err != nil {
		return nil, nil, err
	}
	b, err := p.Get(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, &DamageError{Object: name, Of: "the latest backup", Reason: "it is missing"}
	}
	if err != nil {
		return nil, nil, err
	}
	m, err := p.parse(key, name, b)
	if err == nil && (m.Month != month || m.Number != number) {
		err = errors.New("it is another manifest")
	}
	if err != nil {
		return nil, nil, &DamageError{Object: name, Of: "the manifest", Reason: err.Error()}
	}
	return m, key, nil
}

func (p *place) parse(key []byte, name string, b []byte) (*Manifest, error) {
	plain, err := unseal(key, name, b)
	if err != nil {
		return nil, err
	}
	var s signed
	if err := strict.Unmarshal(plain, &s); err != nil {
		return nil, fmt.Errorf("it is malformed: %w", err)
	}
	if !ed25519.Verify(p.public[:], signedBytes(s.Manifest), s.Signature[:]) {
		return nil, errors.New("the organisation did not sign it")
	}
	m := new(Manifest)
	if err := strict.Unmarshal(s.Manifest, m); err != nil {
		return nil, fmt.Errorf("it is malformed: %w", err)
	}
	for i := range m.Files {
		if err := m.Files[i].check(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// strict refuses what no manifest needs.
var strict = func() cbor.DecMode {
	m, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxArrayElements: 1 << 22, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		panic("backup: CBOR: " + err.Error())
	}
	return m
}()

// latest reads the newest complete manifest. Errors: ErrNone, ErrKit, *DamageError.
func (p *place) latest(ctx context.Context) (*Manifest, []byte, error) {
	if err := p.recognise(ctx); err != nil {
		return nil, nil, err
	}
	b, err := p.Get(ctx, latestFile)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, ErrNone
	}
	if err != nil {
		return nil, nil, err
	}
	return p.manifest(ctx, strings.TrimSuffix(string(b), "\n"))
}
