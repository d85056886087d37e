package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
)

// The file "durable" says how far the key store was acknowledged: no key of a change that lies behind the mark was ever given out. It is
// written after the log's sync and synced itself only when a log begins, so that after a loss of power it may lag behind, and it never runs
// ahead. What lies before it and cannot be read is therefore damage; what lies beyond it may be a torn tail.
//
//	magic[4] ‖ version[1] ‖ zero[3] ‖ vault[16] ‖ u64be generation ‖ u64be size ‖ u64be edition ‖ crc32c[4]
//
// It is smaller than a sector: a loss of power leaves the old or the new one.
const (
	markName    = "durable"
	markMagic   = "SjMk"
	markVersion = 1
	markFixed   = 4 + 1 + 3 + 16 + 3*8 // before the sum
	markSize    = markFixed + 4
)

// mark is what the file says.
type mark struct {
	vault      [16]byte
	generation uint64 // of the log
	size       int64  // bytes of it that were acknowledged
	edition    uint64 // the highest that was acknowledged
}

func (m *mark) encode() []byte {
	b := append(make([]byte, 0, markSize), markMagic...)
	b = append(b, markVersion, 0, 0, 0)
	b = append(b, m.vault[:]...)
	b = binary.BigEndian.AppendUint64(b, m.generation)
	b = binary.BigEndian.AppendUint64(b, uint64(m.size))
	b = binary.BigEndian.AppendUint64(b, m.edition)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func parseMark(b []byte) (m mark, err error) {
	if len(b) != markSize || string(b[:4]) != markMagic || binary.BigEndian.Uint32(b[markFixed:]) != crc32.Checksum(b[:markFixed], castagnoli) {
		return m, errors.New("it is not the mark that was written")
	}
	m.vault = [16]byte(b[8:])
	m.generation = binary.BigEndian.Uint64(b[24:])
	m.size = int64(binary.BigEndian.Uint64(b[32:]))
	m.edition = binary.BigEndian.Uint64(b[40:])
	if b[4] != markVersion || b[5]|b[6]|b[7] != 0 || m.size < 0 {
		return m, errors.New("a mark of an unknown version")
	}
	return m, nil
}

// readMark reads the mark of a file.
func readMark(f file) (m mark, err error) {
	b := make([]byte, markSize+1)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return m, err
	}
	return parseMark(b[:n])
}

// openMark opens the file and reads the mark. One that is missing, damaged or another store's says nothing; rec tells of it.
func (s *store) openMark(vault [16]byte, rec *Recovery) (known bool, err error) {
	s.acked.vault = vault
	f, err := s.disk.Open(s.path(markName))
	if errors.Is(err, fs.ErrNotExist) {
		rec.Mark = "it is missing"
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.mark = f
	m, err := readMark(f)
	if err == nil && m.vault != vault {
		err = errors.New("it is another key store's")
	}
	if err != nil {
		rec.Mark = err.Error()
		return false, nil
	}
	s.acked = m
	return true, nil
}

// acknowledge moves the mark to the end of the log. It must be durable up to there.
func (s *store) acknowledge(edition uint64) error {
	s.acked.generation, s.acked.size, s.acked.edition = s.generation, s.size, edition
	if _, err := s.mark.WriteAt(s.acked.encode(), 0); err != nil {
		return fmt.Errorf("write the key store's mark: %w", err)
	}
	return nil
}

// settleMark makes the mark durable, in a new file where there is none.
func (s *store) settleMark(edition uint64) error {
	made := s.mark == nil
	if made {
		f, err := s.disk.Create(s.path(markName))
		if err != nil {
			return fmt.Errorf("make the key store's mark: %w", err)
		}
		s.mark = f
	}
	err := s.acknowledge(edition)
	if err == nil {
		err = s.mark.Sync()
	}
	if err == nil && made {
		err = s.disk.SyncDir(s.dir)
	}
	return err
}

// lacks tells what is missing of a log of which good bytes can be read.
func (s *store) lacks(good int64) error {
	switch m := &s.acked; {
	case m.generation > s.generation:
		return ErrDamagedPage{Path: s.path(logName(m.generation)), Why: "the log is missing"}
	case m.generation == s.generation && good < m.size:
		return ErrDamagedPage{Path: s.path(logName(s.generation)), Offset: good,
			Why: fmt.Sprintf("keys that were acknowledged, up to byte %d, cannot be read", m.size)}
	}
	return nil
}
