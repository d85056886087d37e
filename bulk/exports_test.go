package bulk_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sijil-health/sijil/bulk"
	"github.com/sijil-health/sijil/bulk/job"
	"github.com/sijil-health/sijil/record"
	"github.com/sijil-health/sijil/verify"
)

// pages is a record of some patients, which it gives two at a time. Its receipts are empty: what they prove is tested where they are made.
type pages struct {
	bodies []string // by number
	failed error    // what Export answers behind the first page
	said   string
}

func (p *pages) Export(_ context.Context, _ record.Access, q record.Query, _ func(string) bool) (*record.ExportPage, error) {
	from := len(q.After)
	if from > 0 && p.failed != nil {
		return nil, p.failed
	}
	page := &record.ExportPage{}
	for i := from; i < min(from+2, len(p.bodies)); i++ {
		v := record.Version{Type: q.Type, ID: fmt.Sprint("p", i), Version: 1, Body: []byte(p.bodies[i]), Damaged: p.bodies[i] == ""}
		page.Versions = append(page.Versions, record.Exported{Version: v})
	}
	if from+2 < len(p.bodies) {
		page.Next = strings.Repeat("x", from+2)
	}
	return page, nil
}

func (p *pages) Receipts(context.Context, []record.Exported, func(*verify.BatchReceipt) error) error {
	return nil
}

func (p *pages) Complete(_ context.Context, _ record.Access, said string) ([]byte, error) {
	p.said = said
	return []byte("{}"), nil
}

var amal = record.Access{Actor: "amal", Org: "o"}

// exported makes an export, and waits for it.
func exported(t *testing.T, p *pages, limits bulk.Limits, queries ...string) (x *bulk.Exports, dir, id string, s bulk.Status) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "exports")
	x, err := bulk.Open(bulk.Options{Dir: dir, Record: p, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	r := bulk.Request{URL: "http://h/$export", Access: amal}
	for _, typ := range queries {
		r.Queries = append(r.Queries, record.Query{Type: typ})
	}
	if id, err = x.Start(r); err != nil {
		t.Fatal(err)
	}
	for !s.Done {
		if s, err = x.Status(amal, id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	return x, dir, id, s
}

func content(t *testing.T, x *bulk.Exports, id, name string) string {
	t.Helper()
	r, closing, err := x.File(amal, id, name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer closing()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestExport makes files of several pages, one of whose resources is damaged and one of two lines. They are as the list says, sealed, and gone with the job.
func TestExport(t *testing.T) {
	p := &pages{bodies: []string{`{"id":"p0"}`, "{\"id\":\r\n\"p1\"}", "", `{"id":"p3"}`, `{"id":"p4"}`}}
	x, dir, id, s := exported(t, p, bulk.Limits{File: 3}, "Patient", "Patient") // the second query gives nothing that the first gave
	if s.Failed != nil || s.Resources != 5 {
		t.Fatalf("%+v", s)
	}
	list, err := x.List(amal, id)
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Output) != 2 || len(list.Receipts) != 2 || len(list.Error) != 1 || list.Output[0].Count != 3 || list.Output[1].Count != 1 || list.Error[0].Count != 1 {
		t.Errorf("%+v", list)
	}
	if got := content(t, x, id, "Patient.1.ndjson"); got != "{\"id\":\"p0\"}\n{\"id\":  \"p1\"}\n{\"id\":\"p3\"}\n" {
		t.Errorf("%q", got)
	}
	for _, l := range append(append(list.Output, list.Receipts...), list.Error...) {
		if b := content(t, x, id, l.Name); int64(len(b)) != l.Bytes || sha256.Sum256([]byte(b)) != [32]byte(l.SHA256) {
			t.Errorf("%s is not as the list says", l.Name)
		}
	}
	names := content(t, x, id, bulk.ListName)
	if sum := sha256.Sum256([]byte(names)); !json.Valid([]byte(names)) || p.said != fmt.Sprintf("complete: 5 resources, %s sha256 %x", bulk.ListName, sum) {
		t.Errorf("the entry says %q", p.said)
	}
	raw, err := os.ReadFile(filepath.Join(dir, id, "Patient.1.ndjson"))
	if err != nil || strings.Contains(string(raw), "p0") {
		t.Errorf("readable on the disk: %v", err)
	}
	for _, name := range []string{"../" + id + "/files.json", "Group.1.ndjson", "", "state"} {
		if _, _, err := x.File(amal, id, name); !errors.Is(err, job.ErrUnknown) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := x.File(record.Access{Actor: "badr", Org: "o"}, id, bulk.ListName); !errors.Is(err, job.ErrUnknown) {
		t.Errorf("another's file: %v", err)
	}
	if err := x.Drop(amal, id); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("dropped, and there: %v", err)
	}
}

// TestFailedExport leaves nothing of an export that fails, or grows beyond what it may take.
func TestFailedExport(t *testing.T) {
	long := []string{strings.Repeat("a", 100), strings.Repeat("b", 100), strings.Repeat("c", 100)}
	for name, c := range map[string]struct {
		record pages
		limits bulk.Limits
	}{
		"the record fails": {pages{bodies: long, failed: record.ErrUnavailable}, bulk.Limits{}},
		"too large":        {pages{bodies: long}, bulk.Limits{Bytes: 150}},
	} {
		x, dir, id, s := exported(t, &c.record, c.limits, "Patient")
		if s.Failed == nil || c.record.said != "" {
			t.Errorf("%s: %+v, %q", name, s, c.record.said)
		}
		if _, err := x.List(amal, id); !errors.Is(err, bulk.ErrRunning) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, id)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: files are left: %v", name, err)
		}
	}
}
