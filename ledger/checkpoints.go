package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/verify"
)

// MaxCheckpoint bounds a stored note, in bytes: it has to travel by e-mail and on paper.
const MaxCheckpoint = 64 << 10

// Checkpoints is a directory of signed checkpoints: the latest, for each witness the last it cosigned, the last that more than two
// thirds of the voting members signed, the one that begins each epoch, and one a day. What is in it was checked before; files are replaced
// in one step. Safe for concurrent use.
type Checkpoints struct {
	dir string

	mu     sync.Mutex
	latest *verify.Note // nil when there is none
	head   *verify.Checkpoint
	kept   map[string]*storedNote // by file name: of the witnesses and of the quorum
}

const (
	quorumFile = "quorum.note"
	latestFile = "latest.note"
	noteSuffix = ".note"
)

func epochFile(n uint64) string    { return fmt.Sprintf("epoch-%08d%s", n, noteSuffix) }
func dayFile(day time.Time) string { return "day-" + day.UTC().Format(time.DateOnly) + noteSuffix }

// Dir is where the notes are, each a file in the form of verify.Note.Encode.
func (s *Checkpoints) Dir() string { return s.dir }

// OpenCheckpoints opens the directory and makes it if it is not there. The error may be a *Damage.
func OpenCheckpoints(dir string) (*Checkpoints, error) {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("ledger: checkpoints: %w", err)
	}
	s := &Checkpoints{dir: dir, kept: make(map[string]*storedNote)}
	var err error
	if s.latest, s.head, err = s.read(latestFile); err != nil {
		return s, err
	}
	return s, s.readKept()
}

// read gives a stored note; nil when there is no such file.
func (s *Checkpoints) read(name string) (*verify.Note, *verify.Checkpoint, error) {
	path := filepath.Join(s.dir, name)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("ledger: checkpoints: %w", err)
	}
	n, c, err := parseCheckpointNote(b)
	if err != nil {
		return nil, nil, &Damage{What: "checkpoint", File: path, Detail: err.Error()}
	}
	return n, c, nil
}

func parseCheckpointNote(b []byte) (*verify.Note, *verify.Checkpoint, error) {
	if len(b) > MaxCheckpoint {
		return nil, nil, fmt.Errorf("ledger: a checkpoint of %d bytes, at most %d", len(b), MaxCheckpoint)
	}
	n, err := verify.ParseNote(string(b))
	if err != nil {
		return nil, nil, err
	}
	c, err := verify.ParseCheckpoint(n.Text)
	return n, c, err
}

// Latest gives the largest checkpoint stored; nil when there is none. The caller must not change it.
func (s *Checkpoints) Latest() (*verify.Note, *verify.Checkpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest, s.head, nil
}

// Epoch gives the checkpoint that begins an epoch, as signed by a quorum of the one before; nil when it is not stored.
func (s *Checkpoints) Epoch(n uint64) (*verify.Note, error) {
	note, _, err := s.read(epochFile(n))
	return note, err
}

// Day gives the checkpoint kept for a day in UTC; nil when there is none.
func (s *Checkpoints) Day(day time.Time) (*verify.Note, error) {
	note, _, err := s.read(dayFile(day))
	return note, err
}

// putLatest stores a note as the latest, unless a larger one is there. A note of the same text keeps the signatures of both.
func (s *Checkpoints) putLatest(n *verify.Note, c *verify.Checkpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head != nil {
		if err := verify.CheckHeads(s.head, c); err != nil {
			return err
		}
		if err := s.keepCosigned(s.latest, s.head); err != nil {
			return err
		}
		if s.head.Height > c.Height || s.head.Size > c.Size {
			return s.keepCosigned(n, c)
		}
		n = merge(s.latest, n)
	}
	if err := s.keepCosigned(n, c); err != nil {
		return err
	}
	if err := s.write(latestFile, n); err != nil {
		return err
	}
	s.latest, s.head = n, c
	return nil
}

func (s *Checkpoints) put(name string, n *verify.Note, c *verify.Checkpoint) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.keepCosigned(n, c); err != nil {
		return err
	}
	old, _, err := s.read(name)
	if err != nil {
		return err
	}
	if old != nil {
		n = merge(old, n)
	}
	return s.write(name, n)
}

func (s *Checkpoints) write(name string, n *verify.Note) error {
	b := n.Encode()
	if len(b) > MaxCheckpoint {
		return fmt.Errorf("ledger: a checkpoint of %d bytes, at most %d", len(b), MaxCheckpoint)
	}
	if err := durable.Write(filepath.Join(s.dir, name), []byte(b), 0o600); err != nil {
		return fmt.Errorf("ledger: checkpoints: %w", err)
	}
	return nil
}

// merge gives the new note with the signatures of the old one if they are of one text.
func merge(old, n *verify.Note) *verify.Note {
	if old.Text != n.Text {
		return n
	}
	out := &verify.Note{Text: n.Text}
	for _, s := range append(append([]verify.NoteSignature(nil), old.Signatures...), n.Signatures...) {
		attach(out, s)
	}
	return out
}

// attach adds a signature that was checked, unless the note would grow too large.
func attach(n *verify.Note, s verify.NoteSignature) bool {
	if len(n.Encode())+len(s.String()) > MaxCheckpoint {
		return false
	}
	n.Add(s)
	return true
}

// files lists the stored notes by name.
func (s *Checkpoints) files() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: checkpoints: %w", err)
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), noteSuffix) && !strings.HasPrefix(e.Name(), ".") {
			out = append(out, e.Name())
		}
	}
	return out, nil
}
