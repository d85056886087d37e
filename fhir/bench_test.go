package fhir

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sijil-health/sijil/record"
)

// void is a Store that does nothing, so that benchmarks measure the gate.
type void struct{ Store }

func (void) Write(_ context.Context, _ record.Access, changes []record.Change) (*record.Commit, error) {
	c := &record.Commit{Versions: make([]record.Version, len(changes)), Anchored: func(context.Context) error { return nil }}
	at := time.Now()
	for i := range changes {
		change := &changes[i]
		c.Versions[i] = record.Version{Type: change.Type, ID: change.ID, Version: 1, Op: record.OpCreate, Updated: at, Chart: change.Chart}
		c.Versions[i].Body = Apply(change.Source, change.Edits(1, at))
	}
	return c, nil
}

func (void) Read(context.Context, record.Access, string, string, uint64) (*record.Version, error) {
	return &record.Version{Type: "Observation", ID: "o1", Version: 1, Op: record.OpCreate, Body: []byte(observation)}, nil
}

// sink is a ResponseWriter that keeps nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

func send(s *Server, method, path string, body []byte) {
	r := httptest.NewRequest(method, "http://h.example/fhir"+path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer dr.amal")
	r.Header.Set("Content-Type", "application/fhir+json")
	s.ServeHTTP(&sink{header: http.Header{}}, r)
}

// BenchmarkCreate is a whole create, but for network and store.
func BenchmarkCreate(b *testing.B) {
	s := New(Config{Store: void{}, Auth: tokens{}, Prefix: "/fhir", Checks: Strict})
	body := []byte(observation)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		send(s, "POST", "/Observation", body)
	}
}

// BenchmarkRead is a whole read, but for network and store.
func BenchmarkRead(b *testing.B) {
	s := New(Config{Store: void{}, Auth: tokens{}, Prefix: "/fhir", Checks: Strict})
	b.ReportAllocs()
	for b.Loop() {
		send(s, "GET", "/Observation/o1", nil)
	}
}

// BenchmarkTransaction is a whole Synthea transaction, but for network and store: parsing, checking, resolving, indexing, answering.
func BenchmarkTransaction(b *testing.B) {
	s := New(Config{Store: void{}, Auth: tokens{}, Prefix: "/fhir", Checks: Strict})
	var body []byte
	for _, src := range sampleFiles(b, "data/fhir/synthea/smart-2019/Jacob*.json.gz") {
		body = src
	}
	entries := parsed(b, string(body)).Get("entry").Len()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		send(s, "POST", "/", body)
	}
	b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "resources/s")
}
