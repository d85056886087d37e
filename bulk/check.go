package bulk

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/sijil-health/sijil/verify"
)

// Limits of what Check reads.
const (
	maxList = 16 << 20
	maxLine = 32 << 20
)

// Checked is what a directory with the files of an export proves.
type Checked struct {
	Export       *verify.Result // of the entry that commits to the list
	Files        int
	Resources    int
	NotWitnessed bool // all holds, and rests on fewer keys than the policy asks for
}

// Fault is something that does not hold.
type Fault struct {
	File string
	Err  error
}

// Check holds the files of an export, as they were fetched, against the trust file: the list against its receipt, each file against the list, and each
// resource against its own receipt, byte for byte. What does not hold is given to fail. It needs no network, and memory for some hundred bytes of each resource
// of one file. The error is that the list or its receipt cannot be read or believed; then nothing else was looked at.
func Check(dir fs.FS, v *verify.Verifier, opt verify.Options, fail func(Fault)) (*Checked, error) {
	c := checking{dir: dir, verifier: v, keys: opt.Keys, fail: func(file string, err error) { fail(Fault{file, err}) }}
	list, err := c.list()
	if err != nil {
		return nil, err
	}
	if len(list.Output) != len(list.Receipts) {
		return nil, errors.New("the list has not as many files of receipts as of resources")
	}
	for i := range list.Output {
		c.pair(&list.Output[i], &list.Receipts[i])
	}
	for i := range list.Error {
		c.listed(&list.Error[i], func(r io.Reader) error { return lines(r, func([]byte) error { return nil }) })
	}
	return &c.out, nil
}

type checking struct {
	dir      fs.FS
	verifier *verify.Verifier
	keys     int
	fail     func(file string, err error)
	out      Checked
}

// list reads the list, and believes it when the entry on the ledger names its hash.
func (c *checking) list() (*List, error) {
	b, err := readAll(c.dir, ListName, maxList)
	if err != nil {
		return nil, err
	}
	receipt, err := readAll(c.dir, ReceiptName, verify.MaxReceipt)
	if err != nil {
		return nil, err
	}
	r, err := verify.ReadReceipt(receipt)
	if err != nil {
		return nil, err
	}
	c.out.Export, err = c.verifier.Verify(r, verify.Options{Keys: c.keys})
	if c.out.Export == nil {
		return nil, err
	}
	c.out.NotWitnessed = err != nil
	sum := sha256.Sum256(b)
	if c.out.Export.Kind != verify.KindExport.String() || !strings.HasSuffix(c.out.Export.Detail, ListName+" sha256 "+hex.EncodeToString(sum[:])) {
		return nil, fmt.Errorf("%s is not the list that the entry on the ledger commits to", ListName)
	}
	l := new(List)
	if err := json.Unmarshal(b, l); err != nil {
		return nil, fmt.Errorf("%s: %w", ListName, err)
	}
	if l.Format != ListFormat {
		return nil, fmt.Errorf("%s has the format %q, this program reads %q", ListName, l.Format, ListFormat)
	}
	return l, nil
}

// listed reads a file with do and holds it against the list.
func (c *checking) listed(l *Listed, do func(io.Reader) error) {
	c.out.Files++
	err := func() error {
		if !nameForm.MatchString(l.Name) {
			return errors.New("it has no name of an export's file")
		}
		f, err := c.dir.Open(l.Name)
		if err != nil {
			return err
		}
		sum := sha256.New()
		n := &counting{r: io.TeeReader(f, sum)}
		err = do(n)
		if err == nil {
			_, err = io.Copy(io.Discard, n)
		}
		err = errors.Join(err, f.Close())
		if err == nil && (n.n != l.Bytes || verify.Hash(sum.Sum(nil)) != l.SHA256) {
			err = errors.New("it is not the file that the list names")
		}
		return err
	}()
	if err != nil {
		c.fail(l.Name, err)
	}
}

type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// committed is what a receipt proves of one version.
type committed struct {
	forms  verify.Forms
	breaks []byte
	seen   bool
}

// pair checks a file of resources with that of their receipts.
func (c *checking) pair(resources, receipts *Listed) {
	proved := make(map[string]*committed)
	c.listed(receipts, func(r io.Reader) error { return c.receipts(r, proved) })
	c.listed(resources, func(r io.Reader) error {
		n := 0
		err := lines(r, func(line []byte) error {
			n++
			if err := c.line(line, proved); err != nil {
				c.fail(fmt.Sprintf("%s, line %d", resources.Name, n), err)
			}
			return nil
		})
		for name, p := range proved {
			if !p.seen {
				c.fail(resources.Name, fmt.Errorf("%s has a receipt and is not there", name))
			}
		}
		return err
	})
}

// receipts verifies a sequence of batch receipts.
func (c *checking) receipts(r io.Reader, proved map[string]*committed) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for len(b) > 0 {
		var batch *verify.BatchReceipt
		if batch, b, err = verify.DecodeBatchReceipt(b); err != nil {
			return err
		}
		i := 0
		err := c.verifier.VerifyBatch(batch, verify.Options{Keys: c.keys}, func(r *verify.Result, _ func([]byte) bool) error {
			e := &batch.Entries[i]
			i++
			if forms, ok := e.Contents[0]; ok && len(r.Targets) > 0 {
				proved[fmt.Sprintf("%s/%d", r.Targets[0].Ref, r.Targets[0].Version)] = &committed{forms: forms, breaks: e.Breaks}
			}
			return nil
		})
		if errors.Is(err, verify.ErrNotWitnessed) {
			c.out.NotWitnessed, err = true, nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// line holds a resource against its receipt.
func (c *checking) line(line []byte, proved map[string]*committed) error {
	var head struct {
		ResourceType string
		ID           string
		Meta         struct{ VersionID string }
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return errors.New("it is no resource")
	}
	p := proved[head.ResourceType+"/"+head.ID+"/"+head.Meta.VersionID]
	switch {
	case p == nil:
		return errors.New("there is no receipt for this version")
	case p.seen:
		return errors.New("it is there twice")
	}
	p.seen = true
	content, err := verify.Lines(line, p.breaks)
	if err != nil {
		return err
	}
	if commit := verify.Commit((*[32]byte)(&p.forms.Salt), content); commit != p.forms.Served && commit != p.forms.Source {
		return errors.New("it is not what was given: its content is another")
	}
	c.out.Resources++
	return nil
}

// lines calls do with each line.
func lines(r io.Reader, do func(line []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLine)
	for s.Scan() {
		if err := do(s.Bytes()); err != nil {
			return err
		}
	}
	return s.Err()
}

func readAll(dir fs.FS, name string, limit int64) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return b, errors.Join(err, f.Close())
}
