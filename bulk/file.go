package bulk

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"regexp"

	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// file is one that is being made: sealed, and its content hashed.
type file struct {
	Listed
	sealed *job.Writer
	sum    hash.Hash
}

// create begins a file of an export.
func (e *export) create(typ, name string) (*file, error) {
	w, err := e.files.Create(e.id, name)
	if err != nil {
		return nil, err
	}
	return &file{Listed: Listed{Type: typ, Name: name}, sealed: w, sum: sha256.New()}, nil
}

// write adds bytes that stand for so many things.
func (f *file) write(b []byte, things int) error {
	f.sum.Write(b)
	f.Count += things
	f.Bytes += int64(len(b))
	_, err := f.sealed.Write(b)
	return err
}

func (f *file) line(b []byte) error {
	if err := f.write(b, 1); err != nil {
		return err
	}
	return f.write([]byte{'\n'}, 0)
}

// end finishes a file. It need not outlive a loss of power: its key does not.
func (f *file) end() (Listed, error) {
	err := f.sealed.Close()
	f.SHA256 = verify.Hash(f.sum.Sum(nil))
	return f.Listed, err
}

// pair is a file of resources, the one of their receipts, and maybe one that says what could not be given.
type pair struct {
	export              *export
	number              int
	resources, receipts *file
	errors              *file // nil while there is none
}

func (e *export) newPair(typ string) (*pair, error) {
	p := &pair{export: e, number: 1}
	for _, l := range e.list.Output {
		if l.Type == typ {
			p.number++
		}
	}
	var err error
	if p.resources, err = e.create(typ, fmt.Sprintf("%s.%d.ndjson", typ, p.number)); err != nil {
		return nil, err
	}
	p.receipts, err = e.create(typ, fmt.Sprintf("%s.%d.receipts", typ, p.number))
	return p, err
}

// damaged says of a version that it belongs into the export and could not be given.
func (p *pair) damaged(v *record.Exported) (err error) {
	if p.errors == nil {
		if p.errors, err = p.export.create("OperationOutcome", fmt.Sprintf("%s.%d.errors.ndjson", v.Type, p.number)); err != nil {
			return err
		}
	}
	b, err := json.Marshal(map[string]any{"resourceType": "OperationOutcome", "issue": []map[string]any{{"severity": "error", "code": "incomplete",
		"diagnostics": fmt.Sprintf("%s/%s, version %d, is damaged here and no custodian could give it whole: it is not in this export", v.Type, v.ID, v.Version.Version)}}})
	if err != nil {
		return err
	}
	return p.errors.line(b)
}

func (p *pair) close(e *export) error {
	resources, err1 := p.resources.end()
	receipts, err2 := p.receipts.end()
	e.list.Output, e.list.Receipts = append(e.list.Output, resources), append(e.list.Receipts, receipts)
	var err3 error
	if p.errors != nil {
		var l Listed
		l, err3 = p.errors.end()
		e.list.Error = append(e.list.Error, l)
	}
	e.mu.Lock()
	e.size += resources.Bytes + receipts.Bytes
	e.mu.Unlock()
	return errors.Join(err1, err2, err3)
}

var nameForm = regexp.MustCompile(`^[A-Za-z]{1,64}(\.[0-9]{1,6})?\.(ndjson|receipts|errors\.ndjson|json)$`)

// File opens a file of a complete export for reading. Errors: job.ErrUnknown, ErrRunning.
func (x *Exports) File(a record.Access, id, name string) (content *io.SectionReader, closing func() error, err error) {
	if _, err := x.completed(a, id); err != nil {
		return nil, nil, err
	}
	if !nameForm.MatchString(name) {
		return nil, nil, job.ErrUnknown
	}
	content, closing, err = x.files.Open(id, name)
	if errors.Is(err, os.ErrNotExist) {
		err = job.ErrUnknown
	}
	return content, closing, err
}
