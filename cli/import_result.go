package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
)

// importResult reads what the status of a complete import says.
func importResult(b []byte) (*imported, []string, error) {
	var said struct {
		Error     []struct{ URL string }
		Extension struct {
			Counts *imported `json:"https://sijil.health/fhir/bulk/counts"`
		}
	}
	if err := json.Unmarshal(b, &said); err != nil || said.Extension.Counts == nil {
		return nil, nil, fmt.Errorf("%w: what it says of the import cannot be read: %.300s", errNoGate, b)
	}
	var names []string
	for _, e := range said.Error {
		if e.URL != "" {
			names = append(names, path.Base(e.URL))
		}
	}
	r := said.Extension.Counts
	r.Faults = []fault{}
	return r, names, nil
}

var (
	faultsName = regexp.MustCompile(`^errors\.[0-9]{1,6}\.ndjson$`)
	// inWhole is where the gate says that a fault is, in what was sent.
	inWhole = regexp.MustCompile(` \(line [0-9]+, column [0-9]+\)$`)
)

// faults adds the first lines that were refused to a result.
func (x *importing) faults(ctx context.Context, name string, r *imported) error {
	if !faultsName.MatchString(name) {
		return fmt.Errorf("%w: it names %q as what was refused", errNoGate, name)
	}
	b, _, err := x.ask(ctx, http.MethodGet, x.fhir+"/$import/"+x.id+"/files/"+name)
	if err != nil {
		return err
	}
	if len(b) == maxExported { // the last of them was cut off
		b = b[:bytes.LastIndexByte(b, '\n')+1]
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f, err := x.faultOf(lines.Bytes())
		if err != nil {
			return fmt.Errorf("%w: %s: %w", errNoGate, name, err)
		}
		r.Faults = append(r.Faults, f)
	}
	slices.SortStableFunc(r.Faults, func(a, b fault) int { return cmp.Compare(a.whole, b.whole) })
	r.Faults = r.Faults[:min(len(r.Faults), maxFaults)]
	return lines.Err()
}

// faultOf reads the OperationOutcome of a line.
func (x *importing) faultOf(line []byte) (f fault, err error) {
	var outcome struct {
		Issue []struct {
			Code, Diagnostics string
			Expression        []string
			Extension         []struct {
				URL          string
				ValueInteger int64
			}
		}
	}
	if err := json.Unmarshal(line, &outcome); err != nil {
		return f, err
	}
	if len(outcome.Issue) == 0 {
		return f, errors.New("an outcome says nothing")
	}
	issue := outcome.Issue[0]
	for _, e := range issue.Extension {
		if strings.HasSuffix(e.URL, "operationoutcome-issue-line") {
			f.whole = e.ValueInteger
		}
	}
	f.File, f.Line = x.lines.where(f.whole)
	f.Code, f.Text = issue.Code, inWhole.ReplaceAllString(issue.Diagnostics, "")
	if len(issue.Expression) > 0 {
		f.Path = issue.Expression[0]
	}
	return f, nil
}
