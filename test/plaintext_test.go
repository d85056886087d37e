//go:build real && linux

package real_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sijil-health/sijil/demo/patients"
)

// TestRealNoPlaintext loads whole records and then reads every byte of every file that the four nodes and their logs consist of.
func TestRealNoPlaintext(t *testing.T) {
	c := four(t)
	hospital := c.nodes[0]
	secrets := make(needles)
	people := 0
	for name, bundle := range patients.All() {
		a, err := hospital.try(t.Context(), hospital.token(t, "clinician"), http.MethodPost, "", bundle)
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("%s: %v: %+v", name, err, a)
		}
		if patients.IsPatient(name) {
			people++
			secrets.take(t, bundle)
			secrets.ids(t, a.body)
		}
	}
	if people < 10 || len(secrets) < 500 {
		t.Fatalf("only %d patients and %d things to look for", people, len(secrets))
	}
	hospital.ask(t, http.StatusOK, "clinician GET /Observation?_count=200", "")
	hospital.ask(t, http.StatusOK, "clinician GET /Patient?_count=50", "")
	hospital.ask(t, http.StatusBadRequest, "clinician POST /Patient", `{"resourceType":"Patient","name":[{"family":"Unmistakable"}],"meta":[]}`)
	hospital.ask(t, http.StatusBadRequest, "clinician POST /Patient", `{"resourceType":"Patient","name":[{"family":"Unmistakable`)
	secrets.add("Unmistakable")
	c.settled(t)
	// What a node says of damage must not say whose it is.
	data := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("picture "), 20_000))
	hospital.ask(t, http.StatusCreated, "clinician PUT /Binary/unmistakable-picture", `{"resourceType":"Binary","id":"unmistakable-picture","contentType":"image/png","data":"`+data+`"}`)
	secrets.add("unmistakable-picture")
	spoil(t, largest(t, filepath.Join(hospital.dir, "blobs/??/??/*")), []float64{0.5})
	hospital.kill() // what was read is kept in memory
	hospital.start(t)
	hospital.ask(t, http.StatusOK, "clinician GET /Binary/unmistakable-picture", "")
	if !strings.Contains(hospital.said(), "damaged") {
		t.Error("the node says nothing of damage it met")
	}
	// A restart writes what was still in memory: indexes, databases.
	for _, n := range c.nodes {
		n.stop()
	}
	size, found := secrets.search(t, c.dir)
	t.Logf("%d things looked for in %d bytes", len(secrets), size)
	for what, where := range found {
		t.Errorf("%q stands in %v", what, where)
	}

	// The search itself must be able to find something.
	planted := t.TempDir()
	for what := range secrets {
		if err := os.WriteFile(filepath.Join(planted, "f"), []byte("\x00\xff"+what+"\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, found := secrets.search(t, planted); found[what] == nil {
			t.Fatalf("the search does not find what was planted: %q", what)
		}
		break
	}
	if _, found := (needles{"hospital": true}).search(t, c.dir); found["hospital"] == nil {
		t.Error("the search does not find the organisation's name, which stands in config.json")
	}
}

// needles are byte strings to look for, of prefixLen bytes at least.
type needles map[string]bool

const prefixLen = 6

// add takes a text in, and the forms in which it could hide.
func (s needles) add(text string) {
	if len(text) < prefixLen {
		return
	}
	s[text] = true
	s[hex.EncodeToString([]byte(text))] = true
	if b := base64.StdEncoding.EncodeToString([]byte(text)); len(text) >= 9 {
		s[b[:len(text)/3*4]] = true
	}
}

// take adds what a patient's Bundle says about the patient.
func (s needles) take(t *testing.T, bundle []byte) {
	t.Helper()
	type coded struct{ Coding []struct{ Display string } }
	var b struct {
		Entry []struct {
			Resource struct {
				ResourceType string
				Code         coded
				Name         json.RawMessage
				Identifier   []struct{ Value string }
				BirthDate    string
				Address      []struct{ Line []string }
				Telecom      []struct{ Value string }
			}
		}
	}
	if err := json.Unmarshal(bundle, &b); err != nil {
		t.Fatal(err)
	}
	for _, e := range b.Entry {
		r := e.Resource
		for _, c := range r.Code.Coding {
			s.add(c.Display)
		}
		if r.ResourceType != "Patient" {
			continue
		}
		var names []struct {
			Family string
			Given  []string
		}
		if err := json.Unmarshal(r.Name, &names); err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			s.add(n.Family)
			s.add(strings.Join(n.Given, " "))
		}
		for _, i := range r.Identifier {
			s.add(i.Value)
		}
		s.add(r.BirthDate)
		for _, a := range r.Address {
			s.add(strings.Join(a.Line, " "))
		}
		for _, phone := range r.Telecom {
			s.add(phone.Value)
		}
	}
}

// ids adds the ids that the resources of a transaction were given.
func (s needles) ids(t *testing.T, answer []byte) {
	t.Helper()
	var b struct {
		Entry []struct{ Response struct{ Location string } }
	}
	if err := json.Unmarshal(answer, &b); err != nil || len(b.Entry) == 0 {
		t.Fatalf("%v: %s", err, head(answer))
	}
	for _, e := range b.Entry {
		at := strings.Split(e.Response.Location, "/_history/")[0]
		s.add(at[strings.LastIndexByte(at, '/')+1:])
	}
}

// search reads every file below dir and tells which of the needles stand where.
func (s needles) search(t *testing.T, dir string) (size int64, found map[string][]string) {
	t.Helper()
	byPrefix := make(map[uint64][]string)
	var maybe [1 << 16]bool // by the first two bytes: most of a file is passed over at once
	for what := range s {
		key := prefix([]byte(what))
		byPrefix[key] = append(byPrefix[key], what)
		maybe[binary.LittleEndian.Uint16([]byte(what))] = true
	}
	found = make(map[string][]string)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		size += int64(len(b))
		for i := range max(0, len(b)-prefixLen+1) {
			if !maybe[binary.LittleEndian.Uint16(b[i:])] {
				continue
			}
			for _, what := range byPrefix[prefix(b[i:])] {
				if strings.HasPrefix(string(b[i:min(len(b), i+len(what))]), what) && len(found[what]) < 5 {
					found[what] = append(found[what], path)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return size, found
}

func prefix(b []byte) (key uint64) {
	for _, c := range b[:prefixLen] {
		key = key<<8 | uint64(c)
	}
	return key
}
