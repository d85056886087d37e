package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/sijil-health/sijil/demo/patients"
)

// load brings the sample patients into the hospital's record, through its FHIR gate like any other system, unless the last of them is there.
func (d *Demo) load(ctx context.Context) error {
	hospital := &d.File.Members[0]
	if _, err := d.scan(ctx, hospital); !errors.Is(err, errNothing) {
		return err
	}
	names := patients.Names()
	begin, resources, people := time.Now(), 0, 0
	for name, bundle := range patients.All() {
		n, err := d.post(ctx, hospital, bundle)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		resources += n
		if patients.IsPatient(name) {
			people++
		}
		d.progress(people, len(names), time.Since(begin))
	}
	if d.Terminal {
		fmt.Fprintln(d.Out)
	}
	seconds := time.Since(begin).Seconds()
	d.tell("demo.loaded", people, resources, seconds, float64(resources)/seconds)
	return d.picture(ctx, hospital)
}

func (d *Demo) post(ctx context.Context, m *Member, bundle []byte) (resources int, err error) {
	status, body, _, err := d.call(ctx, http.MethodPost, m.FHIR, m.Tokens["clinician"], bundle)
	if err != nil {
		return 0, err
	}
	if status != http.StatusOK {
		return 0, fmt.Errorf("the gate answered %d: %s", status, head(body))
	}
	var answer struct {
		Entry []json.RawMessage `json:"entry"`
	}
	err = json.Unmarshal(body, &answer)
	return len(answer.Entry), err
}

// picture adds a scanned document of somebody who has laboratory results, so that there is also content too large for the journal.
func (d *Demo) picture(ctx context.Context, m *Member) error {
	result, err := d.first(ctx, m, "Observation?_count=1")
	if err != nil {
		return err
	}
	scan := make([]byte, 256<<10)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(scan) // never fails
	doc, err := json.Marshal(map[string]any{
		"resourceType": "DocumentReference", "status": "current",
		"identifier": []any{map[string]any{"system": "urn:sijil:demo", "value": "scan"}},
		"type":       map[string]any{"text": "Scanned referral letter (sample)"},
		"subject":    map[string]any{"reference": result.Subject.Reference},
		"content": []any{map[string]any{"attachment": map[string]any{
			"contentType": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(scan),
		}}},
	})
	if err != nil {
		return err
	}
	before, err := blobs(m)
	if err != nil {
		return err
	}
	status, body, _, err := d.call(ctx, http.MethodPost, m.FHIR+"/DocumentReference", m.Tokens["clinician"], doc)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("the gate answered %d: %s", status, head(body))
	}
	if err != nil {
		return err
	}
	return d.noteScan(m, before)
}

// resource is what the demonstration needs to know of one.
type resource struct {
	ID      string                     `json:"id"`
	Subject struct{ Reference string } `json:"subject"`
}

// patient is the id of the patient that the resource is about.
func (r *resource) patient() string { return strings.TrimPrefix(r.Subject.Reference, "Patient/") }

var errNothing = errors.New("nothing found")

// scan finds the document of picture, by which the walk knows its patient among those that people may have added.
func (d *Demo) scan(ctx context.Context, m *Member) (*resource, error) {
	return d.first(ctx, m, "DocumentReference?identifier=urn:sijil:demo|scan&_count=1")
}

// first gives the first match of a search. Errors: errNothing.
func (d *Demo) first(ctx context.Context, m *Member, search string) (*resource, error) {
	status, body, _, err := d.call(ctx, http.MethodGet, m.FHIR+"/"+search, m.Tokens["clinician"], nil)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("%s: the gate answered %d: %s", search, status, head(body))
	}
	var page struct {
		Entry []struct {
			Resource resource `json:"resource"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, err
	}
	if len(page.Entry) == 0 {
		return nil, fmt.Errorf("%s: %w", search, errNothing)
	}
	return &page.Entry[0].Resource, nil
}

func (d *Demo) progress(done, all int, took time.Duration) {
	if !d.Terminal {
		return
	}
	const width = 30
	filled := min(width, width*done/max(1, all-2))
	fmt.Fprintf(d.Out, "\r%s [%s%s] %d  %.0fs ", d.Say.T("demo.loading"),
		strings.Repeat("#", filled), strings.Repeat(".", width-filled), done, took.Seconds())
}

// maxAnswer bounds what the demonstration reads of an answer.
const maxAnswer = 64 << 20

func (d *Demo) call(ctx context.Context, method, url, token string, body []byte) (status int, answer []byte, header http.Header, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/fhir+json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, answer, resp.Header, err
}

func head(b []byte) string { return string(b[:min(len(b), 600)]) }
