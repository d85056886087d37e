//go:build real && linux

package real_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answer is what a gate said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// try sends a request; the error is of the network. Headers are written "Name: value"; one of Authorization replaces the token.
func (n *member) try(ctx context.Context, token, method, path string, body []byte, headers ...string) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+n.fhir+"/fhir"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	client := n.client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = io.ReadAll(resp.Body)
	return a, err
}

// ask sends a request as a role, e.g. "clinician GET /Patient/p1", and asks for a status.
func (n *member) ask(t *testing.T, status int, request string, body string, headers ...string) *answer {
	t.Helper()
	f := strings.Fields(request)
	a, err := n.try(t.Context(), n.token(t, f[0]), f[1], f[2], []byte(body), headers...)
	if err != nil {
		t.Fatalf("%s: %s: %v", n.name, request, err)
	}
	if a.status != status {
		t.Fatalf("%s: %s: %d, want %d: %s", n.name, request, a.status, status, head(a.body))
	}
	return a
}

func head(b []byte) []byte { return b[:min(len(b), 600)] }

// patient is a small record.
func patient(id, family string) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":"%s","name":[{"family":"%s"}]}`, id, family)
}

// observation is a measurement of a patient, with an id of its own.
func observation(id, patient string, value int) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":"%s","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"8867-4"}]},"subject":{"reference":"Patient/%s"},"valueQuantity":{"value":%d}}`,
		id, patient, value)
}

// valueOf reads the value of what observation made.
func valueOf(t *testing.T, b []byte) int {
	t.Helper()
	var o struct{ ValueQuantity struct{ Value int } }
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatalf("%v: %s", err, head(b))
	}
	return o.ValueQuantity.Value
}

// outcome is an OperationOutcome.
type outcome struct {
	ResourceType string
	Issue        []struct {
		Severity, Code, Diagnostics string
		Expression                  []string
		Extension                   []struct {
			URL          string
			ValueInteger int
		}
	}
}

// outcomeOf asks for an OperationOutcome that is complete.
func outcomeOf(t *testing.T, a *answer) *outcome {
	t.Helper()
	o := new(outcome)
	if err := json.Unmarshal(a.body, o); err != nil || o.ResourceType != "OperationOutcome" || len(o.Issue) == 0 {
		t.Fatalf("%d without an OperationOutcome: %v: %s", a.status, err, head(a.body))
	}
	for _, i := range o.Issue {
		if i.Severity == "" || i.Code == "" || i.Diagnostics == "" {
			t.Errorf("%d: an issue is incomplete: %s", a.status, head(a.body))
		}
	}
	return o
}
