package job

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/sijil-health/sijil/internal/durable"
	"github.com/sijil-health/sijil/vault"
)

// Sealer seals streams: a vault.StreamKey, which ends with the process, or a vault.Key.
type Sealer interface {
	SealStream(w io.Writer, aad []byte) (*vault.StreamWriter, error)
	OpenStream(r io.ReaderAt, size int64, aad []byte) (*vault.StreamReader, error)
}

// Files keeps the files of jobs in a directory for each, sealed. A file opens under its own name and job alone.
type Files struct {
	dir  string
	seal Sealer
	last bool // the key outlives the process
}

// PassingFiles makes a directory empty, for files under a key that is in memory alone: once the process has ended nothing opens them.
func PassingFiles(dir string) (*Files, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	return &Files{dir: dir, seal: vault.NewStreamKey()}, os.MkdirAll(dir, 0o700)
}

// LastingFiles opens a directory for files that a later process goes on with.
func LastingFiles(dir string, seal Sealer) (*Files, error) {
	return &Files{dir: dir, seal: seal, last: true}, durable.MkdirAll(dir, 0o700)
}

// Close removes all files under a key that ends with the process.
func (f *Files) Close() error {
	if f.last {
		return nil
	}
	return os.RemoveAll(f.dir)
}

// Path is where a file of a job is, for what is not sealed because it tells nothing.
func (f *Files) Path(id, name string) string { return filepath.Join(f.dir, id, name) }

// Jobs lists the jobs that have files.
func (f *Files) Jobs() (ids []string, err error) {
	list, err := os.ReadDir(f.dir)
	for _, e := range list {
		if e.IsDir() {
			ids = append(ids, e.Name())
		}
	}
	return ids, err
}

// Begin makes the directory of a job.
func (f *Files) Begin(id string) error {
	if !f.last {
		return os.MkdirAll(filepath.Join(f.dir, id), 0o700)
	}
	return durable.MkdirAll(filepath.Join(f.dir, id), 0o700)
}

// Writer seals a file that is being made.
type Writer struct {
	f      *os.File
	buffer *bufio.Writer
	stream *vault.StreamWriter
	sync   bool
}

// Create begins a file that must not be there yet.
func (f *Files) Create(id, name string) (*Writer, error) {
	file, err := os.OpenFile(f.Path(id, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	w := &Writer{f: file, buffer: bufio.NewWriterSize(file, 256<<10), sync: f.last}
	if w.stream, err = f.seal.SealStream(w.buffer, []byte(id+"/"+name)); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w, nil
}

// Write implements io.Writer.
func (w *Writer) Write(b []byte) (int, error) { return w.stream.Write(b) }

// Close ends the file. Under a key that lasts it is durable then.
func (w *Writer) Close() error {
	err := errors.Join(w.stream.Close(), w.buffer.Flush())
	if w.sync && err == nil {
		err = w.f.Sync()
	}
	if err = errors.Join(err, w.f.Close()); w.sync && err == nil {
		err = durable.SyncDir(filepath.Dir(w.f.Name()))
	}
	return err
}

// Abandon ends a file that is not to be.
func (w *Writer) Abandon() error { return errors.Join(w.f.Close(), os.Remove(w.f.Name())) }

// Open gives the content of a file. An error that is fs.ErrNotExist says that there is none.
func (f *Files) Open(id, name string) (content *io.SectionReader, closing func() error, err error) {
	file, err := os.Open(f.Path(id, name))
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	r, err := f.seal.OpenStream(file, info.Size(), []byte(id+"/"+name))
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return io.NewSectionReader(r, 0, r.Size()), file.Close, nil
}

// Put puts a whole file in place, durably, whatever was there before.
func (f *Files) Put(id, name string, content []byte) error {
	return durable.Place(f.Path(id, name), 0o600, func(file *os.File) error {
		s, err := f.seal.SealStream(file, []byte(id+"/"+name))
		if err == nil {
			_, err = s.Write(content)
		}
		if err != nil {
			return err
		}
		return s.Close()
	})
}

// Get reads a file whole, of at most limit bytes.
func (f *Files) Get(id, name string, limit int64) ([]byte, error) {
	content, closing, err := f.Open(id, name)
	if err != nil {
		return nil, err
	}
	if content.Size() > limit {
		return nil, errors.Join(errors.New("the file of a job is too large"), closing())
	}
	b, err := io.ReadAll(content)
	return b, errors.Join(err, closing())
}

// headSize covers what the key of a file is wrapped in, see vault: without it a file opens to nobody.
const headSize = 4 << 10

// Remove removes the files of a job. Under a key that lasts, what their own keys are wrapped in is overwritten first: what remains of them on the disk opens
// with nothing.
func (f *Files) Remove(id string) error {
	dir := filepath.Join(f.dir, id)
	if !f.last {
		return os.RemoveAll(dir)
	}
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range list {
		err = errors.Join(err, blank(filepath.Join(dir, e.Name())))
	}
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return err
	}
	return durable.SyncDir(f.dir)
}

// RemoveFile removes one file, as Remove does.
func (f *Files) RemoveFile(id, name string) error {
	path := f.Path(id, name)
	if f.last {
		if err := blank(path); err != nil {
			return err
		}
	}
	return os.Remove(path)
}

// blank overwrites the beginning of a file.
func blank(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		_, err = file.WriteAt(make([]byte, min(headSize, info.Size())), 0)
	}
	return errors.Join(err, file.Sync(), file.Close())
}
