package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sijil-health/sijil/bulk"
	gate "github.com/sijil-health/sijil/fhir"
	"github.com/sijil-health/sijil/verify"
)

// exported is what `sijil verify DIR --json` prints of a directory that `sijil export` wrote.
type exported struct {
	Verdict      string              `json:"verdict"` // "holds", "not witnessed", "fails"
	Receipts     int                 `json:"receipts"`
	NotWitnessed int                 `json:"not_witnessed"` // of them hold, on fewer keys than the policy asks for
	Charts       []exportedChart     `json:"charts,omitempty"`
	Resources    []exportedResources `json:"resources,omitempty"`
	Failures     []exportFailure     `json:"failures,omitempty"`
}

// chartName names a chart at an organisation.
type chartName struct {
	Org   verify.OrgID `json:"org"`
	Chart string       `json:"chart"`
}

func (n chartName) compare(o chartName) int {
	return cmp.Or(cmp.Compare(n.Chart, o.Chart), bytes.Compare(n.Org[:], o.Org[:]))
}

// exportedChart is a chart whose log is there from its first entry on.
type exportedChart struct {
	chartName
	Entries uint64 `json:"entries"`          // 0 to Entries−1, none missing
	Broken  bool   `json:"broken,omitempty"` // what comes after them does not hold
}

// exportedResources is how many resources of a chart are there.
type exportedResources struct {
	chartName
	Resources int `json:"resources"`
}

type exportFailure struct {
	File  string `json:"file"` // or the chart
	Error string `json:"error"`
}

// exportCheck goes through an export.
type exportCheck struct {
	verifier *verify.Verifier
	keys     int
	out      exported
	logs     map[chartName][]proven // what AuditEvents' receipts prove
	writes   map[chartName][]proven // what resources' receipts prove
}

// proven is an entry that a receipt proves, and the file of that.
type proven struct {
	file   string
	number uint64
	entry  verify.OpenedEntry
}

// verifyExport checks every receipt in a directory, each with the resource beside it, and of each chart whose log is there that no entry is
// missing: numbers from 0 on without a gap, each entry naming the leaf of the one before.
func (a *app) verifyExport(q *verifying) error {
	if q.resource != "" {
		return a.misuse("usage.export_resource")
	}
	b, err := a.readFile(q.trust)
	if err != nil {
		return a.misuse("usage.file", err)
	}
	trust, err := a.parseTrust(q.trust, b)
	if err != nil {
		return err
	}
	verifier, err := verify.NewVerifier(trust)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(q.receipt, bulk.ListName)); err == nil {
		return a.verifyFiles(q, verifier)
	}
	c := &exportCheck{verifier: verifier, keys: q.keys, logs: make(map[chartName][]proven), writes: make(map[chartName][]proven)}
	err = filepath.WalkDir(q.receipt, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			c.file(q.receipt, path, d)
		}
		return err
	})
	if err != nil {
		return a.misuse("usage.file", err)
	}
	if c.out.Receipts == 0 {
		return a.misuse("usage.no_export", q.receipt)
	}
	c.walk()
	return a.showExported(&c.out)
}

// file checks a receipt, and that whatever else lies in the directory has one: what has none proves nothing.
func (c *exportCheck) file(dir, path string, d fs.DirEntry) {
	resource, isReceipt := strings.CutSuffix(path, receiptEnding)
	switch {
	case !d.Type().IsRegular():
		c.fail(path, errors.New("it is neither a file nor a directory, and was not looked into"))
	case isReceipt:
		c.receipt(path)
	case filepath.Dir(path) == filepath.Clean(dir): // trust.json, and what somebody put beside it
	default:
		if _, err := os.Stat(strings.TrimSuffix(resource, ".json") + receiptEnding); err != nil {
			c.fail(path, errors.New("it has no receipt"))
		}
	}
}

// receipt checks one, with what it is about.
func (c *exportCheck) receipt(path string) {
	c.out.Receipts++
	r, result, err := c.check(path)
	if errors.Is(err, verify.ErrNotWitnessed) && result != nil {
		c.out.NotWitnessed++
	} else if err != nil {
		c.fail(path, err)
		return
	}
	chart := chartName{result.Org, result.Chart}
	p := proven{path, result.Number, r.Entry}
	if filepath.Base(filepath.Dir(path)) == auditType {
		c.logs[chart] = append(c.logs[chart], p)
	} else {
		c.writes[chart] = append(c.writes[chart], p)
	}
}

func (c *exportCheck) check(path string) (*verify.Receipt, *verify.Result, error) {
	b, err := readBounded(path)
	if err != nil {
		return nil, nil, err
	}
	r, err := verify.ReadReceipt(b)
	if err != nil {
		return nil, nil, err
	}
	opt := verify.Options{Keys: c.keys}
	beside, err := readBounded(strings.TrimSuffix(path, receiptEnding) + ".json")
	if err != nil {
		return nil, nil, err
	}
	event := filepath.Base(filepath.Dir(path)) == auditType
	if !event {
		opt.Content = beside
	}
	result, err := c.verifier.Verify(r, opt)
	if result == nil || !event {
		return r, result, err
	}
	height, shown := gate.ShowsEntry(beside, &r.Entry)
	if shown == nil && height > 0 && result.Height > 0 && height != uint64(result.Height) {
		shown = gate.ErrNotShown
	}
	if shown != nil {
		return r, nil, shown
	}
	return r, result, err
}

// readBounded reads a file of an export: none is larger.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", path)
	}
	if err == nil && info.Size() > maxInput {
		err = fmt.Errorf("%s has more than %d bytes", path, maxInput)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// walk goes through each log from its first entry on, and holds what the resources' receipts prove against it.
func (c *exportCheck) walk() {
	for name, entries := range c.logs {
		chart := exportedChart{chartName: name}
		slices.SortFunc(entries, func(a, b proven) int { return cmp.Compare(a.number, b.number) })
		var w verify.ChartWalk
		for i := range entries {
			if _, err := w.Add(&entries[i].entry); err != nil {
				c.fail(entries[i].file, fmt.Errorf("the log of %s has a gap: %w", chart.Chart, err))
				chart.Broken = true
				break
			}
		}
		for _, p := range c.writes[name] {
			if p.number < w.Next() && entries[p.number].entry.Leaf() != p.entry.Leaf() {
				c.fail(p.file, fmt.Errorf("the log of %s has another entry %d", chart.Chart, p.number))
			}
		}
		chart.Entries = w.Next()
		c.out.Charts = append(c.out.Charts, chart)
	}
	slices.SortFunc(c.out.Charts, func(a, b exportedChart) int { return a.compare(b.chartName) })
	for name, writes := range c.writes {
		c.out.Resources = append(c.out.Resources, exportedResources{name, len(writes)})
	}
	slices.SortFunc(c.out.Resources, func(a, b exportedResources) int { return a.compare(b.chartName) })
	switch c.out.Verdict = "holds"; {
	case len(c.out.Failures) > 0:
		c.out.Verdict = "fails"
	case c.out.NotWitnessed > 0:
		c.out.Verdict = "not witnessed"
	}
}

func (c *exportCheck) fail(file string, err error) {
	c.out.Failures = append(c.out.Failures, exportFailure{file, err.Error()})
}

func (a *app) showExported(e *exported) error {
	if a.json {
		if err := a.printJSON(e); err != nil {
			return err
		}
	} else {
		for _, f := range e.Failures {
			a.tell("verify.dir.failure", plain(f.File), plain(f.Error))
		}
		a.tell("verify.dir."+strings.ReplaceAll(e.Verdict, " ", "_"), e.Receipts, e.NotWitnessed, len(e.Failures))
		for _, c := range e.Charts {
			if c.Broken {
				a.tell("verify.dir.broken", plain(c.Chart), c.Org, c.Entries)
			} else {
				a.tell("verify.dir.chart", plain(c.Chart), c.Org, c.Entries)
			}
		}
		for _, r := range e.Resources {
			a.tell("verify.dir.resources", plain(r.Chart), r.Org, r.Resources)
		}
		if len(e.Charts) > 0 {
			a.tell("verify.dir.end")
		}
		if len(e.Resources) > 0 {
			a.tell("verify.dir.left_out")
		}
	}
	switch e.Verdict {
	case "fails":
		return exit{exitFailed}
	case "not witnessed":
		return exit{exitUnwitnesed}
	}
	return nil
}
