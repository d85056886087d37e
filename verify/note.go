package verify

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a signed note. C2SP asks verifiers to accept at least 16 signatures.
const (
	MaxNote           = 1 << 20 // bytes
	MaxNoteSignatures = 256
)

// ErrNote is wrapped by every error about a note's form.
var ErrNote = errors.New("malformed note")

// Note is a C2SP signed note (https://c2sp.org/signed-note): a text that ends in a newline, and signatures on it.
type Note struct {
	Text       string
	Signatures []NoteSignature
}

// NoteSignature is one signature line. Name and ID together say which key made it and how.
type NoteSignature struct {
	Name      string
	ID        uint32 // see NoteKey
	Signature []byte // what the key's algorithm puts after the identifier
}

// String gives the signature line, its newline included.
func (s *NoteSignature) String() string {
	b := binary.BigEndian.AppendUint32(nil, s.ID)
	return "— " + s.Name + " " + base64.StdEncoding.EncodeToString(append(b, s.Signature...)) + "\n"
}

// Encode gives the note's one text form.
func (n *Note) Encode() string {
	var b strings.Builder
	b.WriteString(n.Text)
	b.WriteByte('\n')
	for i := range n.Signatures {
		b.WriteString(n.Signatures[i].String())
	}
	return b.String()
}

// Add puts a signature on the note, in place of one by the same key. The caller has checked it.
func (n *Note) Add(s NoteSignature) {
	for i := range n.Signatures {
		if n.Signatures[i].Name == s.Name && n.Signatures[i].ID == s.ID {
			n.Signatures[i] = s
			return
		}
	}
	n.Signatures = append(n.Signatures, s)
}

// ParseNote reads a signed note. It checks the form only: whoever uses the text first verifies a signature.
func ParseNote(b string) (*Note, error) {
	if len(b) > MaxNote {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrNote, len(b), MaxNote)
	}
	if !plain(b) {
		return nil, fmt.Errorf("%w: not plain UTF-8", ErrNote)
	}
	split := strings.LastIndex(b, "\n\n")
	if split < 0 {
		return nil, fmt.Errorf("%w: no blank line before the signatures", ErrNote)
	}
	signatures, err := ParseNoteSignatures(b[split+2:])
	if err != nil {
		return nil, err
	}
	return &Note{Text: b[:split+1], Signatures: signatures}, nil
}

// ParseNoteSignatures reads one or more signature lines, the form in which a witness answers.
func ParseNoteSignatures(b string) ([]NoteSignature, error) {
	var out []NoteSignature
	for len(b) > 0 {
		line, rest, ok := strings.Cut(b, "\n")
		if !ok || len(out) == MaxNoteSignatures {
			return nil, fmt.Errorf("%w: an unfinished line, or more than %d signatures", ErrNote, MaxNoteSignatures)
		}
		s, err := parseSignatureLine(line)
		if err != nil {
			return nil, err
		}
		out, b = append(out, s), rest
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no signature", ErrNote)
	}
	return out, nil
}

func parseSignatureLine(line string) (NoteSignature, error) {
	rest, ok := strings.CutPrefix(line, "— ")
	if !ok {
		return NoteSignature{}, fmt.Errorf("%w: a signature line begins with an em dash and a space", ErrNote)
	}
	name, encoded, _ := strings.Cut(rest, " ")
	if err := checkKeyName(name); err != nil {
		return NoteSignature{}, err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(b) <= 4 {
		return NoteSignature{}, fmt.Errorf("%w: signature of %s is no base64 of more than 4 bytes", ErrNote, name)
	}
	return NoteSignature{Name: name, ID: binary.BigEndian.Uint32(b), Signature: b[4:]}, nil
}

// checkKeyName refuses what could not be told apart in a signature line or a verifier key.
func checkKeyName(name string) error {
	bad := func(r rune) bool { return unicode.IsSpace(r) || r == '+' || r < ' ' }
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%w: key name %q is empty or has a space or a plus sign", ErrNote, name)
	}
	return nil
}

// Verified is a signature on a note that was checked.
type Verified struct {
	Key  int   // index among the keys given to Note.Verify
	Time int64 // Unix seconds at which a witness signed; 0 for signatures without time
}

// Verify checks every signature made by one of keys and passes over all others, as C2SP has it. One wrong signature by a
// known key refuses the whole note. No signature by a known key is no error: the result is then empty.
func (n *Note) Verify(keys []NoteKey) ([]Verified, error) {
	var (
		out   []Verified
		batch []signed
		names []string // of the keys in batch
	)
	for i := range n.Signatures {
		s := &n.Signatures[i]
		k := slices.IndexFunc(keys, func(k NoteKey) bool { return k.id == s.ID && k.name == s.Name })
		if k < 0 {
			continue
		}
		message, bare, at, err := keys[k].message(n.Text, s.Signature)
		switch {
		case err != nil:
		case keys[k].lattice != nil:
			err = keys[k].verifyLattice(message, bare)
		case len(bare) != len(Signature{}):
			err = errSignature
		default:
			batch, names = append(batch, signed{keys[k].curve, message, Signature(bare)}), append(names, s.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("signature of %s: %w", s.Name, err)
		}
		out = append(out, Verified{Key: k, Time: at})
	}
	if i := firstWrong(batch); i >= 0 {
		return nil, fmt.Errorf("signature of %s: %w", names[i], errSignature)
	}
	return out, nil
}

// plain tells whether b is UTF-8 without any control character but newline.
func plain(b string) bool {
	return utf8.ValidString(b) && !strings.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\n' })
}
