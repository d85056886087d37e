package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sijil-health/sijil/demo/patients"
)

// held is what a server was given of made-up people.
type held struct {
	Founded  founded
	People   int
	Patients []string // ids
	Bytes    int64    // of JSON, sent
}

func (h *held) resources() int { return h.People * perPerson }

// location finds where resources of a transaction were put, in its answer.
var location = regexp.MustCompile(`"location"\s*:\s*"(?:[^"]*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[^"]*)?"`)

// transact posts a Bundle and gives where its first resources were put, as Type/id.
func (c *cluster) transact(ctx context.Context, body []byte, most int) ([]string, error) {
	status, answer, _, err := c.do(ctx, http.MethodPost, "", body)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("transaction: %d: %.300s", status, answer)
	}
	var at []string
	for _, m := range location.FindAllSubmatch(answer, most) {
		at = append(at, string(m[1])+"/"+string(m[2]))
	}
	if most > 0 && len(at) < most {
		return nil, fmt.Errorf("transaction: the answer tells of %d resources where they are: %.300s", len(at), answer)
	}
	return at, nil
}

// hold brings made-up people from four clients until the first node has so many resources of them, and gives how many came and how long that took.
func (c *cluster) hold(ctx context.Context, resources int) (came int, took time.Duration, err error) {
	h := &c.held
	if h.Founded.Hospitals == nil {
		const all = regions + hospitals + doctors
		at, err := c.transact(ctx, founding(), all)
		if err != nil {
			return 0, 0, err
		}
		h.Founded = founded{Hospitals: at[regions : regions+hospitals], Doctors: at[regions+hospitals:]}
	}
	first, people := h.People, (resources+perPerson-1)/perPerson
	if people <= first {
		return 0, 0, nil
	}
	ids, begin := make([]string, people-first), time.Now()
	var next, sent atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, 4)
	for client := range errs {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(ids) && errs[client] == nil; i = int(next.Add(1)) - 1 {
				body := someone(first+i, &h.Founded)
				var at []string
				if at, errs[client] = c.transact(ctx, body, 1); errs[client] == nil {
					ids[i] = strings.TrimPrefix(at[0], "Patient/")
				}
				sent.Add(int64(len(body)))
			}
		})
	}
	all.Wait()
	h.People, h.Patients, h.Bytes = people, append(h.Patients, ids...), h.Bytes+sent.Load()
	return len(ids) * perPerson, time.Since(begin), errors.Join(errs...)
}

// synthea gives Synthea's Bundles: those of the folder that SIJIL_SHARED names where there is one, otherwise the sample patients of the demonstration.
func synthea() (bundles [][]byte, sizes []int, err error) {
	add := func(bundle []byte) error {
		var x struct{ Entry []json.RawMessage }
		if err := json.Unmarshal(bundle, &x); err != nil {
			return err
		}
		bundles, sizes = append(bundles, bundle), append(sizes, len(x.Entry))
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(os.Getenv("SIJIL_SHARED"), "data/fhir/synthea/smart-2019/[A-Z]*.json.gz"))
	for _, name := range files {
		bundle, err := gunzip(name)
		if err == nil {
			err = add(bundle)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(files) > 0 {
		return bundles, sizes, nil
	}
	for name, bundle := range patients.All() {
		if !patients.IsPatient(name) {
			continue
		}
		if err := add(bundle); err != nil {
			return nil, nil, err
		}
	}
	return bundles, sizes, nil
}

func gunzip(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
