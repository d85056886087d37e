package imports

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// A list of the lines that wait for the next pass: for each, its file, its first byte and its number. It tells nothing of anybody, and is not sealed.
const waitingSize = 4 + 8 + 8

func waitingName(pass int) string { return fmt.Sprintf("waiting.%d", pass) }

// waiter is one line that waits.
type waiter struct {
	input int
	at    place
}

// waitingList is a list that is being made.
type waitingList struct {
	f *os.File
	w *bufio.Writer
}

// openWaiting opens the list of a pass, of which n are durable.
func (w *work) openWaiting(pass int, n int64) (*waitingList, error) {
	f, err := os.OpenFile(w.files.Path(w.id, waitingName(pass)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err = f.Truncate(n * waitingSize); err == nil {
		_, err = f.Seek(0, io.SeekEnd)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &waitingList{f, bufio.NewWriter(f)}, nil
}

func (l *waitingList) add(x waiter) error {
	var b [waitingSize]byte
	binary.BigEndian.PutUint32(b[:], uint32(x.input))
	binary.BigEndian.PutUint64(b[4:], uint64(x.at.Offset))
	binary.BigEndian.PutUint64(b[12:], uint64(x.at.Line))
	_, err := l.w.Write(b[:])
	return err
}

// sync makes all that was added durable.
func (l *waitingList) sync() error { return errors.Join(l.w.Flush(), l.f.Sync()) }

func (l *waitingList) close() error { return l.f.Close() }

// waited reads a list.
type waited struct {
	f *os.File
	r *bufio.Reader
}

// openWaited opens the list of a pass behind the first `from`.
func (w *work) openWaited(pass int, from, n int64) (*waited, error) {
	f, err := os.Open(w.files.Path(w.id, waitingName(pass)))
	if err != nil {
		return nil, err
	}
	return &waited{f, bufio.NewReader(io.NewSectionReader(f, from*waitingSize, (n-from)*waitingSize))}, nil
}

// next gives the next one; io.EOF after the last.
func (l *waited) next() (waiter, error) {
	var b [waitingSize]byte
	if _, err := io.ReadFull(l.r, b[:]); err != nil {
		return waiter{}, err
	}
	return waiter{int(binary.BigEndian.Uint32(b[:])), place{int64(binary.BigEndian.Uint64(b[4:])), int64(binary.BigEndian.Uint64(b[12:]))}}, nil
}
