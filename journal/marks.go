package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
)

// marks is a small file of fixed slots, each saying up to where a file beside it has been fsynced. A slot is rewritten after
// each fsync but not fsynced itself: it may lag behind after a loss of power, and it never runs ahead. What lies before
// a mark was acknowledged; if it cannot be read it is damaged, whereas beyond the mark it may be a torn tail.
type marks struct{ f file }

const (
	slotSize   = 64
	slotSum    = slotSize - 4
	durableLog = "durable" // the journal's marks: one slot, for the last segment
	heldLog    = "held"    // a mirror's marks: one slot for each part
)

// openMarks opens the file of marks and takes the lock that keeps other processes out of the directory.
func openMarks(d disk, dir, name string) (marks, error) {
	f, err := d.Open(name, true)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = d.Create(name)
		if err == nil {
			err = d.SyncDir(dir)
		}
	}
	if err != nil {
		return marks{}, fmt.Errorf("journal: open %s: %w", name, err)
	}
	if err := f.Lock(); err != nil {
		return marks{}, errors.Join(err, f.Close())
	}
	return marks{f}, nil
}

// put writes slot i.
func (m marks) put(i int, r Range) error {
	var b [slotSize]byte
	binary.BigEndian.PutUint32(b[0:], r.Start.Segment)
	binary.BigEndian.PutUint64(b[4:], uint64(r.Start.Offset))
	binary.BigEndian.PutUint64(b[12:], r.Start.Entry)
	binary.BigEndian.PutUint64(b[20:], uint64(r.End.Offset))
	binary.BigEndian.PutUint64(b[28:], r.End.Entry)
	binary.BigEndian.PutUint32(b[slotSum:], crc32.Checksum(b[:slotSum], castagnoli))
	_, err := m.f.WriteAt(b[:], int64(i)*slotSize)
	return err
}

// clear empties slot i, of a file that is no more.
func (m marks) clear(i int) error {
	_, err := m.f.WriteAt(make([]byte, slotSize), int64(i)*slotSize)
	return err
}

// load reads every slot; those never written or torn are absent.
func (m marks) load() (map[int]Range, error) {
	size, err := m.f.Size()
	if err != nil {
		return nil, err
	}
	all := make([]byte, size)
	if n, err := m.f.ReadAt(all, 0); err != nil && !errors.Is(err, io.EOF) || n < len(all) {
		return nil, fmt.Errorf("journal: read marks: %w", err)
	}
	slots := make(map[int]Range)
	for i := 0; (i+1)*slotSize <= len(all); i++ {
		b := all[i*slotSize:][:slotSize]
		sum := binary.BigEndian.Uint32(b[slotSum:])
		if sum == 0 || crc32.Checksum(b[:slotSum], castagnoli) != sum {
			continue
		}
		segment := binary.BigEndian.Uint32(b)
		at := func(p int) Cursor {
			return Cursor{Segment: segment, Offset: int64(binary.BigEndian.Uint64(b[p:])), Entry: binary.BigEndian.Uint64(b[p+8:])}
		}
		slots[i] = Range{Start: at(4), End: at(20)}
	}
	return slots, nil
}

// CheckMark tells whether the mark of a journal's durable end is there and whole, in a directory that holds records. It changes nothing.
func CheckMark(dir string) error {
	numbers, err := listSegments(osDisk{}, dir)
	if err != nil || len(numbers) == 0 {
		return err
	}
	if _, size, err := headerOf(osDisk{}, segmentName(dir, numbers[0]), numbers[0]); len(numbers) == 1 && err == nil && size <= int64(headerSize) {
		return nil // nothing was ever acknowledged
	}
	f, err := osDisk{}.Open(filepath.Join(dir, durableLog), false)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("it is missing")
	}
	if err != nil {
		return err
	}
	slots, err := marks{f}.load()
	if _, ok := slots[0]; err == nil && !ok {
		err = errors.New("it is not the mark that was written")
	}
	return errors.Join(err, f.Close())
}

// MarkFile gives the path of the mark of a journal's durable end.
func MarkFile(dir string) string { return filepath.Join(dir, durableLog) }

// readMark reads slot 0 of the marks of a journal without locking it; the zero Range if there is none.
func readMark(d disk, name string) (Range, error) {
	f, err := d.Open(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return Range{}, nil
	}
	if err != nil {
		return Range{}, err
	}
	slots, err := marks{f}.load()
	return slots[0], errors.Join(err, f.Close())
}
