package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// The files that every export has beside those of resources.
const (
	ListName    = "files.json"   // List
	ReceiptName = "receipt.json" // the receipt of the entry that names the list's hash
)

// ListFormat is the first field of every list.
const ListFormat = "sijil-export/1"

// List names every file of an export.
type List struct {
	Format   string    `json:"format"` // ListFormat
	Request  string    `json:"request"`
	Time     time.Time `json:"time"`     // what was written before it is in the export
	Output   []Listed  `json:"output"`   // resources, a line each
	Receipts []Listed  `json:"receipts"` // of those of the file at the same place of Output
	Error    []Listed  `json:"error"`    // OperationOutcomes that say what could not be given
}

// Listed is one file.
type Listed struct {
	Type   string      `json:"type"`
	Name   string      `json:"name"`
	Count  int         `json:"count"` // lines, or entries that receipts prove
	Bytes  int64       `json:"bytes"`
	SHA256 verify.Hash `json:"sha256"`
}

// said is what the entry of a complete export says of it; see verify.Entry.Detail.
func said(list []byte, resources int) string {
	sum := sha256.Sum256(list)
	return fmt.Sprintf("complete: %d resources, %s sha256 %s", resources, ListName, hex.EncodeToString(sum[:]))
}

// complete leaves the entry that names the list's hash, and puts list and receipt beside the files.
func (e *export) complete(ctx context.Context) error {
	e.list.Format, e.list.Request, e.list.Time = ListFormat, e.request.URL, e.since
	b, err := json.MarshalIndent(&e.list, "", "  ")
	if err != nil {
		return err
	}
	receipt, err := e.opt.Record.Complete(ctx, e.request.Access, said(b, e.resources))
	if err != nil {
		return fmt.Errorf("the entry of the export: %w", err)
	}
	for name, content := range map[string][]byte{ListName: b, ReceiptName: receipt} {
		f, err := e.create("", name)
		if err == nil {
			err = f.write(content, 1)
		}
		if err == nil {
			_, err = f.end()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// List gives the files of a complete export. Errors: job.ErrUnknown, ErrRunning.
func (x *Exports) List(a record.Access, id string) (*List, error) {
	e, err := x.completed(a, id)
	if err != nil {
		return nil, err
	}
	return &e.list, nil
}
