package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
)

// ndjsonFiles gives the files that names stand for: a file for itself, a directory for all .ndjson and .ndjson.gz below it, in the order of their names,
// but those in which an export says what it could not give.
func ndjsonFiles(names []string) (files []string, err error) {
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, name)
			continue
		}
		err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			plain := strings.TrimSuffix(path, ".gz")
			if err == nil && d.Type().IsRegular() && strings.HasSuffix(plain, ".ndjson") && !strings.HasSuffix(plain, ".errors.ndjson") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// joined reads files one after the other, each ending with the end of a line, and knows in which of them a line of the whole stands.
type joined struct {
	files []string
	size  int64 // of all files on the disk

	mu     sync.Mutex // guards all below: who sends the lines may still read when it closes
	read   int64      // of size
	lines  int64      // that have been read
	starts []int64    // of each file that was begun, how many lines come before it
	open   *os.File
	in     io.Reader
	last   byte
	closed bool
}

func newJoined(files []string) (*joined, error) {
	j := &joined{files: files}
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		j.size += info.Size()
	}
	return j, nil
}

// Read implements io.Reader.
func (j *joined) Read(b []byte) (n int, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for n == 0 && len(b) > 0 {
		switch {
		case j.closed:
			return 0, fs.ErrClosed
		case j.in == nil && len(j.starts) == len(j.files):
			return 0, io.EOF
		case j.in == nil:
			err = j.next()
		default:
			if n, err = j.in.Read(b); n > 0 {
				j.last, err = b[n-1], nil // what else there was to say is said again
			} else if errors.Is(err, io.EOF) {
				if err = j.end(); j.last != '\n' {
					b[0], n = '\n', 1
				}
			}
		}
		if err != nil {
			return 0, err
		}
	}
	j.lines += int64(bytes.Count(b[:n], []byte{'\n'}))
	return n, nil
}

// next begins the next file.
func (j *joined) next() (err error) {
	name := j.files[len(j.starts)]
	if j.open, err = os.Open(name); err != nil {
		return err
	}
	var in io.Reader = counting{j}
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(in); err != nil {
			return &fs.PathError{Op: "gzip", Path: name, Err: err}
		}
	}
	r := bufio.NewReaderSize(in, 256<<10)
	if mark, _ := r.Peek(3); string(mark) == "\xef\xbb\xbf" { // a mark of byte order means nothing, and only at the beginning of the whole it is passed over
		_, _ = r.Discard(len(mark))
	}
	j.in, j.last = r, '\n'
	j.starts = append(j.starts, j.lines)
	return nil
}

// end closes a file that was read. Its last line may be unfinished.
func (j *joined) end() error {
	err := j.open.Close()
	j.open, j.in = nil, nil
	return err
}

// counting counts what is read of the file that is open.
type counting struct{ *joined }

func (c counting) Read(b []byte) (int, error) {
	n, err := c.open.Read(b)
	c.read += int64(n)
	return n, err
}

// Close implements io.Closer.
func (j *joined) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	if j.open == nil {
		return nil
	}
	return j.end()
}

// sent tells how many bytes on the disk were read.
func (j *joined) sent() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.read
}

// where gives the file in which a line of the whole stands, and its number there, from 1.
func (j *joined) where(line int64) (file string, number int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i := sort.Search(len(j.starts), func(i int) bool { return j.starts[i] >= line }) - 1
	if i < 0 {
		return "", line
	}
	return j.files[i], line - j.starts[i]
}
