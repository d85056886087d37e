package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// walker takes the steps of the walk itself.
type walker struct {
	*Demo
	m                              *Member
	patient, observation, document string
	blob                           string // the stored file of the document
}

func (w *walker) get(ctx context.Context, token, path string) ([]byte, error) {
	status, body, _, err := w.call(ctx, http.MethodGet, w.m.FHIR+path, w.m.Tokens[token], nil)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %d: %s", path, status, head(body))
	}
	return body, nil
}

func (w *walker) read(ctx context.Context) error {
	body, err := w.get(ctx, "clinician", "/Patient/"+w.patient)
	if err != nil {
		return err
	}
	var p struct{ ResourceType, ID string }
	if err := json.Unmarshal(body, &p); err != nil || p.ResourceType != "Patient" || p.ID != w.patient {
		return fmt.Errorf("read Patient/%s and got %s/%s: %w", w.patient, p.ResourceType, p.ID, err)
	}
	return nil
}

// who looks for the reading of the step before among the chart's entries.
func (w *walker) who(ctx context.Context) error {
	body, err := w.get(ctx, "auditor", "/AuditEvent?patient=Patient/"+w.patient+"&_count=50")
	if err != nil {
		return err
	}
	if !bytes.Contains(body, []byte("Practitioner/demo-hospital")) || !bytes.Contains(body, []byte(`"Patient/`+w.patient)) {
		return errors.New("the reading is not among the chart's audit events")
	}
	return nil
}

func (w *walker) receipt(ctx context.Context) error {
	observation, err := w.get(ctx, "clinician", "/Observation/"+w.observation)
	if err != nil {
		return err
	}
	receipt, err := w.get(ctx, "clinician", "/Observation/"+w.observation+"/_history/1/$receipt")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sijil-walk-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, o := filepath.Join(dir, "receipt.json"), filepath.Join(dir, "observation.json")
	if err := errors.Join(os.WriteFile(r, receipt, 0o600), os.WriteFile(o, observation, 0o600)); err != nil {
		return err
	}
	if err := w.sijil(ctx, "verify", r, "--trust", w.File.Trust, "--resource", o); err != nil {
		return err
	}
	// And what must not pass: the same receipt for another content.
	if err := os.WriteFile(o, bytes.Replace(observation, []byte("final"), []byte("fatal"), 1), 0o600); err != nil {
		return err
	}
	if err := w.sijil(ctx, "verify", r, "--trust", w.File.Trust, "--resource", o); err == nil {
		return errors.New("a changed resource passed the verification")
	}
	return nil
}

func (w *walker) damage(ctx context.Context) error {
	before, err := os.ReadFile(w.blob)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(w.blob, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte{0xff, 0, 0xff}, 5000)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if _, err := w.get(ctx, "clinician", "/DocumentReference/"+w.document+"/_history/1"); err != nil {
		return err
	}
	after, err := os.ReadFile(w.blob)
	if err != nil {
		return err
	}
	if !bytes.Equal(before, after) {
		return fmt.Errorf("%s was read and not repaired", w.blob)
	}
	return w.sijil(ctx, "scrub", "--dir", w.m.Data)
}

// stop ends the university's node and goes on writing at the hospital.
func (w *walker) stop(ctx context.Context) error {
	university := w.nodes[len(w.nodes)-1]
	if err := university.Process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	_ = university.Wait() // ended by our signal
	observation, err := w.get(ctx, "clinician", "/Observation/"+w.observation)
	if err != nil {
		return err
	}
	for range 3 {
		status, body, header, err := w.call(ctx, http.MethodPost, w.m.FHIR+"/Observation", w.m.Tokens["clinician"], observation)
		if err != nil {
			return err
		}
		if status != http.StatusCreated || header.Get("Sijil-Ack") != "anchored" {
			return fmt.Errorf("with one node of four stopped a write got %d, Sijil-Ack %q: %s", status, header.Get("Sijil-Ack"), head(body))
		}
	}
	return nil
}

// sijil runs the program itself, as a newcomer would.
func (w *walker) sijil(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, w.Self, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("sijil %s: %w: %s", args[0], err, head(out))
	}
	return nil
}
